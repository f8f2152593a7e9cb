#!/bin/sh
# bench/identity/run.sh file RECORDS.csv TRUTH.csv [options of compare.py]
# bench/identity/run.sh generated PROFILE PEOPLE SEED [options of compare.py]
# Links one file with Splink 5 and with kangmai. Everything that is made or installed stands in $KANGMAI_BENCH (default ~/.cache/kangmai-bench).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bench=${KANGMAI_BENCH:-$HOME/.cache/kangmai-bench}
target=${CARGO_TARGET_DIR:-$root/target}
kangmai=${KANGMAI:-$target/release/kangmai}
mkdir -p "$bench"
if ! "$bench/venv/bin/python" -c 'import splink, duckdb, pyarrow, pypinyin' 2>/dev/null; then
    python3 -m venv "$bench/venv"
    "$bench/venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi
mode=${1:?file or generated}
shift
case $mode in
file)
    records=$1 truth=$2
    shift 2
    ;;
generated)
    profile=$1 people=$2 seed=$3
    shift 3
    data="$bench/$profile-$people-$seed"
    (cd "$root" && cargo run --quiet --release -p registrations -- --profile "$profile" --people "$people" --seed "$seed" --out "$data")
    records="$data/records.csv" truth="$data/truth.csv"
    set -- --regions "$root/bench/registrations/data/regions.csv" "$@"
    ;;
*)
    echo "file or generated, not $mode" >&2
    exit 2
    ;;
esac
[ -x "$kangmai" ] && set -- --kangmai "$kangmai" "$@"
exec nice -n 15 "$bench/venv/bin/python" "$here/compare.py" "$records" "$truth" --work "$bench/work" "$@"
