//! Laws of the table reader.

use formats::table::{Options, Rows, read};
use proptest::prelude::*;

const TABLES: [&str; 9] = [
    "registration",
    "outpatient_record",
    "lab_report",
    "lab_item",
    "prescription",
    "charge",
    "discharge_summary",
    "patient",
    "reconciliation",
];

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300), table in 0usize..TABLES.len()) {
        let options = Options { table: Some(TABLES[table].to_owned()), ..Options::default() };
        let _ = read(&bytes, &options);
        let _ = read(&bytes, &Options::default());
    }

    #[test]
    fn any_cells_are_read(cells in proptest::collection::vec("[0-9A-Z男女无阴性<>~.^/+\\-:'\" \t]{0,12}", 24), header in 0usize..5) {
        let headers = [
            "YLJGDM,JZLSH,BRID,GHSJ,GTHBZ,ZJHM,XBDM,CSRQ",
            "YLJGDM,JZLSH,BRID,BGDH,BGRQ,JCXMDM,JCJG,JLDW",
            "YLJGDM,JZLSH,BRID,SFTFBH,TFBZ,JE,XMMC,SFTFSJ",
            "YLJGDM,BRID,JZLSH,RYSJ,CYSJ,CYZDMC,CYYZ,XGBZ",
            "YLJGDM,YWRQ,YWLX,JLS,JEHJ,PCH,YQDM,TBRQ",
        ];
        let mut text = String::from(headers[header]);
        for row in cells.chunks(8) {
            text.push('\n');
            text.push_str(&row.join(","));
        }
        let reading = read(text.as_bytes(), &Options::default());
        super::assert_sound(&reading, &text);
    }

    /// Column order, letter case, encoding, delimiter and line ends are envelope: they change nothing.
    #[test]
    fn the_form_of_the_file_changes_nothing(order in Just([0usize, 1, 2, 3, 4, 5, 6, 7, 8, 9]).prop_shuffle(), gb in any::<bool>(), lower in any::<bool>(), tab in any::<bool>()) {
        let names = ["YLJGDM", "JZLSH", "BRID", "HZXM", "XBDM", "CSRQ", "GHSJ", "GTHBZ", "KSMC", "YSXM"];
        let values = ["990121001", "20240305001", "B001", "王珅", "1", "19900101", "2024030508:05:00", "1", "全科医学科", "李玘"];
        let plain = format!("{}\n{}\n", names.join(","), values.join(","));
        let delimiter = if tab { "\t" } else { "," };
        let pick = |from: &[&str]| order.iter().map(|at| from[*at]).collect::<Vec<_>>().join(delimiter);
        let header = if lower { pick(&names).to_lowercase() } else { pick(&names) };
        let text = format!("{header}\r\n{}\r\n", pick(&values));
        let bytes = if gb { encoding_rs::GB18030.encode(&text).0.into_owned() } else { text.into_bytes() };
        let (one, other) = (read(plain.as_bytes(), &Options::default()), read(&bytes, &Options::default()));
        prop_assert_eq!(one.records.len(), 1);
        prop_assert_eq!(&one.records[0].facts, &other.records[0].facts);
    }
}

#[test]
fn rows_come_one_after_the_other() {
    let text = "YLJGDM,JZLSH,BRID,GHSJ\n990121001,1,A,20240305\n990121001,2,B,20240305\n";
    let mut rows = Rows::new(text, &Options::default());
    assert_eq!(rows.table(), Some("registration"));
    assert_eq!(rows.by_ref().count(), 2);
    assert!(rows.issues().is_empty());
    assert_eq!(read(text.as_bytes(), &Options::default()).records.len(), 2);
}
