#!/usr/bin/env python3
"""The measurements of bench/README.md; `bench/run.sh COMMAND` is the way in.

Every command starts its own server over its own data folder, loads what it needs, measures, prints a table, and ends the server.
Clients are cheap on purpose (the machine is shared with them): import sends bytes made beforehand from forked processes, reads and
searches are driven by wrk. Standard library, `wrk` and `zstd`.
"""

import argparse
import ctypes
import http.client
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from urllib.parse import quote

import bundles

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = 8
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """One server process and what the kernel says about it."""

    def __init__(self, options):
        self.options = options
        self.scratch = None if options.data else tempfile.mkdtemp(prefix="bench-", dir=options.scratch)
        self.folder = options.data or os.path.join(self.scratch, "data")
        os.makedirs(self.folder, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process, self.token, self.path, self.resources = None, None, "/fhir/R4", 0

    def start(self):
        """Starts, and returns the seconds until /health/ready answers 200."""
        begun = time.perf_counter()
        with open(self.folder.rstrip("/") + ".out", "ab") as log:
            self.process = subprocess.Popen([self.options.binary, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}"], stdout=log, stderr=log)
        while time.perf_counter() - begun < 120:
            if self.process.poll() is not None:
                sys.exit(f"the server ended with {self.process.returncode}; see {self.folder}.out")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health/ready")
                if connection.getresponse().status == 200:
                    took = time.perf_counter() - begun
                    self.token = self.token or self.admin("bench")
                    return took
            except OSError:
                pass
            time.sleep(0.003)
        sys.exit("not ready after 120 s")

    def admin(self, name):
        return subprocess.run([self.options.binary, "admin", "machine", name, "--data", self.folder, "--tenant", "1", "--scope", "system/*.cruds", "--renew"],
                              check=True, capture_output=True, text=True).stdout.split()[-1] if os.path.exists(self.folder + ".bench") else self._first(name)

    def _first(self, name):
        token = subprocess.run([self.options.binary, "admin", "machine", name, "--data", self.folder, "--tenant", "1", "--scope", "system/*.cruds"],
                               check=True, capture_output=True, text=True).stdout.split()[-1]
        open(self.folder + ".bench", "w").close()
        return token

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(60)

    def clean(self):
        if self.process and self.process.poll() is None:
            self.stop(signal.SIGKILL)
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def status_kb(self, name):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(rf"{name}:\s+(\d+) kB", file.read())[1])

    def cpu_seconds(self):
        """User and system time of the server so far; on a machine with other work it says more than the clock does."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def disk_bytes(self):
        return sum(os.stat(os.path.join(at, name)).st_blocks * 512 for at, _, names in os.walk(self.folder) for name in names)

    def call(self, connection, method, path, body=None):
        connection.request(method, self.path + path, body, {"Authorization": "Bearer " + self.token, "Content-Type": "application/fhir+json"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)


def table(title, rows):
    print(f"\n{title}")
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"  {name:<{width}}  {value}", flush=True)


# ---------------------------------------------------------------- import

def send(server, work, position, results):
    """One client: takes the next bundle, posts it, notes when and how long."""
    connection, done = server.connect(), []
    while True:
        with position.get_lock():
            index = position.value
            position.value += 1
        if index >= len(work):
            break
        bundle, number = work[index]
        body, begun = bundle.copy(number), time.perf_counter()
        status, answer = server.call(connection, "POST", "", body)
        if status != 200 or answer.count(b'"status":"20') < bundle.entries:
            results.put(f"bundle {index} answered {status}: {answer[:400]!r}")
            return
        done.append((time.perf_counter(), bundle.entries, time.perf_counter() - begun))
    results.put(done)


def load(server, shared, work, clients=CLIENTS):
    """Sends everything with `clients` processes; returns the acknowledgements in order of time and the start."""
    connection = server.connect()
    for bundle in shared:
        status, answer = server.call(connection, "POST", "", bundle.copy(0))
        if status != 200:
            sys.exit(f"shared bundle answered {status}: {answer[:400]!r}")
    position, results = multiprocessing.Value(ctypes.c_long, 0), multiprocessing.Queue()
    begun = time.perf_counter()
    processes = [multiprocessing.Process(target=send, args=(server, work, position, results)) for _ in range(clients)]
    for process in processes:
        process.start()
    gathered = [results.get() for _ in processes]
    for process in processes:
        process.join()
    wrong = [g for g in gathered if isinstance(g, str)]
    if wrong:
        sys.exit(wrong[0])
    return sorted(a for g in gathered for a in g), begun


def work_of(patients, total=None):
    """Originals in a fixed shuffled order, then copies until `total` resources."""
    order, work, count, number = list(patients), [], 0, 0
    random.Random(1).shuffle(order)
    while True:
        for bundle in order:
            if total is not None and count >= total:
                return work
            work.append((bundle, number))
            count += bundle.entries
        if total is None:
            return work
        number += 1


def do_import(server, shared, patients, total=None, report=True):
    work = work_of(patients, total)
    cpu = server.cpu_seconds()
    acknowledged, begun = load(server, shared, work)
    wall, count = acknowledged[-1][0] - begun, sum(a[1] for a in acknowledged)
    everything = count + sum(b.entries for b in shared)
    cpu = server.cpu_seconds() - cpu
    times = sorted(a[2] * 1000 for a in acknowledged)
    rows = [("resources", f"{count:,} in {len(work)} transactions, {CLIENTS} clients"), ("rate", f"{count / wall:,.0f} res/s over {wall:.1f} s"),
            ("server CPU", f"{cpu:.1f} s = {cpu / everything * 1e6:.0f} µs per resource ({everything / cpu:,.0f} res per CPU-second)"),
            ("transaction", f"p50 {statistics.median(times):.0f} ms, p95 {times[int(len(times) * 0.95)]:.0f} ms"),
            ("resident", f"{server.status_kb('VmRSS') / 1024:.0f} MB now, {server.status_kb('VmHWM') / 1024:.0f} MB at most")]
    if total is not None:
        rows.extend(decay(acknowledged, begun))
    settled = settle(server)
    server.resources = everything
    rows.append(("disk", f"{settled / 1e6:.1f} MB = {settled / everything:,.0f} bytes per resource, write-ahead log included"))
    if report:
        table("import: durable, over HTTP, PUT-form transactions", rows)
    return everything


def decay(acknowledged, begun):
    """Rates per tenth of the import, and the last against the first."""
    total, rows, count, since = sum(a[1] for a in acknowledged), [], 0, begun
    rates, tenth = [], total / 10
    for at, entries, _ in acknowledged:
        count += entries
        if count >= tenth * (len(rates) + 1):
            rates.append(tenth / (at - since))
            since = at
    rows.append(("rate by tenth", " ".join(f"{r:,.0f}" for r in rates)))
    rows.append(("last / first tenth", f"{rates[-1] / rates[0]:.0%}"))
    return rows


def settle(server):
    """Bytes on disk once flushes and compactions have come to rest."""
    seen = []
    for _ in range(60):
        seen.append(server.disk_bytes())
        if len(seen) > 4 and len(set(seen[-4:])) == 1:
            break
        time.sleep(0.5)
    return seen[-1]


# ---------------------------------------------------------------- reads and searches

def wrk(server, paths, connections, seconds):
    """(requests per second, p50, p95, p99 in ms, server CPU µs per request) of random GETs over `paths`."""
    cpu = server.cpu_seconds()
    with tempfile.NamedTemporaryFile("w", suffix=".paths") as file:
        file.write("\n".join(server.path + p for p in paths) + "\n")
        file.flush()
        out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", os.path.join(HERE, "lua", "paths.lua"), f"http://127.0.0.1:{server.port}", "--", file.name, server.token],
                             check=True, capture_output=True, text=True).stdout
    requests, duration, p50, p95, p99, bad = map(int, re.search(r"RESULT ([\d ]+)", out)[1].split())
    if bad:
        sys.exit(f"{bad} of {requests} requests failed, for example {paths[0]}:\n{out}")
    return requests / duration * 1e6, p50 / 1000, p95 / 1000, p99 / 1000, (server.cpu_seconds() - cpu) / requests * 1e6


def sample(patients, rng):
    facts = [b.facts for b in patients]
    people = [p for f in facts for p in f["patients"]]
    pairs = [p for f in facts for p in f["pairs"]]
    codes = sorted({c for _, c in pairs}, key=lambda c: -sum(1 for _, d in pairs if d == c))[:30]
    keys = [k for f in facts for k in f["keys"]]
    return people, rng.sample(pairs, min(2000, len(pairs))), codes, rng.sample(keys, min(5000, len(keys)))


def do_read(server, _shared, patients):
    _, _, _, keys = sample(patients, random.Random(2))
    rate, p50, _, p99, cpu = wrk(server, ["/" + k for k in keys], 16, server.options.seconds)
    one = wrk(server, ["/" + k for k in keys], 1, 3)
    table("read: random resources", [("16 connections", f"{rate:,.0f} req/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms, {cpu:.0f} µs CPU"), ("1 connection", f"p50 {one[1]:.3f} ms, p99 {one[3]:.3f} ms")])


def shapes(patients):
    people, pairs, codes, _ = sample(patients, random.Random(3))
    return [
        ("patient + code", [f"/Observation?patient={p}&code={c}" for p, c in pairs]),
        ("patient by identifier", [f"/Patient?identifier={quote(p['identifier'])}" for p in people]),
        ("patient by family", [f"/Patient?family={quote(p['family'][:5])}" for p in people]),
        ("patient by birthdate", [f"/Patient?birthdate={p['birthdate']}" for p in people]),
        ("observation by code, first 50", [f"/Observation?code={c}&_count=50" for c in codes]),
        ("code + value, first 50", [f"/Observation?code-value-quantity={c}{quote('$gt50')}&_count=50" for c in codes]),
        ("chain patient.family + code", [f"/Observation?patient.family={quote(people[i % len(people)]['family'])}&code={c}&_count=50" for i, c in enumerate(codes * 3)]),
        ("encounters with _include", [f"/Encounter?patient={p['id']}&_include=Encounter:service-provider&_count=50" for p in people]),
    ]


def do_search(server, _shared, patients):
    rows = []
    for name, paths in shapes(patients):
        one = wrk(server, paths, 1, 3)
        many = wrk(server, paths, 16, server.options.seconds if name == "patient + code" else 3)
        rows.append((name, f"p50 {one[1]:.3f} ms p99 {one[3]:.2f} ms alone; {many[0]:,.0f} req/s p50 {many[1]:.2f} ms at 16 connections; {many[4]:.0f} µs CPU"))
    table("search", rows)
    hits(server, patients)


def hits(server, patients):
    """Index hits per second of two clauses over all patients: resources counted, divided by the time of the answers."""
    _, _, codes, _ = sample(patients, random.Random(4))
    connection, rows = server.connect(), []
    for name, clause in (("code + date", "date=ge1990-01-01"), ("code + value-quantity", "value-quantity=gt1")):
        found, took, cpu = 0, 0.0, server.cpu_seconds()
        for code in codes[:12] * 3:
            begun = time.perf_counter()
            status, answer = server.call(connection, "GET", f"/Observation?code={code}&{clause}&_summary=count")
            took += time.perf_counter() - begun
            if status != 200:
                sys.exit(f"{name} answered {status}: {answer[:300]!r}")
            found += json.loads(answer)["total"]
        cpu = server.cpu_seconds() - cpu
        rows.append((name, f"{found / took:,.0f} hits/s ({found:,} hits, 36 counts, {took / 36 * 1000:.1f} ms each, {cpu / 36 * 1000:.1f} ms CPU)"))
    table("two clauses over all patients (_summary=count, one client)", rows)


def do_everything(server, _shared, patients):
    people, _, _, _ = sample(patients, random.Random(5))
    connection, times, resources, cpu = server.connect(), [], 0, server.cpu_seconds()
    for person in people * 2:
        path, begun, count = f"/Patient/{person['id']}/$everything?_count=1000", time.perf_counter(), 0
        while path:
            status, answer = server.call(connection, "GET", path)
            if status != 200:
                sys.exit(f"{path} answered {status}: {answer[:300]!r}")
            # read the next link without parsing megabytes in the measured time
            head = answer[:3000] + answer[-1500:]
            following = re.search(rb'"relation":\s*"next",\s*"url":\s*"([^"]+)"', head)
            count += answer.count(b'"fullUrl"')
            path = following[1].decode().split("/fhir/R4")[1] if following else None
        times.append(time.perf_counter() - begun)
        resources += count
    table("Patient/$everything, one client, all pages", [
        ("per 1,000 resources", f"{sum(times) / resources * 1e6:.1f} ms, {(server.cpu_seconds() - cpu) / resources * 1e6:.1f} ms CPU"), ("per call", f"p50 {statistics.median(times) * 1000:.1f} ms"),
        ("answers", f"{len(times)}, {resources / len(times):,.0f} resources each on average")])


def do_restart(server, _shared, _patients):
    """After a kill with everything still in the write-ahead log, after a clean end, and after a kill in the middle of writes."""
    rows = []
    server.stop(signal.SIGKILL)
    rows.append(("killed after the load", f"{server.start() * 1000:.0f} ms to ready"))
    server.stop()
    rows.append(("ended cleanly", f"{server.start() * 1000:.0f} ms to ready"))
    if server.resources:
        rows.append(("disk then", f"{settle(server) / 1e6:.1f} MB = {settle(server) / server.resources:,.0f} bytes per resource, everything out of the log"))
    for _ in range(2):
        writer = server.connect()
        for number in range(200):
            server.call(writer, "PUT", f"/Device/bench-{number}", json.dumps({"resourceType": "Device", "id": f"bench-{number}", "status": "active"}))
        server.stop(signal.SIGKILL)
        rows.append(("killed after 200 writes", f"{server.start() * 1000:.0f} ms to ready"))
    table("restart", rows)


def do_memory(server, _shared, _patients):
    table("memory", [("resident", f"{server.status_kb('VmRSS') / 1024:.0f} MB now, {server.status_kb('VmHWM') / 1024:.0f} MB at most since start"),
                     ("of it from files", f"{server.status_kb('RssFile') / 1024:.0f} MB"), ("anonymous", f"{server.status_kb('RssAnon') / 1024:.0f} MB")])


COMMANDS = {"read": do_read, "search": do_search, "everything": do_everything, "memory": do_memory, "restart": do_restart}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["import", "all", "long", *COMMANDS])
    parser.add_argument("--binary", default=os.path.join(HERE, "..", "target", "release", "kangmai"))
    parser.add_argument("--bundles", default=os.environ.get("SYNTHEA", os.path.join(HERE, "..", "samples", "synthea")), help="folder with Synthea bundles (or the variable SYNTHEA)")
    parser.add_argument("--data", help="use this data folder and keep it [default: a fresh one, removed at the end]")
    parser.add_argument("--scratch", help="where fresh data folders are made")
    parser.add_argument("--loaded", action="store_true", help="--data already holds the bundles")
    parser.add_argument("--seconds", type=int, default=10, help="length of a wrk run")
    parser.add_argument("--total", type=int, default=2_000_000, help="resources of the long form")
    options = parser.parse_args()
    shared, patients = bundles.load(options.bundles)
    print(f"{len(patients)} patient bundles, {sum(b.entries for b in patients):,} resources, and {sum(b.entries for b in shared)} shared ones from {os.path.basename(os.path.normpath(options.bundles))}; "
          f"{os.cpu_count()} cores shared with the clients", flush=True)
    server = Server(options)
    try:
        server.start()
        if not options.loaded:
            do_import(server, shared, patients, options.total if options.command == "long" else None, options.command in ("import", "all", "long"))
        for name, act in COMMANDS.items():
            if options.command in ("all", "long", name):
                act(server, shared, patients)
    finally:
        server.clean()


if __name__ == "__main__":
    main()
