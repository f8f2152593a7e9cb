#!/usr/bin/env python3
"""How much memory the largest allowed bundles take: 32 MiB and 5,000 entries, several at once, and one that is too large.

    bench/memory/largest_bundle.py --binary target/release/kangmai [--clients 4] [--rounds 3] [--at-most 300]

Prints resident memory before, at most (VmHWM) and after, and the time per bundle.
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

BYTES_MAX, ENTRIES_MAX = 32 << 20, 5000


def bundle(number, size=BYTES_MAX, entries=ENTRIES_MAX):
    """A transaction of one patient and observations whose notes fill it to its size."""
    patient = "urn:uuid:00000000-0000-4000-8000-%012d" % number
    frame = len(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": []}))
    made, room = [], size - frame - 4096
    each = room // entries
    made.append({"fullUrl": patient, "resource": {"resourceType": "Patient", "name": [{"text": f"病人{number}"}]}, "request": {"method": "POST", "url": "Patient"}})
    for at in range(entries - 1):
        entry = {"resource": {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "urn:x", "code": f"c{at % 50}"}]}, "subject": {"reference": patient},
                              "effectiveDateTime": "2024-03-05", "valueQuantity": {"value": at, "unit": "1"}, "note": [{"text": ""}]}, "request": {"method": "POST", "url": "Observation"}}
        left = each - len(json.dumps(entry)) - 2
        entry["resource"]["note"][0]["text"] = ("note %d " % at * (left // 8 + 1))[:max(left, 1)]
        made.append(entry)
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": made}).encode()


def memory(process, name):
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-most", type=float, metavar="MB", help="fail when more was resident at any time, or when an answer is not the expected one")
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="largest-")
    data = os.path.join(scratch, "data")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([options.binary, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)
        token = subprocess.run([options.binary, "admin", "machine", "loader", "--data", data, "--tenant", "1", "--scope", "system/*.cruds"], check=True, capture_output=True, text=True).stdout.split()[-1]

        def post(body):
            begun = time.monotonic()
            while True:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
                connection.request("POST", "/fhir/R4", body, {"Authorization": "Bearer " + token, "Content-Type": "application/fhir+json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (429, 503):
                    return answer.status, time.monotonic() - begun
                time.sleep(1)

        bodies = [bundle(number) for number in range(options.clients)]
        print(f"bundles of {len(bodies[0]) / (1 << 20):.1f} MiB and {ENTRIES_MAX} entries, {options.clients} clients")
        print(f"resident before            {memory(server, 'VmRSS'):8.0f} MB")
        statuses, (refused, _) = [], post(bundle(99, size=BYTES_MAX + (1 << 20)))
        print(f"one MiB too large          {refused}")
        print(f"resident after the refusal {memory(server, 'VmRSS'):8.0f} MB")
        with concurrent.futures.ThreadPoolExecutor(options.clients) as pool:
            for turn in range(options.rounds):
                done = list(pool.map(post, bodies))
                print(f"round {turn + 1}: {[status for status, _ in done]} in {max(seconds for _, seconds in done):.1f} s, resident {memory(server, 'VmRSS'):.0f} MB, at most {memory(server, 'VmHWM'):.0f} MB")
                statuses.extend(status for status, _ in done)
        time.sleep(10)
        print(f"ten seconds later          {memory(server, 'VmRSS'):8.0f} MB")
        if options.at_most is not None:
            peak = memory(server, "VmHWM")
            if refused != 413 or set(statuses) != {200}:
                sys.exit(f"expected 413 and then 200 for each, got {refused} and {statuses}")
            if peak == 0 or peak > options.at_most:
                sys.exit(f"at most {peak:.0f} MB were resident; the limit is {options.at_most:.0f} MB")
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
