//! The HL7 v2 reader, its acknowledgement and the MLLP frames on any bytes.
#![no_main]

use formats::hl7v2::mllp::Decoder;
use formats::hl7v2::{Acknowledgement, Options, Verdict, acknowledge, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let reading = read(bytes, &Options { institution: "9901210000000000000001".into(), ..Options::default() });
    for fact in reading.records.iter().flat_map(|record| &record.facts) {
        assert!(fact.resource.get("resourceType").is_some());
    }
    let issues = reading.records.first().map_or(&[][..], |record| &record.issues);
    let answer = Acknowledgement { verdict: Verdict::Accepted, text: "", issues, control_number: "1", at_ms: 0 };
    let _ = acknowledge(bytes, &answer);
    let mut decoder = Decoder::new(256);
    let mut rest = bytes;
    while !rest.is_empty() {
        let (taken, _) = decoder.take(rest);
        rest = &rest[taken..];
    }
    let _ = decoder.finish();
});
