//! What a spreadsheet, an old database or a printer driver does to a value on its way: `3.2E+17` for an identity number, lost
//! leading zeros, tabs, apostrophes, full-width digits, `?` for a rare character.

use model::{Issue, Severity};

/// One kind of damage to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Damage {
    /// `3.2E+17`: the digits are gone.
    ScientificNotation,
    /// Eighteen digits ending in zeros: a spreadsheet keeps fifteen.
    DigitsLost,
    /// Fewer digits than the element's format fixes.
    LeadingZerosLost,
    /// A tab or a line end behind (or before) the value.
    TrailingTab,
    /// `'3201…` or `="3201…"`: how people keep a spreadsheet from touching a value.
    SpreadsheetQuote,
    /// Full-width digits or letters.
    FullWidth,
    /// `?` or U+FFFD where a character was.
    CharacterLost,
    /// `45356` for a day.
    SpreadsheetSerial,
}

impl Damage {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::ScientificNotation,
        Self::DigitsLost,
        Self::LeadingZerosLost,
        Self::TrailingTab,
        Self::SpreadsheetQuote,
        Self::FullWidth,
        Self::CharacterLost,
        Self::SpreadsheetSerial,
    ];

    /// The id of the rule, as in `standards/rules/text.toml`.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::ScientificNotation => "text.identifier.scientific-notation",
            Self::DigitsLost => "text.identifier.digits-lost",
            Self::LeadingZerosLost => "text.identifier.leading-zeros-lost",
            Self::TrailingTab => "text.value.trailing-tab",
            Self::SpreadsheetQuote => "text.value.spreadsheet-quote",
            Self::FullWidth => "text.value.full-width",
            Self::CharacterLost => "text.character.lost",
            Self::SpreadsheetSerial => "text.time.spreadsheet-serial",
        }
    }

    /// Whether the value itself cannot be known any more.
    #[must_use]
    pub fn is_loss(self) -> bool {
        matches!(self, Self::ScientificNotation | Self::DigitsLost)
    }

    /// The finding, at a place.
    #[must_use]
    pub fn issue(self, path: &str, found: &str) -> Issue {
        let (severity, hint) = match self {
            Self::ScientificNotation => {
                (Severity::Warning, "号码被电子表格改成了科学计数法，原值已丢失；请按文本格式重新导出")
            }
            Self::DigitsLost => {
                (Severity::Warning, "号码末尾为多个0，疑似被电子表格截断到15位有效数字；请按文本格式重新导出")
            }
            Self::LeadingZerosLost => (Severity::Warning, "位数不足，疑似前导零丢失；请按文本格式重新导出"),
            Self::TrailingTab => (Severity::Information, "值前后带有制表符或换行，已去除"),
            Self::SpreadsheetQuote => (Severity::Information, "值带有电子表格的文本标记（' 或 =\"\"），已去除"),
            Self::FullWidth => (Severity::Information, "含全角数字或字母，已转为半角"),
            Self::CharacterLost => (Severity::Warning, "疑有生僻字在来源库中丢失（?），请在来源系统中补正"),
            Self::SpreadsheetSerial => (Severity::Warning, "日期被电子表格改成了序列号，已按1899-12-30起算还原"),
        };
        Issue::new(self.rule(), severity, path).found(found).hint(hint)
    }
}

/// The value without the marks that people add for spreadsheets: `'3201…`, `="3201…"`. Nothing else is touched.
#[must_use]
pub fn without_spreadsheet_quote(text: &str) -> &str {
    if let Some(inner) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        return inner;
    }
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => text,
    }
}

/// What happened to a number of a person or thing. `digits` is how many digits the element's format fixes (6 for `N6`), if it does.
#[must_use]
pub fn of_identifier(sent: &str, digits: Option<usize>) -> Vec<Damage> {
    let mut damage = around(sent);
    let value = super::key_part(without_spreadsheet_quote(&super::clean(sent))).into_owned();
    if is_scientific(&value) {
        damage.push(Damage::ScientificNotation);
    } else if value.len() >= 17 && value.bytes().all(|byte| byte.is_ascii_digit()) && has_lost_digits(&value) {
        damage.push(Damage::DigitsLost);
    } else if digits.is_some_and(|digits| !value.is_empty() && value.len() < digits)
        && value.bytes().all(|byte| byte.is_ascii_digit())
    {
        damage.push(Damage::LeadingZerosLost);
    }
    damage
}

/// What can happen to any value: tabs, quotes, full-width digits.
#[must_use]
pub fn around(sent: &str) -> Vec<Damage> {
    let mut damage = Vec::new();
    let untabbed = sent.trim_matches(['\t', '\r', '\n']);
    if untabbed.len() != sent.len() && !untabbed.is_empty() {
        damage.push(Damage::TrailingTab);
    }
    let cleaned = super::clean(sent);
    if without_spreadsheet_quote(&cleaned).len() != cleaned.len() {
        damage.push(Damage::SpreadsheetQuote);
    }
    let wide = |character: char| matches!(character, '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ');
    if !sent.is_ascii() && sent.contains(wide) {
        damage.push(Damage::FullWidth);
    }
    damage
}

/// Whether a name has lost a character: `李?红`, or U+FFFD.
#[must_use]
pub fn of_name(sent: &str) -> Option<Damage> {
    let lost = sent.contains(['?', '？', '\u{FFFD}']);
    lost.then_some(Damage::CharacterLost)
}

/// The day that a spreadsheet's serial number stands for (`45356` is `2024-03-05`), within 1954–2119; a fraction is a time of
/// day and is dropped.
#[must_use]
pub fn day_of_serial(text: &str) -> Option<String> {
    let whole = text.trim().split('.').next().filter(|whole| whole.len() == 5)?;
    let days: i32 = whole.parse().ok().filter(|days| (20_000..80_000).contains(days))?;
    if !text.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let day = jiff::civil::date(1899, 12, 30).checked_add(jiff::Span::new().days(days)).ok()?;
    Some(format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()))
}

/// `3.2E+17`, `1E5`: digits, a point, an exponent.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is = match mantissa.split_once('.') {
        Some((whole, fraction)) => whole.len() == 1 && digits(whole) && digits(fraction),
        None => mantissa.len() == 1 && digits(mantissa),
    };
    // Without a point `4E12` could be a room; a number in a spreadsheet turns at twelve digits.
    mantissa_is && digits(exponent) && exponent.len() == 2 && exponent.parse::<u8>().is_ok_and(|power| power >= 11)
}

/// Fifteen significant digits and zeros behind them.
fn has_lost_digits(digits: &str) -> bool {
    digits.len() > 15 && digits[15..].bytes().all(|byte| byte == b'0')
}
