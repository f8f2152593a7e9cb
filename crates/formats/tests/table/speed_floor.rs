//! Memory: the rows of a large file are not kept.

use formats::table::{Options, Rows};

#[test]
fn a_long_file_is_read_to_its_end() {
    let mut text = String::from("YLJGDM,JZLSH,BRID,GHSJ\n");
    for row in 0..50_000 {
        text.push_str("990121001,");
        text.push_str(&row.to_string());
        text.push_str(",B1,20240305\n");
    }
    let last = Rows::new(&text, &Options::default()).last().unwrap();
    assert_eq!((last.path.as_str(), last.line), ("row[50000]", 50_001));
}
