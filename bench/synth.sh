#!/usr/bin/env bash
# How fast a city is made, and that memory does not grow with it. Usage: bench/synth.sh [BINARY] [PEOPLE…]
set -euo pipefail
binary=${1:-target/release/kangmai}
shift || true
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for people in "${@:-2000 20000}"; do
  for count in $people; do
    /usr/bin/time -f 'peak_memory_kb=%M' "$binary" synth --people "$count" --seed 1 --today 2026-11-22 --out "$place/$count"
    rm -rf "${place:?}/$count"
  done
done
