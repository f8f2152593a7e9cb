//! Which of the two languages a reader wants. Chinese is the first language of the platform: it answers when nothing is asked.

use axum::http::{HeaderMap, header};

/// The language of sentences in replies. Codes and field names are the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// 中文.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The language that `Accept-Language` asks for: the highest weight among those we speak, the first of equals.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(text) = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else {
            return Self::Chinese;
        };
        let mut best = (Self::Chinese, 0.0_f32);
        for part in text.split(',') {
            let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
            let weight = weight.trim().parse().unwrap_or(0.0);
            let language = match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
                Some("zh") => Self::Chinese,
                Some("en") => Self::English,
                _ => continue,
            };
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    /// The one of two sentences (Chinese, English) that is in this language.
    pub fn pick<'a>(self, words: (&'a str, &'a str)) -> &'a str {
        match self {
            Self::Chinese => words.0,
            Self::English => words.1,
        }
    }
}

impl From<Language> for formats::fhir::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Chinese => Self::Chinese,
            Language::English => Self::English,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(accept: &'static str, expected: Language) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
        assert_eq!(Language::of(&headers), expected, "{accept}");
    }

    #[test]
    fn the_highest_weight_wins() {
        assert_eq!(Language::of(&HeaderMap::new()), Language::Chinese);
        check("en", Language::English);
        check("en-GB,en;q=0.9,zh;q=0.8", Language::English);
        check("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese);
        check("fr, en;q=0.2, zh-CN;q=0.7", Language::Chinese);
        check("fr", Language::Chinese);
    }
}
