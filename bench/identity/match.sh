#!/bin/sh
# bench/identity/match.sh [PEOPLE] [PROFILE]
# Real time, measured: fills the index with invented registrations (about 2.2 a person; 465000 people make a million, 4650000 ten
# million), lets the last ones arrive one by one, and asks for people who are not among them.
# Everything that is made stands in $KANGMAI_BENCH (default ~/.cache/kangmai-bench).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bench=${KANGMAI_BENCH:-$HOME/.cache/kangmai-bench}
people=${1:-465000}
profile=${2:-city}
regions="$root/bench/registrations/data/regions.csv"
make() { # make PEOPLE SEED -> folder
    folder="$bench/$profile-$1-$2"
    [ -f "$folder/records.csv" ] ||
        (cd "$root" && cargo run --quiet --release -p registrations -- --profile "$profile" --people "$1" --seed "$2" --out "$folder" >&2)
    echo "$folder"
}
records=$(make "$people" 31)
queries=$(make 30000 32)
cd "$root"
exec cargo run --quiet --release -p identity --example live_speed -- "$records/records.csv" "$queries/records.csv" "$regions"
