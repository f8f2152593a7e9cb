#!/bin/sh
# Feeds broken bytes to every reader: fuzz/run.sh [SECONDS per reader, 60]
# Needs cargo-fuzz (`cargo install cargo-fuzz`). The stable compiler is enough: RUSTC_BOOTSTRAP lets it take the flags of the fuzzer.
# Begins with the files of the readers' tests; what is found besides is kept in target/fuzz, a crash in target/fuzz/crashes.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
kept=$(pwd)/target/fuzz
tests=crates/formats/tests
mkdir -p "$kept/crashes"
seed() {
  mkdir -p "$kept/$1"
  folder=$kept/$1
  shift
  find "$@" -size -64k -exec cp -n {} "$folder/" \;
}
seed hl7v2 $tests/hl7v2 -name '*.hl7'
seed table $tests/table -type f
seed cda $tests/cda/cases -name '*.xml'
seed fhir_json $tests -name '*.json'
export RUSTC_BOOTSTRAP=1
for reader in hl7v2 table cda fhir_json; do
  CARGO_TARGET_DIR=$kept/build cargo fuzz run -s none "$reader" "$kept/$reader" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=20000 -artifact_prefix="$kept/crashes/$reader-"
done
