//! Invented documents: the same values for the same place, so that every test sees the same bytes.

use formats::cda::write::{Document, Drug, Patient, Person, Said, Visit, WrittenEntry, filled};
use standards::cda::Entry;

fn pair(code: &str, word: &str) -> (String, String) {
    (code.to_owned(), word.to_owned())
}

/// A value that fits the place of a template.
pub fn say(entry: &Entry, number: usize) -> Said {
    let coded = |code: &str, word: &str| Said::Code(code.to_owned(), word.to_owned());
    match (entry.code, entry.value_type) {
        ("DE05.01.024.00" | "DE05.01.021.00" | "DE05.01.078.00", _) => coded("I10.x00", "原发性高血压"),
        ("DE05.10.130.00", _) => coded("BNG040", "眩晕病"),
        ("DE04.30.019.00", "CD") => coded(&format!("XM{number:03}"), &format!("检验项目{number}")),
        ("DE06.00.289.00", _) => coded("01", "药品类医嘱"),
        ("DE02.10.022.00" | "DE05.01.022.00", _) => Said::Plain("青霉素过敏".to_owned()),
        ("", _) if entry.act == "procedure" => coded("47.0901", "阑尾切除术"),
        ("", _) if entry.act == "substanceAdministration" => Said::Plain(format!("阿莫西林胶囊{number}")),
        ("", _) => Said::Nothing,
        (_, "CD") => coded("1", &format!("{}之一", entry.name)),
        (_, "PQ") => Said::Quantity(
            format!("{}.50", 10 + number % 80),
            if entry.unit.is_empty() { "u".to_owned() } else { entry.unit.to_owned() },
        ),
        (_, "REAL") => Said::Plain(format!("{number}.25")),
        (_, "INT") => Said::Plain(format!("{}", 1 + number % 9)),
        (_, "MO") => Said::Plain(format!("{}.00", 100 + number)),
        (_, "BL") => Said::Plain(if number.is_multiple_of(2) { "true" } else { "false" }.to_owned()),
        (_, "TS") => Said::Plain(format!("202403{:02}0805{:02}", 1 + number % 28, number % 60)),
        _ => Said::Plain(format!("{}的内容{number} <&\"'> 张玘", entry.name)),
    }
}

/// Header of an invented stay or visit.
pub fn head(document: &mut Document, number: usize) {
    let stay = document.code.as_str() >= "C0032";
    document.id = format!("DOC{number:08}");
    document.effective = "20240305101500".to_owned();
    let visit = if stay {
        ("2.16.156.10011.1.12", format!("ZY{number:06}"))
    } else {
        ("2.16.156.10011.1.11", format!("MZ{number:06}"))
    };
    document.patient = Patient {
        numbers: vec![
            (visit.0.to_owned(), visit.1),
            ("2.16.156.10011.1.13".to_owned(), format!("BA{number:06}")),
            ("2.16.156.10011.1.33".to_owned(), format!("JY{number:06}")),
            ("2.16.156.10011.1.14".to_owned(), format!("BB{number:06}")),
            ("2.16.156.10011.1.20".to_owned(), format!("CF{number:06}")),
        ],
        identity: "990121198001020014".to_owned(),
        name: "李红".to_owned(),
        sex: pair("2", "女性"),
        birth: "19800102".to_owned(),
        age_years: "44".to_owned(),
        kind: if stay { pair("3", "住院") } else { pair("1", "门诊") },
        marital: pair("20", "已婚"),
        ethnic: pair("01", "汉族"),
        occupation: pair("70", "无业人员"),
        telephone: "10000000001".to_owned(),
        address: ["演示省", "云岫市", "望岚县", "槐溪镇", "柳岸村", "8号"].map(str::to_owned),
    };
    document.author = Person { number: "D0012".to_owned(), name: "赵明".to_owned(), role: "主治医师".to_owned() };
    document.author_time = "20240305100000".to_owned();
    document.institution = ("990121000001".to_owned(), "望岚县人民医院（演示）".to_owned());
    document.signers = vec![
        Person { number: "D0013".to_owned(), name: "钱丽".to_owned(), role: "审核医师".to_owned() },
        Person { number: String::new(), name: "孙强".to_owned(), role: "检验技师".to_owned() },
    ];
    document.visit = Visit {
        admission: if stay { pair("2", "门诊") } else { pair("", "") },
        start: "20240301080500".to_owned(),
        end: "20240305093000".to_owned(),
        bed: if stay { "12".to_owned() } else { String::new() },
        room: if stay { "301".to_owned() } else { String::new() },
        department: pair("K03", "心血管内科"),
        ward: if stay { "内科一病区".to_owned() } else { String::new() },
    };
}

/// A document of a type with a value in every place.
pub fn document(code: &str, number: usize) -> Document {
    let mut counter = 0;
    let mut document = filled(code, &mut |_, entry| {
        counter += 1;
        say(entry, counter)
    })
    .unwrap();
    head(&mut document, number);
    for entry in document.sections.iter_mut().flat_map(|section| &mut section.entries) {
        drugs(entry);
    }
    document
}

fn drugs(entry: &mut WrittenEntry) {
    if let Some(drug) = &mut entry.drug {
        *drug = Drug {
            code: "YP0001".to_owned(),
            name: std::mem::take(&mut drug.name),
            route: pair("1", "口服"),
            dose: pair("0.5", "g"),
            frequency: "每日3次".to_owned(),
            form: pair("03", "胶囊剂"),
        };
    }
    entry.children.iter_mut().for_each(drugs);
}

/// A laboratory report of one panel with `items` items.
pub fn laboratory(items: usize, number: usize) -> Document {
    const ITEMS: [(&str, &str, &str, &str, &str); 6] = [
        ("WBC", "白细胞计数", "10^9/L", "3.5", "9.5"),
        ("RBC", "红细胞计数", "10^12/L", "3.8", "5.1"),
        ("HGB", "血红蛋白", "g/L", "115", "150"),
        ("PLT", "血小板计数", "10^9/L", "125", "350"),
        ("GLU", "葡萄糖", "mmol/L", "3.9", "6.1"),
        ("CREA", "肌酐", "μmol/L", "41", "81"),
    ];
    let mut document = document("C0007", number);
    let section = &mut document.sections[1];
    let panel = section.entries.iter().position(|entry| entry.number == 2).unwrap();
    let panel = &mut section.entries[panel];
    panel.name = "血常规".to_owned();
    let pattern = panel.children[0].clone();
    panel.children = (0..items)
        .map(|item| {
            let (code, name, unit, low, high) = ITEMS[item % ITEMS.len()];
            let suffix = if item < ITEMS.len() { String::new() } else { format!("{}", item / ITEMS.len()) };
            let mut group = pattern.clone();
            for child in &mut group.children {
                match child.number {
                    4 => {
                        child.value = Said::Code(format!("{code}{suffix}"), format!("{name}{suffix}"));
                        child.time = "20240305091000".to_owned();
                        child.children[0].value = Said::Plain("静脉血".to_owned());
                        child.children[0].period = ("20240305083000".to_owned(), "20240305084500".to_owned());
                        child.children[1].value = Said::Plain("合格".to_owned());
                    }
                    7 => child.value = Said::Code("1".to_owned(), "正常".to_owned()),
                    9 => {
                        child.value = Said::Quantity(format!("{}.{}0", 4 + item, number % 10), unit.to_owned());
                        child.range = (low.to_owned(), high.to_owned());
                        child.flag = "N".to_owned();
                        child.children[0].value = Said::Plain(unit.to_owned());
                    }
                    _ => {}
                }
            }
            group.children.retain(|child| child.number != 8);
            group
        })
        .collect();
    document
}
