//! Words for "nothing": `NULL`, `-`, `无`, `1900-01-01`. Which of them mean nothing depends on where they stand: `0` is a
//! quantity and a code, but no name and no day; `无` under 过敏史 is an answer. The words are data (`standards/tables/nothing.toml`).

use std::borrow::Cow;

pub use standards::tables::Context;

/// The longest word for "nothing", in bytes, when each of its characters takes three.
const WORD_BYTES_MAX: usize = 64;

/// Whether the text says nothing where it stands. Spaces, letter case and width do not matter.
#[must_use]
pub fn is_nothing(text: &str, context: Context) -> bool {
    let text = super::key_part(text);
    text.is_empty() || standards::tables::is_nothing(&text, context)
}

/// The cleaned text, or `None` when it says nothing where it stands.
#[must_use]
pub fn present(text: &str, context: Context) -> Option<Cow<'_, str>> {
    let cleaned = super::clean(text);
    if cleaned.is_empty() {
        return None;
    }
    // No word for "nothing" is so long, however wide it is written.
    let short = cleaned.len() <= WORD_BYTES_MAX;
    let nothing = short && standards::tables::is_nothing(&super::fold_width(&cleaned), context);
    (!nothing).then_some(cleaned)
}
