use std::io::BufReader;

use super::*;
use crate::batch::Input;
use crate::standardise::Regions;

fn read(bytes: &[u8]) -> Result<Input, TableError> {
    Input::read(&mut BufReader::new(bytes), &Regions::default())
}

fn addresses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    read_registrations(&mut text.as_bytes(), |line, one| found.push((line, one.address.to_owned()))).unwrap();
    found
}

#[test]
fn a_quote_inside_a_field_is_text() {
    let text = "rec_id,name,address\na,张三,建国路5\"楼\nb,李四,\"建国路\"\"6\"\"号,2楼\"\nc,王五,\"两行\n地址\"\n\nd,赵六,\"5\"楼\"\n";
    let expected = [(2, "建国路5\"楼"), (3, "建国路\"6\"号,2楼"), (4, "两行\n地址"), (7, "5\"楼")];
    assert_eq!(addresses(text), expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn a_quote_that_nobody_closes_swallows_nothing() {
    let mut text = "rec_id,name,address\na,张三,\"建国路\n".to_owned();
    assert!(matches!(read(text.as_bytes()), Err(TableError::OpenQuote(2))));
    for at in 0..1000 {
        text.push_str(&format!("b{at},李四,路\n"));
    }
    text.push_str("c,王五,\"甲,乙\"\n");
    assert!(matches!(read(text.as_bytes()), Err(TableError::OpenQuote(2))));
}

#[test]
fn gb18030_is_read_and_what_is_neither_is_refused() {
    let text = "rec_id,name,birth_date\na,张伟,1985-03-12\nb,王国,1985-03-12\nc,𠮷野,1985-03-12\n";
    let (bytes, ..) = encoding_rs::GB18030.encode(text);
    assert_eq!(read(&bytes).unwrap().registrations, read(text.as_bytes()).unwrap().registrations);
    // Behind the first buffer, too.
    let mut long = b"rec_id,name\n".to_vec();
    (0..1000).for_each(|at| long.extend_from_slice(format!("r{at},Viktor Larsen\n").as_bytes()));
    let mut mixed = long.clone();
    long.extend_from_slice(&encoding_rs::GB18030.encode("a,张伟\n").0);
    assert_eq!(
        read(&long).unwrap().registrations[1000],
        read("rec_id,name\na,张伟\n".as_bytes()).unwrap().registrations[0]
    );
    mixed.extend_from_slice("a,张伟\n".as_bytes());
    mixed.extend_from_slice(&encoding_rs::GB18030.encode("b,张伟\n").0);
    assert!(matches!(read(&mixed), Err(TableError::MixedEncodings(1003))));
    assert!(matches!(read(b"rec_id,name\na,\xff\xff\n"), Err(TableError::Encoding(2))));
}

#[test]
fn ids_are_there_and_once() {
    assert!(matches!(read("rec_id,name\na,张三\n ,李四\n".as_bytes()), Err(TableError::MissingId(3))));
    let twice = read("rec_id,name\na,张三\nb,李四\na,王五\n".as_bytes()).unwrap_err();
    assert_eq!(twice.to_string(), "lines 2 and 4 have the same rec_id a");
    assert!(matches!(read(b""), Err(TableError::MissingColumn("rec_id"))));
}

#[test]
fn missing_columns_are_named() {
    let missing = read("rec_id,name,idno,birth_date\n".as_bytes()).unwrap().missing_columns;
    assert_eq!(missing, ["source", "mrn", "id_type", "id_no", "sex", "phone", "address", "reg_date"]);
}
