//! How many rows per second the table reader reads, alone and with codes and units: `cargo run --release -p formats --example table_speed`.

#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use formats::table::{Options, Rows};
use formats::terminology::{code_map, normalise};
use formats::text;

/// As the product: small allocations are most of the work.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 200_000;

fn registration() -> String {
    let mut text = String::from(
        "YLJGDM,JZLSH,BRID,KH,KLX,HZXM,XBDM,CSRQ,ZJLXDM,ZJHM,LXDH,GHSJ,GTHBZ,MZZYBZ,KSDM,KSMC,YSGH,YSXM,XGBZ,GXSJ,TBRQ\n",
    );
    for row in 0..ROWS {
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "990121001,2024030500{row},B{row},K{row},0,王珅,{},19900101,01,99012119900101{:04},10013{:06},20240305080500,1,1,GP01,\
             全科医学科,D{},李玘,1,2024-03-05 20:00:00,20240306",
            1 + row % 2,
            row % 10_000,
            row % 1_000_000,
            row % 40
        );
    }
    text
}

fn laboratory() -> String {
    let mut text = String::from(
        "YLJGDM,JZLSH,MZZYBZ,BRID,BGDH,BGRQ,JCXH,JCXMDM,JCXMMC,JCJG,JLDW,CKFW,YCTS,JCSJ,JCRXM,XGBZ,GXSJ\n",
    );
    for row in 0..ROWS {
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "990121001,2024030500{},1,B{},R{},20240305,{},WBC,白细胞计数,{}.{},10^9/L,3.5~9.5,↑,2024030510:00:00,赵玕,1,\
             2024-03-05 20:00:00",
            row / 20,
            row / 20,
            row / 20,
            row % 20,
            row % 15,
            row % 10
        );
    }
    text
}

/// The time that this thread was on a processor, as Linux counts it: on a busy machine the clock on the wall says little.
fn processor_time(start: Instant) -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = counted.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn main() {
    let zero = Instant::now();
    for (name, content) in [("registration", registration()), ("lab_item", laboratory())] {
        let bytes = content.into_bytes();
        let megabytes = bytes.len() as f64 / 1e6;
        let start = processor_time(zero);
        let decoded = text::decode(&bytes, None);
        let decoding = processor_time(zero) - start;
        let start = processor_time(zero);
        let (mut facts, mut elements, mut issues) = (0, 0, 0);
        for record in Rows::new(&decoded.text, &Options::default()) {
            facts += record.facts.len();
            elements += record.elements.len();
            issues += record.issues.len();
        }
        let reading = processor_time(zero) - start;
        let map = code_map("990121001");
        let start = processor_time(zero);
        let mut found = 0;
        for mut record in Rows::new(&decoded.text, &Options::default()) {
            for fact in &mut record.facts {
                found += normalise(&mut fact.resource, map, &fact.path).len();
            }
        }
        let with_terms = processor_time(zero) - start;
        println!(
            "{name}: {ROWS} rows, {megabytes:.0} MB, decoded in {decoding:.1?}; read {:.0} rows/s ({facts} facts, {elements} elements, \
             {issues} issues); with codes and units {:.0} rows/s ({found} unmapped)",
            ROWS as f64 / reading.as_secs_f64(),
            ROWS as f64 / with_terms.as_secs_f64()
        );
    }
}
