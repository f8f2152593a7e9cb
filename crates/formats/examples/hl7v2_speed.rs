//! How many HL7 v2 messages one core reads in a second: `cargo run --release -p formats --example hl7v2_speed`.
//!
//! Three in four messages are ADT^A01, one is an ORU^R01 with twelve results; half of them are GB18030.

use std::time::{Duration, Instant};

use formats::hl7v2::write::{Patient, ResultItem, admission, report};
use formats::hl7v2::{Options, read};

/// How long is measured; long enough for the clock of the processor to settle.
const FOR: Duration = Duration::from_secs(5);

fn messages() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for number in 0..400_u32 {
        let patient = Patient {
            institution: "9901210000000000000001".into(),
            number: format!("P{number:06}"),
            name: "李珅玘".into(),
            birth: "19860504".into(),
            sex: "F".into(),
            resident_number: format!("9901211986050{:05}", number % 100_000),
            address: ["演示省".into(), "云岫市".into(), "望岚县".into(), "槐溪镇青石路8号".into()],
            phone: "10012345678".into(),
            class: "I".into(),
            visit: format!("ZY{number}"),
        };
        let encoding = if number % 2 == 0 { "gb18030" } else { "utf-8" };
        let control = format!("M{number}");
        if number % 4 > 0 {
            out.push(admission(&patient, "A01", &control, "20240305080500").bytes(encoding));
            continue;
        }
        let items: Vec<ResultItem> = (0..12)
            .map(|item| ResultItem {
                value_type: "NM".into(),
                code: [format!("I{item:03}"), "丙氨酸氨基转移酶".into()],
                value: format!("{}.5", item * 7),
                unit: "10^9/L".into(),
                range: "9~50".into(),
                flag: "N".into(),
            })
            .collect();
        let panel = ["GHN", "肝功能"];
        let number = format!("BG{number}");
        out.push(report(&patient, &number, panel, "F", &items, &control, "20240305100000").bytes(encoding));
    }
    out
}

fn main() {
    let (messages, options) = (messages(), Options::default());
    let bytes: usize = messages.iter().map(Vec::len).sum();
    let start = Instant::now();
    let (mut count, mut facts) = (0_u64, 0);
    while start.elapsed() < FOR {
        for message in &messages {
            facts += read(message, &options).records.iter().map(|record| record.facts.len()).sum::<usize>();
            count += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let report = format!(
        "{:.0} messages/s on one core, {:.0} bytes and {:.1} facts each",
        count as f64 / seconds,
        bytes as f64 / messages.len() as f64,
        facts as f64 / count as f64,
    );
    #[expect(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
    {
        println!("{report}");
    }
}
