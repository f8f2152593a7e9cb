//! How many elements a second the rules check on one core: front pages of 60 elements each, made here.

#![expect(clippy::print_stdout, reason = "an example speaks")]

use std::time::Instant;

use model::Element;
use quality::{RecordContext, Rules};

const RECORDS: u32 = 20_000;

fn front_page() -> Vec<Element> {
    let lines = [
        ("DE02.01.039.00", "姓名", "演示甲"),
        ("DE02.01.040.00", "性别代码", "1"),
        ("DE02.01.005.01", "出生日期", "19900307"),
        ("DE02.01.026.00", "年龄(岁)", "34"),
        ("DE02.01.031.00", "身份证件类别代码", "01"),
        ("DE02.01.030.00", "患者身份证件号码", "990121199003070010"),
        ("DE02.01.018.00", "婚姻状况代码", "20"),
        ("DE02.01.025.00", "民族", "01"),
        ("DE02.01.015.00", "国籍代码", "CHN"),
        ("DE02.01.009.03", "现住址-县(区)", "望岚县"),
        ("DE01.00.014.00", "住院号", "ZY20240317"),
        ("DE06.00.339.00", "入院途径代码", "2"),
        ("DE06.00.092.00", "入院日期时间", "20240317T083000"),
        ("DE06.00.017.00", "出院日期时间", "20240324T100000"),
        ("DE06.00.310.00", "实际住院天数", "7"),
        ("DE05.01.024.00", "出院诊断-主要诊断疾病编码", "I10.x00x002"),
        ("DE05.01.025.00", "出院诊断-主要诊断名称", "高血压病2级(高危)"),
        ("DE09.00.104.00", "出院诊断-主要诊断入院病情代码", "1"),
        ("DE04.50.001.00", "ABO血型代码", "1"),
        ("DE04.50.010.00", "Rh血型代码", "2"),
        ("DE06.00.223.00", "离院方式代码", "1"),
        ("DE02.10.023.00", "药物过敏标志", "F"),
        ("DE04.10.174.00", "收缩压(mmHg)", "142"),
        ("DE04.10.176.00", "舒张压(mmHg)", "88"),
        ("DE04.10.186.00", "体温(℃)", "36.5"),
        ("DE04.01.119.00", "主诉", "反复头晕三年,加重两天,伴视物模糊,无恶心呕吐"),
    ];
    let mut page: Vec<Element> = lines.iter().map(|(id, name, value)| element(id, name, value, 0)).collect();
    page.push(element("HDSD00.11.142", "住院总费用", "2040.00", 0));
    let names = ["一般医疗服务费", "护理费", "实验室诊断费", "西药费"];
    for (id, name) in ["HDSD00.11.147", "HDSD00.11.145", "HDSD00.11.123", "HDSD00.11.098"].iter().zip(names) {
        page.push(element(id, name, "510.00", 0));
    }
    for group in 1..=10 {
        page.push(element("DE04.30.020.00", "检验项目名称", if group % 2 == 0 { "血钾" } else { "肌酐" }, group));
        let value = if group % 2 == 0 { format!("4.{group}") } else { format!("7{group}") };
        page.push(element("DE04.30.015.00", "检验定量结果", &value, group));
        page.push(element("DE04.30.016.00", "计量单位", if group % 2 == 0 { "mmol/L" } else { "μmol/L" }, group));
    }
    page
}

fn element(id: &str, name: &str, value: &str, group: u32) -> Element {
    Element {
        id: id.into(),
        name: name.into(),
        value: value.into(),
        display: String::new(),
        system: String::new(),
        unit: String::new(),
        group,
        path: format!("/ClinicalDocument/{name}"),
        line: 1,
        column: 1,
    }
}

fn main() {
    let page = front_page();
    let rules = Rules::standard();
    let context = RecordContext {
        record_type: "cda:C0032",
        received_ms: Some(1_717_200_000_000),
        path: "/",
        ..RecordContext::default()
    };
    let start = Instant::now();
    let mut findings = 0;
    for _ in 0..RECORDS {
        findings += rules.check(&context, &page).len();
    }
    let seconds = start.elapsed().as_secs_f64();
    let elements = f64::from(RECORDS) * page.len() as f64;
    println!("{} elements a record, {} findings a record", page.len(), findings / RECORDS as usize);
    println!("{:.0} elements/s, {:.0} records/s on one core", elements / seconds, f64::from(RECORDS) / seconds);
}
