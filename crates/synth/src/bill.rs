//! What a visit costs, line by line, and what is prescribed in it: the same for every sender.

use crate::life::Visit;
use crate::measure::cents;
use crate::world::Place;

/// One line of a bill.
#[derive(Debug, Clone)]
pub(crate) struct BillLine {
    pub code: String,
    pub name: String,
    pub kind: &'static str,
    pub unit: &'static str,
    pub price_cents: i64,
    pub count: i64,
}

impl BillLine {
    pub fn amount_cents(&self) -> i64 {
        self.price_cents * self.count
    }
}

/// How many packs are given for so many days.
pub(crate) fn packs(days: i32) -> i64 {
    i64::from((days + 27) / 28).max(1)
}

/// The lines of a visit's bill.
pub(crate) fn lines(visit: &Visit) -> Vec<BillLine> {
    let line = |code: &str, name: &str, kind: &'static str, unit: &'static str, price_cents: i64, count: i64| {
        BillLine { code: code.to_owned(), name: name.to_owned(), kind, unit, price_cents, count }
    };
    let fee = match visit.place {
        Place::City => 3_000,
        Place::County(_) => 1_500,
        Place::Primary(_) => 600,
    };
    let mut all = vec![line("ZC01", "普通门诊诊察费", "诊察费", "次", fee, 1)];
    if let Some(stay) = &visit.stay {
        all[0] = line("ZY01", "住院诊察护理床位费", "综合医疗服务费", "次", stay.fee_cents, 1);
        if let Some((code, name, _)) = stay.procedure {
            all.push(line(code, name, "手术费", "次", stay.fee_cents / 3, 1));
        }
    }
    for report in &visit.reports {
        all.push(line(&report.panel.code, &report.panel.name, "化验费", "次", cents(report.panel.price), 1));
    }
    for examination in &visit.examinations {
        all.push(line(&examination.code, &examination.name, "检查费", "次", cents(examination.price), 1));
    }
    for (medicine, days) in &visit.medicines {
        let kind = if medicine.kind == "中成药" { "中成药费" } else { "西药费" };
        all.push(line(&medicine.code, &medicine.name, kind, "盒", cents(medicine.price), packs(*days)));
    }
    if let Some(tcm) = visit.tcm {
        let grams: i32 = tcm.herbs.iter().map(|(_, grams)| *grams).sum();
        all.push(line("ZY99", "中药饮片", "中草药费", "剂", i64::from(grams) * 22, i64::from(tcm.doses)));
    }
    all
}

/// 药物使用途径代码 (CV06.00.102).
pub(crate) fn route_code(route: &str) -> &'static str {
    match route {
        "口服" => "001",
        "皮下注射" => "401",
        "静脉滴注" => "404",
        "吸入" => "005",
        "滴眼" => "606",
        "鼻喷" => "607",
        "外用" => "611",
        _ => "9",
    }
}
