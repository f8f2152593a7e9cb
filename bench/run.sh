#!/bin/sh
# bench/run.sh import|read|search|everything|restart|memory|all|long [options of bench.py]
# SYNTHEA=DIR names a folder with more Synthea bundles than the repository's own sample.
exec python3 "$(dirname "$0")/bench.py" "$@"
