//! What was meant by what was written: names of sections and elements, data element identifiers, object identifiers.

use std::borrow::Cow;

use standards::cda;

use crate::text;

/// A name without what people write differently: letter case, blanks, brackets and dashes of every width.
#[must_use]
pub fn plain(name: &str) -> Cow<'_, str> {
    let odd = |character: char| {
        character.is_whitespace()
            || character.is_ascii_uppercase()
            || matches!(
                character,
                '(' | ')' | '（' | '）' | '-' | '—' | '“' | '”' | '\'' | '"' | ',' | '，' | '、' | '/' | '_'
            )
            || ('！'..='～').contains(&character)
    };
    if !name.chars().any(odd) {
        return Cow::Borrowed(name);
    }
    let folded = text::fold_width(name);
    Cow::Owned(
        folded
            .chars()
            .filter(|character| {
                !character.is_whitespace()
                    && !matches!(character, '(' | ')' | '-' | '—' | '“' | '”' | '\'' | '"' | ',' | '、' | '/' | '_')
            })
            .map(|character| character.to_ascii_lowercase())
            .collect(),
    )
}

/// Whether a text is a data element as the catalogue writes them.
fn is_element(text: &str) -> bool {
    let shape = |prefix: &str, widths: &[usize]| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            let mut parts = rest.split('.');
            widths.iter().all(|width| {
                parts.next().is_some_and(|part| part.len() == *width && part.bytes().all(|byte| byte.is_ascii_digit()))
            }) && parts.next().is_none()
        })
    };
    shape("DE", &[2, 2, 3, 2]) || shape("HDSD", &[2, 2, 3])
}

/// The data element that was meant by `DE056.00.193.00`, `HDSDOO.12.099`, `DE06.0.319.00`, `ｄｅ05.01.024.00`; the text itself
/// when it is well formed or when nobody can tell.
#[must_use]
pub fn right_element(sent: &str) -> Cow<'_, str> {
    if is_element(sent) {
        return Cow::Borrowed(sent);
    }
    let cleaned = text::key_part(sent).to_uppercase().replace(['·', '。', '，', ',', '_', '-'], ".");
    let letters = cleaned.chars().take_while(|character| character.is_ascii_uppercase() && *character != 'O').count();
    let (prefix, rest) = cleaned.split_at(letters);
    let rest = rest.trim_start_matches('.').replace('O', "0").replace(['I', 'L'], "1");
    let (prefix, widths): (&str, &[usize]) = match prefix {
        "DE" | "D" | "E" | "DED" => ("DE", &[2, 2, 3, 2]),
        "HDSD" | "HDS" | "HSDS" | "HDSDD" => ("HDSD", &[2, 2, 3]),
        _ => return Cow::Borrowed(sent),
    };
    let simple = format!("{prefix}{rest}");
    if is_element(&simple) {
        return Cow::Owned(simple);
    }
    let parts: Vec<&str> = rest.split('.').collect();
    let mut candidates = Vec::new();
    if parts.len() == widths.len() {
        let padded: Vec<String> = parts.iter().zip(widths).map(|(part, width)| format!("{part:0>width$}")).collect();
        candidates.push(format!("{prefix}{}", padded.join(".")));
        for (number, width) in widths.iter().enumerate().filter(|(number, width)| parts[*number].len() == **width + 1) {
            for dropped in 0..=*width {
                let mut changed: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
                if changed[number].is_char_boundary(dropped) && changed[number].is_char_boundary(dropped + 1) {
                    changed[number].remove(dropped);
                    candidates.push(format!("{prefix}{}", changed.join(".")));
                }
            }
        }
    } else {
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        if digits.len() == widths.iter().sum::<usize>() {
            let mut at = 0;
            let split: Vec<&str> = widths
                .iter()
                .map(|width| {
                    at += width;
                    &digits[at - width..at]
                })
                .collect();
            candidates.push(format!("{prefix}{}", split.join(".")));
        }
    }
    candidates
        .into_iter()
        .find(|candidate| is_element(candidate) && cda::element_name(candidate).is_some())
        .map_or(Cow::Borrowed(sent), Cow::Owned)
}

/// An object identifier without blanks and with the slips that are known put right: `2016.156…` is `2.16.156…`.
#[must_use]
pub fn right_oid(sent: &str) -> Cow<'_, str> {
    let trimmed = sent.trim();
    let trimmed = trimmed.strip_prefix("urn:oid:").unwrap_or(trimmed);
    if let Some(rest) = trimmed.strip_prefix("2016.") {
        return Cow::Owned(format!("2.16.{rest}"));
    }
    if trimmed.contains(['。', '．', '，', ',']) || trimmed.contains("..") || trimmed.ends_with('.') {
        let folded = text::fold_width(trimmed).replace(['。', '，', ','], ".");
        let joined: Vec<&str> = folded.split('.').filter(|part| !part.is_empty()).collect();
        return Cow::Owned(joined.join("."));
    }
    Cow::Borrowed(trimmed)
}
