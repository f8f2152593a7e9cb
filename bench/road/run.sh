#!/usr/bin/env bash
# The whole road, measured: three feeds of invented people through a server of their own, one after the other.
#   bench/road/run.sh [--binary target/release/kangmai] [--hl7 20000] [--rows 20000] [--cda 2000]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
binary=$root/target/release/kangmai hl7=20000 rows=20000 cda=2000
while [ $# -gt 0 ]; do
    case $1 in
    --binary) binary=$(realpath "$2") ;;
    --hl7) hl7=$2 ;;
    --rows) rows=$2 ;;
    --cda) cda=$2 ;;
    *) echo "unknown: $1" >&2 && exit 2 ;;
    esac
    shift 2
done
room=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill "$server" 2>/dev/null; rm -rf "$room"' EXIT
measure() { # measure NAME OPTIONS-OF-make.py
    local name=$1
    shift
    python3 "$here/make.py" --out "$room/$name" "$@"
    local port=$((20000 + RANDOM % 20000))
    token=$("$binary" admin source bench --data "$room/$name.data" --tenant 1 --institution 990121001 2>/dev/null)
    "$binary" serve --data "$room/$name.data" --listen "127.0.0.1:$port" >/dev/null 2>&1 &
    server=$!
    until curl -sf "http://127.0.0.1:$port/health/ready" >/dev/null; do sleep 0.05; done
    echo "$name: $(KANGMAI_TOKEN=$token "$binary" ingest "$room/$name" --source bench --server "http://127.0.0.1:$port" 2>/dev/null | tail -1)"
    awk -v hz="$(getconf CLK_TCK)" '{ printf "  server: %.2f CPU-s", ($14 + $15) / hz }' "/proc/$server/stat"
    awk '/VmHWM/ { printf ", at most %d MB\n", $2 / 1024 }' "/proc/$server/status"
    kill "$server"
    wait "$server" || true
    server=
}
measure hl7 --hl7 "$hl7"
measure table --rows "$rows"
measure cda --cda "$cda" --template "$root/crates/formats/tests/cda/cases/c0007-blood-count.xml"
