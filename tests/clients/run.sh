#!/bin/sh
# Published FHIR clients, unchanged, against a running server:  tests/clients/run.sh http://127.0.0.1:8080/fhir/R4 km_…
# Installs what is missing (npm packages by the lock file, a Python venv beside the script) and runs every scenario.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 BASE TOKEN" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
failed=0

cd "$here/js"
[ -d node_modules/fhirclient ] || npm ci --silent
node run.mjs "$1" "$2" || failed=1

cd "$here/python"
[ -x venv/bin/python ] || { python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt; }
venv/bin/python scenario.py "$1" "$2" || failed=1

exit $failed
