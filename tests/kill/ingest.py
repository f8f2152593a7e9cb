#!/usr/bin/env python3
"""Kill -9 of the server and of `kangmai ingest`, and a line that is cut in the middle of a request, at random moments, while a feed is
being sent: every message exactly once.

    tests/kill/ingest.py --binary target/release/kangmai --messages 5000 --kills 3 --seed 1      the short form, in `make kill`
    tests/kill/ingest.py --binary target/release/kangmai --messages 100000 --kills 10 --seed 1   the long form

Afterwards the platform must hold each registration, visit, report and result once, the reports and results in their first version,
nothing of it set aside, and no receipt may be left incomplete; `kangmai audit verify` must be content. Standard library only.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
MAKE = os.path.join(HERE, "..", "..", "bench", "road", "make.py")
READY_SECONDS_MAX = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Line:
    """The line between sender and server: passes bytes on, and can be cut, so that both sides find their connections reset."""

    def __init__(self, target):
        self.target, self.port, self.open, self.lock = target, free_port(), [], threading.Lock()
        self.door = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.door.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.open = [pair for pair in self.open if pair[0].fileno() >= 0] + [(near, far)]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def pass_on(one, other):
        try:
            while piece := one.recv(65536):
                other.sendall(piece)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            pairs, self.open = self.open, []
        for end in (end for pair in pairs for end in pair):
            try:
                # Linger 0: a reset, not an orderly end.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
                end.close()
            except OSError:
                pass
        return len(pairs)


def get(port, token, path):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def start(binary, data, port):
    server = subprocess.Popen([binary, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.time() + READY_SECONDS_MAX
    while time.time() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2).read()
            return server
        except OSError:
            if server.poll() is not None:
                sys.exit(f"the server ended with {server.returncode}")
            time.sleep(0.05)
    sys.exit("the server did not become ready")


def send(binary, feed, port, token, journal):
    return subprocess.Popen([binary, "ingest", feed, "--source", "his", "--server", f"http://127.0.0.1:{port}", "--journal", journal],
                            env=os.environ | {"KANGMAI_TOKEN": token}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    rng = random.Random(options.seed)
    room = tempfile.mkdtemp(prefix="ingest-")
    try:
        run(binary, rng, room, options)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def run(binary, rng, room, options):
    feed, data, journal = (os.path.join(room, name) for name in ("feed", "data", "journal"))
    subprocess.run([sys.executable, MAKE, "--out", feed, "--hl7", str(options.messages), "--seed", str(options.seed)], check=True)
    expected = json.load(open(os.path.join(feed, ".expected.json")))["hl7"]
    admin = lambda *words: subprocess.run([binary, "admin", *words, "--data", data, "--tenant", "1"], check=True,
                                          capture_output=True, text=True).stdout.strip()
    token = admin("source", "his", "--institution", "990121001")
    reader = admin("machine", "reader", "--scope", "system/*.rs")
    port = free_port()
    server = start(binary, data, port)
    line = Line(port)
    sender = send(binary, feed, line.port, token, journal)
    kills = 0
    # The feed takes about a millisecond a message; kills are spread over it, and stop when it is through.
    pause = options.messages * 0.0008 / (options.kills + 1)
    while kills < options.kills and sender.poll() is None:
        try:
            sender.wait(timeout=pause * rng.uniform(0.5, 1.5))
            break
        except subprocess.TimeoutExpired:
            pass
        kills += 1
        # The first is a cut line, so that every run has one.
        what = "line" if kills == 1 else rng.choice(("server", "sender", "both", "line"))
        if what == "line":
            print(f"kill {kills}: line, {line.cut()} connections cut", flush=True)
            continue
        if what != "sender":
            server.send_signal(signal.SIGKILL)
            server.wait()
        if what != "server":
            sender.send_signal(signal.SIGKILL)
            sender.wait()
        if what != "sender":
            server = start(binary, data, port)
        if what != "server":
            sender = send(binary, feed, line.port, token, journal)
        print(f"kill {kills}: {what}", flush=True)
    words = sender.communicate(timeout=1200)[0].strip()
    print(words)
    faults = []
    if sender.returncode != 0:
        faults.append(f"the last run of ingest ended with {sender.returncode}")
    for kind in ("Patient", "Encounter", "DiagnosticReport", "Observation"):
        found = get(port, reader, f"/fhir/R4/{kind}?_summary=count")["total"]
        # A report names its patient and visit as well: whichever of two messages comes first, the other may add to it. Reports and
        # results are in one message each.
        newer = second_versions(port, reader, kind) if kind in ("DiagnosticReport", "Observation") else 0
        print(f"{kind}: expected {expected[kind]}, found {found}, with a second version {newer}")
        if found != expected[kind]:
            faults.append(f"{kind}: expected {expected[kind]}, found {found}")
        if newer:
            faults.append(f"{kind}: {newer} were written twice")
    faults += receipts(port, token)
    if get(port, token, "/api/v1/sources/his/problems")["problems"]:
        faults.append("something was set aside")
    server.send_signal(signal.SIGTERM)
    server.wait(timeout=60)
    verdict = subprocess.run([binary, "audit", "verify", "--data", data, "--tenant", "1"], capture_output=True, text=True)
    if verdict.returncode != 0:
        faults.append("the audit log does not verify: " + verdict.stdout + verdict.stderr)
    for fault in faults:
        print("FAULT", fault)
    print(f"{expected['messages']} messages, {kills} kills, {len(faults)} faults")
    sys.exit(1 if faults or kills == 0 else 0)


def second_versions(port, reader, kind):
    """How many of the newest thousand have more than one version: a message that was taken twice would leave one."""
    bundle = get(port, reader, f"/fhir/R4/{kind}?_count=1000&_total=none&_elements=id")
    entries = bundle.get("entry", [])
    return sum(entry["resource"]["meta"]["versionId"] != "1" for entry in entries)


def receipts(port, token):
    faults, after = [], ""
    while True:
        page = get(port, token, "/api/v1/sources/his/receipts" + (f"?after={after}" if after else ""))
        faults += [f"receipt {receipt['id']} is incomplete" for receipt in page["receipts"] if not receipt["is_complete"]]
        after = page["next"]
        if not after:
            return faults


main()
