#!/bin/sh
# Repeats the comparison with Helios HFS (the closest Rust peer). Optional, an hour or more of building; never part of the suite.
#   bench/peers/helios.sh [FOLDER]        FOLDER keeps the built binary and the data
set -eu
folder=${1:-helios}
mkdir -p "$folder"
# the defaults with link-time optimisation off and two jobs: the full profile needs more memory than a small machine has
CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_BUILD_JOBS=2 \
  cargo install helios-hfs --version 0.2.7 --locked --root "$folder"
echo "start it with:"
echo "  HFS_REQUEST_TIMEOUT=900 RUST_LOG=warn $folder/bin/hfs --port 8090 --database-url sqlite:$folder/helios.db"
echo "and measure with:"
echo "  python3 bench/peers/peer.py http://127.0.0.1:8090 --clients 2"
