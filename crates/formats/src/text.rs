//! Bytes to characters, and characters to what the sender meant: encodings that lie, full-width forms, words for "nothing",
//! and the many ways to write a time.

/// Bytes after decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The characters; a byte order mark is gone.
    pub text: String,
    /// `utf-8` or `gb18030`.
    pub encoding: &'static str,
    /// Positions (in characters) that could not be decoded are U+FFFD; how many.
    pub replaced: usize,
    /// The message declared another encoding than the one it is in.
    pub declaration_lies: bool,
}
