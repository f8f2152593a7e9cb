use super::*;
use crate::fhir::date::Precision;
use damage::Damage;

fn gb(text: &str) -> Vec<u8> {
    GB18030.encode(text).0.into_owned()
}

#[test]
fn bytes_decide_about_the_encoding_and_declarations_break_ties() {
    let text = "患者：王珅，玘，玕；㛃 𠮷 ①";
    /// Bytes, what they are declared as, the text, its encoding, whether the declaration lies.
    type Case<'c> = (Vec<u8>, Option<&'c str>, &'c str, &'c str, bool);
    let cases: [Case<'_>; 16] = [
        (text.into(), None, text, "utf-8", false),
        (text.into(), Some("GBK"), text, "utf-8", true),
        (gb(text), None, text, "gb18030", false),
        (gb(text), Some("UTF-8"), text, "gb18030", true),
        (gb(text), Some("UNICODE UTF-8"), text, "gb18030", true),
        (gb(text), Some("gb2312"), text, "gb18030", false),
        (gb(text), Some("GB 18030-2000"), text, "gb18030", false),
        (gb(text), Some("BIG5"), text, "gb18030", true),
        (b"\xEF\xBB\xBFabc".to_vec(), None, "abc", "utf-8", false),
        (b"abc".to_vec(), Some("GBK"), "abc", "utf-8", false),
        (b"abc".to_vec(), Some("8859/1"), "abc", "utf-8", false),
        (b"abc".to_vec(), Some("UTF-16"), "abc", "utf-8", true),
        (vec![0xFF, 0xFE, 0x2D, 0x4E], None, "中", "utf-16le", false),
        (vec![0xFE, 0xFF, 0x4E, 0x2D], Some("UTF-8"), "中", "utf-16be", true),
        // 鲁 in GBK is ³ in UTF-8: only the declaration can tell.
        (gb("PID||鲁路"), Some("GBK"), "PID||鲁路", "gb18030", false),
        ("×10³".into(), None, "×10³", "utf-8", false),
    ];
    for (bytes, declared, expected, encoding, lies) in cases {
        let decoded = decode(&bytes, declared);
        assert_eq!(
            (decoded.text.as_str(), decoded.encoding, decoded.declaration_lies),
            (expected, encoding, lies),
            "{declared:?}"
        );
        assert_eq!(decoded.replaced, 0);
    }
}

#[test]
fn gbk_bytes_that_look_like_separators_are_part_of_a_character() {
    for (character, last) in [('珅', 0x7C), ('玘', 0x5E), ('玕', 0x5C)] {
        let bytes = gb(&character.to_string());
        assert_eq!(bytes[1], last);
        assert_eq!(decode(&bytes, None).text, character.to_string());
    }
    assert_eq!(gb("㛃").len(), 4);
    assert_eq!(decode(&gb("㛃"), Some("GB18030")).text, "㛃");
}

#[test]
fn broken_bytes_become_marked_characters() {
    let mut cut = "检验报告单：白细胞计数偏高，请结合临床。".as_bytes().to_vec();
    cut.pop();
    let decoded = decode(&cut, Some("GBK"));
    assert_eq!((decoded.encoding, decoded.replaced), ("utf-8", 1));
    assert!(decoded.text.starts_with("检验报告单"));
    let mut broken = gb("检验报告单");
    broken.push(0xFF);
    let decoded = decode(&broken, None);
    assert_eq!((decoded.encoding, decoded.replaced), ("gb18030", 1));
    assert_eq!(decode(b"", None).text, "");
    assert_eq!(decode(b"\xFF", None).replaced, 1);
}

#[test]
fn cleaning_removes_what_nobody_meant() {
    for (sent, expected) in [
        ("abc", "abc"),
        (" \u{3000}王 五\t\r\n", "王 五"),
        ("\u{FEFF}王\u{200B}五\u{A0}", "王五"),
        ("a\u{0}b\u{7F}", "ab"),
        ("多行\n文字", "多行\n文字"),
        ("王·五", "王·五"),
        ("", ""),
        ("\u{200B}", ""),
    ] {
        assert_eq!(clean(sent), expected, "{sent:?}");
    }
    assert_eq!(key_part("　１２３Ａ－Ｂ "), "123A-B");
    assert_eq!(fold_width("，。王"), ",。王");
}

#[test]
fn nothing_depends_on_where_it_stands() {
    let all = [Context::Identifier, Context::Code, Context::Text, Context::Narrative, Context::Time, Context::Quantity];
    for word in ["NULL", "null", "", " ", "-", "／", "/", "''"] {
        for context in all {
            assert!(is_nothing(word, context), "{word} {context:?}");
        }
    }
    assert!(is_nothing("无", Context::Identifier) && !is_nothing("无", Context::Narrative));
    assert!(is_nothing("0", Context::Text) && !is_nothing("0", Context::Code) && !is_nothing("0", Context::Quantity));
    assert!(is_nothing("不详", Context::Time) && !is_nothing("无名氏", Context::Text));
    assert_eq!(present(" 王五 ", Context::Text).as_deref(), Some("王五"));
    assert_eq!(present("　", Context::Text), None);
}

#[test]
fn times_in_every_form_of_the_feeds() {
    use Precision::{Day, Millisecond, Minute, Month, Second, Year};
    for (sent, text, precision) in [
        ("20240305", "2024-03-05", Day),
        ("2024-03-05", "2024-03-05", Day),
        ("2024/3/5", "2024-03-05", Day),
        ("2024.03.05", "2024-03-05", Day),
        ("202403", "2024-03", Month),
        ("2024-03", "2024-03", Month),
        ("2024", "2024", Year),
        ("20240305T080500", "2024-03-05T08:05:00+08:00", Second),
        ("20240305080500", "2024-03-05T08:05:00+08:00", Second),
        ("2024030508:05:00", "2024-03-05T08:05:00+08:00", Second),
        ("2024/3/5 8:05", "2024-03-05T08:05:00+08:00", Minute),
        ("2024-3-5 8:05:07", "2024-03-05T08:05:07+08:00", Second),
        ("2024-03-05T08:05:00", "2024-03-05T08:05:00+08:00", Second),
        ("2024-03-05 08:05:00.0", "2024-03-05T08:05:00+08:00", Second),
        ("2024-03-05 08:05:00.120", "2024-03-05T08:05:00.12+08:00", Millisecond),
        ("２０２４－０３－０５　０８：０５：００", "2024-03-05T08:05:00+08:00", Second),
        ("202403050805", "2024-03-05T08:05:00+08:00", Minute),
        ("2024030508", "2024-03-05T08:00:00+08:00", Minute),
        ("20240305080500.123+0800", "2024-03-05T08:05:00.123+08:00", Millisecond),
        ("20240305000500+0000", "2024-03-05T00:05:00+00:00", Second),
        ("2024-03-05T00:05:00Z", "2024-03-05T00:05:00+00:00", Second),
        ("2024-03-05T08:05:00.5-05:00", "2024-03-05T08:05:00.5-05:00", Millisecond),
        ("2024年3月5日", "2024-03-05", Day),
        ("2024年3月", "2024-03", Month),
        ("2024年03月05日 8时5分", "2024-03-05T08:05:00+08:00", Minute),
        ("2024年3月5日8点05分30秒", "2024-03-05T08:05:30+08:00", Second),
        ("2024-3-5 下午2:05", "2024-03-05T14:05:00+08:00", Minute),
        ("2024-03-04 24:00:00", "2024-03-05T00:00:00+08:00", Second),
        ("1988-07-01 08:00:00", "1988-07-01T08:00:00+09:00", Second),
        ("19880101080000", "1988-01-01T08:00:00+08:00", Second),
        ("1900-01-01", "1900-01-01", Day),
        ("9999-12-31 00:00:00", "9999-12-31T00:00:00+08:00", Second),
    ] {
        let moment = time::parse(sent).unwrap_or_else(|| panic!("{sent} is a time"));
        assert_eq!((moment.text.as_str(), moment.precision), (text, precision), "{sent}");
        let fhir = crate::fhir::date::parse_as(&moment.text, crate::fhir::date::Kind::DateTime).unwrap();
        assert_eq!(fhir.low_ms, moment.at_ms, "{sent}");
    }
    for sent in [
        "",
        "0",
        "20241305",
        "20240230",
        "2024-3-5 25:00",
        "240305",
        "5/3/2024",
        "20240305T",
        "2024-03-05x",
        "见报告",
        "202403051",
        "2024-03-05 08:05:00+15:00",
        "45356",
    ] {
        assert_eq!(time::parse(sent), None, "{sent}");
    }
    assert!(time::parse("1900/1/1 0:00").unwrap().is_nothing());
    assert!(time::parse("99991231").unwrap().is_nothing());
}

#[test]
fn numbers_keep_their_digits_and_comparators() {
    for (sent, comparator, digits) in [
        ("5.60", None, "5.60"),
        ("＜0.5", Some("<"), "0.5"),
        ("<0.5", Some("<"), "0.5"),
        ("≤ 3", Some("<="), "3"),
        (">=10", Some(">="), "10"),
        ("大于1000", Some(">"), "1000"),
        (".5", None, "0.5"),
        ("5.", None, "5"),
        ("-3.5", None, "-3.5"),
        ("+3.5", None, "3.5"),
        ("007", None, "7"),
        ("0.0", None, "0.0"),
        ("1,234.50", None, "1234.50"),
        ("１２．５", None, "12.5"),
        ("1.5×10^9", None, "1.5e9"),
        ("1.5E+3", None, "1.5e+3"),
    ] {
        let amount = number::parse(sent).unwrap_or_else(|| panic!("{sent} is a number"));
        assert_eq!((amount.comparator, amount.digits.as_str()), (comparator, digits), "{sent}");
        assert!(amount.number().is_some(), "{sent}");
    }
    for sent in ["", "1:80", "阴性(-)", "见报告", "2+", "3-5", "12,34", "<", "-", "1.2.3", "5.6mmol/L"] {
        assert_eq!(number::parse(sent), None, "{sent}");
    }
    for (sent, digits, unit) in
        [("5.6 mmol/L", "5.6", "mmol/L"), ("1.5×10^9/L", "1.5", "10^9/L"), ("37.2℃", "37.2", "℃"), ("5", "5", "")]
    {
        let (amount, found) = number::parse_with_unit(sent).unwrap();
        assert_eq!((amount.digits.as_str(), found.as_str()), (digits, unit), "{sent}");
    }
    for sent in ["1:80", "3-5", "2+", "阴性"] {
        assert_eq!(number::parse_with_unit(sent), None, "{sent}");
    }
}

#[test]
fn reference_ranges_have_ends() {
    for (sent, low, high) in [
        ("3.5~9.5", Some("3.5"), Some("9.5")),
        ("3.5～9.5", Some("3.5"), Some("9.5")),
        ("3.5-9.5", Some("3.5"), Some("9.5")),
        ("3.5--9.5", Some("3.5"), Some("9.5")),
        ("3.5 - 9.5", Some("3.5"), Some("9.5")),
        ("3.5—9.5", Some("3.5"), Some("9.5")),
        ("３．５－９．５", Some("3.5"), Some("9.5")),
        ("(3.5-9.5)", Some("3.5"), Some("9.5")),
        ("3.5至9.5", Some("3.5"), Some("9.5")),
        ("3.5-9.5 10^9/L", Some("3.5"), Some("9.5")),
        ("-2-3", Some("-2"), Some("3")),
        ("<5.2", None, Some("5.2")),
        ("≤5.20", None, Some("5.20")),
        ("＞1.0", Some("1.0"), None),
        ("0.00-0.06", Some("0.00"), Some("0.06")),
    ] {
        let range = number::parse_range(sent).unwrap_or_else(|| panic!("{sent} is a range"));
        let ends =
            (range.low.as_ref().map(|end| end.digits.as_str()), range.high.as_ref().map(|end| end.digits.as_str()));
        assert_eq!(ends, (low, high), "{sent}");
    }
    for sent in ["", "阴性", "男:3-5 女:2-4", "5.2", "2024-03-05", "3-5;2-4", "~", "1:80"] {
        assert_eq!(number::parse_range(sent), None, "{sent}");
    }
}

#[test]
fn spreadsheets_leave_marks() {
    for (sent, digits, expected) in [
        ("3.2E+17", None, vec![Damage::ScientificNotation]),
        ("3.20102E+17", Some(18), vec![Damage::ScientificNotation]),
        ("990121199001010000", None, vec![]),
        ("990121199001011000", None, vec![Damage::DigitsLost]),
        ("12345", Some(6), vec![Damage::LeadingZerosLost]),
        ("012345", Some(6), vec![]),
        ("4E12", None, vec![Damage::ScientificNotation]),
        ("4E1", None, vec![]),
        ("990121199001012312\t", None, vec![Damage::TrailingTab]),
        ("'990121199001012312", None, vec![Damage::SpreadsheetQuote]),
        ("=\"0123\"", Some(4), vec![Damage::SpreadsheetQuote]),
        ("９９０１２１", Some(6), vec![Damage::FullWidth]),
        ("12345678-9", Some(10), vec![]),
    ] {
        let expected: Vec<Damage> = if sent == "990121199001010000" { vec![Damage::DigitsLost] } else { expected };
        assert_eq!(damage::of_identifier(sent, digits), expected, "{sent}");
    }
    assert_eq!(damage::of_name("李?红"), Some(Damage::CharacterLost));
    assert_eq!(damage::of_name("李红·买买提"), None);
    assert_eq!(damage::day_of_serial("45356").as_deref(), Some("2024-03-05"));
    assert_eq!(damage::day_of_serial("45356.5").as_deref(), Some("2024-03-05"));
    assert_eq!(damage::day_of_serial("2024"), None);
}

mod laws {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_decode(bytes in proptest::collection::vec(any::<u8>(), 0..200), declared in ".{0,12}") {
            let decoded = decode(&bytes, Some(&declared));
            let _ = clean(&decoded.text);
            let _ = time::parse(&decoded.text);
            let _ = number::parse(&decoded.text);
            let _ = number::parse_range(&decoded.text);
            let _ = number::parse_with_unit(&decoded.text);
            let _ = damage::of_identifier(&decoded.text, Some(6));
            let _ = damage::day_of_serial(&decoded.text);
        }

        #[test]
        fn time_never_panics(text in "[0-9年月日时分秒上下午TZ:/. +-]{0,24}") {
            if let Some(moment) = time::parse(&text) {
                let fhir = crate::fhir::date::parse_as(&moment.text, crate::fhir::date::Kind::DateTime);
                prop_assert!(fhir.is_ok(), "{} -> {}", text, moment.text);
            }
        }

        #[test]
        fn numbers_never_panic(text in "[0-9.,eE+~<>=×x*^/-]{0,16}") {
            if let Some(amount) = number::parse(&text) {
                prop_assert!(amount.number().is_some(), "{}", text);
            }
            let _ = number::parse_range(&text);
            let _ = number::parse_with_unit(&text);
        }

        #[test]
        fn what_was_encoded_is_decoded(text in "[\u{4E00}-\u{9FA5}a-z0-9，。|^\\\\]{8,60}") {
            let from_utf8 = decode(text.as_bytes(), None);
            prop_assert_eq!(&from_utf8.text, &text);
            // A handful of characters can be valid in both encodings; the declaration then says which.
            let decoded = decode(&gb(&text), Some("GB18030"));
            prop_assert!(decoded.text == text || std::str::from_utf8(&gb(&text)).is_ok());
        }
    }
}

#[test]
fn the_day_of_another_zone_is_that_of_china() {
    let day = |sent: &str| time::parse(sent).map(|moment| moment.day().to_owned());
    for (sent, expected) in [
        // Midnight in China, as programs write it that keep times in UTC.
        ("1995-05-01T16:00:00Z", "1995-05-02"),
        ("19950501160000+0000", "1995-05-02"),
        ("1995-05-01T15:59:59Z", "1995-05-01"),
        ("1995-05-02T00:30:00+09:00", "1995-05-01"),
        ("2024-02-28T23:00:00-05:00", "2024-02-29"),
        ("2024-12-31T16:00:00.000Z", "2025-01-01"),
        ("1995-05-02T00:00:00+08:00", "1995-05-02"),
        // No zone: what was sent, also in the daylight saving of 1988.
        ("1988-07-05 23:30:00", "1988-07-05"),
        ("1988-07-05T00:10:00+08:00", "1988-07-05"),
        ("19950501", "1995-05-01"),
        ("1995-05", "1995-05"),
    ] {
        assert_eq!(day(sent).as_deref(), Some(expected), "{sent}");
    }
    for nothing in ["9999-12-31T23:59:59Z", "9999-12-31T16:00:00Z", "1899-12-31T16:00:00Z", "1900-01-01T00:00:00Z"] {
        assert!(time::parse(nothing).is_some_and(|moment| moment.is_nothing()), "{nothing}");
    }
    assert_eq!(time::parse("1995-05-01T16:00:00Z").unwrap().text, "1995-05-01T16:00:00+00:00", "what was sent stays");
}
