#!/usr/bin/env python3
"""Starts a server over a fresh data folder, runs a command with its address and tokens, ends the server.

    tests/with_server.py --binary target/release/kangmai -- tests/clients/run.sh '{base}' '{token}'
    tests/with_server.py -- tests/search/oracle.py --url '{base}' --token '{token}' --restricted-token '{restricted}' --bundles samples/synthea --bundle-limit 3

`{base}` is the FHIR base, `{token}` a machine account with system/*.cruds, `{restricted}` one that may read only four types.
The exit code is the command's.
"""

import argparse
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

RESTRICTED = "system/Patient.rs system/Observation.rs system/Encounter.rs system/Organization.rs"
READY_SECONDS_MAX = 60


def ready(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    parser.add_argument("--search-parameters", metavar="FOLDER", help="definitions (.json) of custom search parameters that are added first")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    scratch = tempfile.mkdtemp(prefix="with-server-")
    folder, words = os.path.join(scratch, "data"), os.path.join(scratch, "words")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(words, "wb") as log:
        server = subprocess.Popen([options.binary, "serve", "--data", folder, "--listen", f"127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        begun = time.monotonic()
        while not ready(port):
            if server.poll() is not None or time.monotonic() - begun > READY_SECONDS_MAX:
                sys.exit(f"the server did not get ready:\n{open(words).read()[-2000:]}")
            time.sleep(0.02)
        names = {"base": f"http://127.0.0.1:{port}/fhir/R4"}
        for name, scope in (("token", "system/*.cruds"), ("restricted", RESTRICTED)):
            made = subprocess.run([options.binary, "admin", "machine", "test-" + name, "--data", folder, "--tenant", "1", "--scope", scope], check=True, capture_output=True, text=True)
            names[name] = made.stdout.split()[-1]
        for file in sorted(os.listdir(options.search_parameters)) if options.search_parameters else []:
            path = os.path.join(options.search_parameters, file)
            subprocess.run([options.binary, "admin", "search-parameter", "add", path, "--data", folder, "--tenant", "1"], check=True)
        for name, value in names.items():
            command = [part.replace("{" + name + "}", value) for part in command]
        code = subprocess.run(command).returncode
        if server.poll() is not None:
            print(f"the server ended with {server.returncode} meanwhile:\n{open(words).read()[-2000:]}")
            code = code or 1
        sys.exit(code)
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait(30)
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
