#!/usr/bin/env python3
"""Kill -9 at a random moment of a mixed load, restart, and look for every acknowledged write.

    tests/kill/kill9.py --binary target/release/kangmai --rounds 3 --seed 1
    tests/kill/kill9.py --binary target/release/kangmai --rounds 3 --seed 1 --power-cut              what only sat in the page cache is lost too
    tests/kill/kill9.py --binary target/release/kangmai --rounds 3 --seed 1 --power-cut --skip-fsync  must be red (exit code 1)

Per round it prints: seed, moment of the kill, acknowledged, present, lost, wrong, duplicate, half-visible, and the time to ready.
Half-visible: a transaction of which some entries are there and others are not. Standard library only (plus `cc` for --power-cut).
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import quote

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM = "urn:kangmai:kill"
READY_SECONDS_MAX = 60
THREADS = 6


class Gone(Exception):
    """The server is not there (any more)."""


class Api:
    """One kept-alive connection."""

    def __init__(self, port, token):
        self.port, self.token, self.connection = port, token, None

    def __call__(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Authorization": "Bearer " + self.token, "Content-Type": "application/fhir+json"} | (headers or {})
        try:
            self.connection.request(method, "/fhir/R4" + path, None if body is None else json.dumps(body), sent)
            response = self.connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.connection = None
            raise Gone(str(error)) from error
        return response.status, response.headers, json.loads(data) if data else None

    def total(self, path):
        status, _, body = self("GET", path + "&_summary=count")
        if status != 200:
            raise AssertionError(f"{path} answered {status}: {body}")
        return body["total"]


class Server:
    """The binary under test over one data folder."""

    def __init__(self, options, folder):
        self.options, self.folder, self.process = options, folder, None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.sync_log = os.path.join(folder, "..", "syncs-" + os.path.basename(folder))
        self.sizes, self.skip_mark = {}, os.path.join(folder, "..", "skip-" + os.path.basename(folder))

    def skip_syncs(self, on):
        """From now on syncs do nothing, or work again."""
        if on:
            open(self.skip_mark, "w").close()
        elif os.path.exists(self.skip_mark):
            os.unlink(self.skip_mark)

    def start(self):
        environment = dict(os.environ)
        if self.options.library:
            if os.path.exists(self.sync_log):
                os.unlink(self.sync_log)
            self.sizes = {p: os.path.getsize(p) for p in self.files()}
            environment |= {"LD_PRELOAD": self.options.library, "POWERCUT_ROOT": self.folder, "POWERCUT_LOG": self.sync_log}
            if self.options.skip_fsync:
                environment["POWERCUT_SKIP"] = self.skip_mark
        self.log = open(self.folder + ".out", "ab")
        begun = time.time()
        self.process = subprocess.Popen([self.options.binary, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}", *self.options.server_arg],
                                        env=environment, stdout=self.log, stderr=self.log)
        while time.time() - begun < READY_SECONDS_MAX:
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended with {self.process.returncode}; its words are in {self.folder}.out")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", self.options.ready)
                if connection.getresponse().status == 200:
                    return time.time() - begun
            except OSError:
                pass
            time.sleep(0.01)
        raise SystemExit(f"not ready after {READY_SECONDS_MAX} s")

    def files(self):
        return [os.path.join(at, name) for at, _, names in os.walk(self.folder) for name in names]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def cut_power(self):
        """Cuts every file back to what was synced; returns how many bytes went."""
        synced, lost = dict(self.sizes), 0
        if os.path.exists(self.sync_log):
            for line in open(self.sync_log, encoding="utf-8", errors="replace"):
                kind, _, rest = line.rstrip("\n").partition(" ")
                if kind == "S":
                    size, _, path = rest.partition(" ")
                    synced[path] = int(size)
                elif kind == "R":
                    old, _, new = rest.partition("\t")
                    synced[new] = synced.pop(old, 0)
        for path in self.files():
            size = os.path.getsize(path)
            kept = min(size, synced.get(path, 0))
            if kept < size:
                os.truncate(path, kept)
                lost += size - kept
        return lost


def resource(identifier, value, group=None):
    """An observation that says which act wrote it."""
    found = {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
             "identifier": [{"system": SYSTEM, "value": identifier}], "valueQuantity": {"value": value, "unit": "mm[Hg]"}}
    if group:
        found["identifier"].append({"system": SYSTEM + ":transaction", "value": group})
    return found


class Worker(threading.Thread):
    """A client with resources of its own; it writes down each act before it is sent and when it is acknowledged."""

    def __init__(self, api, name, seed):
        super().__init__(daemon=True)
        self.api, self.name_, self.rng = api, name, random.Random(seed)
        self.created = {}       # identifier -> (id, value): acknowledged creates
        self.updated = {}       # id -> (version, value or None when deleted): last acknowledged state
        self.transactions = {}  # group -> entries: acknowledged
        self.in_flight = None   # the act that was not answered: (kind, details)
        self.acknowledged, self.refused, self.next, self.stopping = 0, [], 0, False

    def run(self):
        try:
            while not self.stopping:
                self.rng.choices((self.create, self.update, self.delete, self.transaction, self.conditional), (30, 35, 8, 17, 10))[0]()
        except Gone:
            pass
        except Exception as error:
            self.refused.append(f"the client gave up: {type(error).__name__} {error}")

    def fresh(self):
        self.next += 1
        return f"{self.name_}-{self.next}"

    def act(self, kind, details, method, path, body, headers=None, good=(200, 201, 204)):
        """Sends one act; True when it was acknowledged."""
        self.in_flight = (kind, details)
        status, sent_back, answer = self.api(method, path, body, headers)
        self.in_flight = None
        if status not in good:
            self.refused.append(f"{method} {path} -> {status} {str(answer)[:200]}")
            return None
        self.acknowledged += 1
        return sent_back, answer

    def create(self):
        identifier, value = self.fresh(), self.rng.randint(1, 10**6)
        done = self.act("create", identifier, "POST", "/Observation", resource(identifier, value))
        if done:
            self.created[identifier] = (done[0]["Location"].split("/_history")[0].rsplit("/", 1)[1], value)

    def conditional(self):
        """The same conditional create twice: one resource."""
        identifier, value = self.fresh(), self.rng.randint(1, 10**6)
        for _ in range(2):
            done = self.act("create", identifier, "POST", "/Observation", resource(identifier, value), {"If-None-Exist": f"identifier={SYSTEM}|{identifier}"})
            if done and identifier not in self.created:
                # only the answer that created it must say where it is
                self.created[identifier] = (done[0]["Location"].split("/_history")[0].rsplit("/", 1)[1], value)

    def update(self):
        identity, value = f"{self.name_}-own-{self.rng.randint(0, 9)}", self.rng.randint(1, 10**6)
        done = self.act("update", (identity, value), "PUT", f"/Observation/{identity}", resource(identity, value) | {"id": identity})
        if done:
            self.updated[identity] = (int(done[0]["ETag"].split('"')[1]), value)

    def delete(self):
        alive = [i for i, (_, value) in self.updated.items() if value is not None]
        if not alive:
            return
        identity = self.rng.choice(alive)
        if self.act("update", (identity, None), "DELETE", f"/Observation/{identity}", None):
            self.updated[identity] = (self.updated[identity][0] + 1, None)

    def transaction(self):
        group, count = self.fresh(), self.rng.randint(2, 40)
        entries = [{"resource": resource(f"{group}-{n}", n, group), "request": {"method": "POST", "url": "Observation"}} for n in range(count)]
        if self.act("transaction", (group, count), "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}):
            self.transactions[group] = count


class Tally:
    NAMES = ("acknowledged", "present", "lost", "wrong", "duplicate", "half_visible")

    def __init__(self):
        self.numbers = dict.fromkeys(self.NAMES, 0)
        self.examples = []

    def add(self, name, example=None):
        self.numbers[name] += 1
        if example and len(self.examples) < 12:
            self.examples.append(f"{name}: {example}")

    def red(self):
        return any(self.numbers[n] for n in self.NAMES[2:])


def value_of(body):
    return body["valueQuantity"]["value"]


def check_created(api, worker, tally):
    for identifier, (identity, value) in worker.created.items():
        tally.add("acknowledged")
        status, _, body = api("GET", f"/Observation/{identity}")
        if status != 200:
            tally.add("lost", f"created {identifier} as {identity}: {status}")
            continue
        found = api.total(f"/Observation?identifier={quote(SYSTEM + '|' + identifier)}")
        if value_of(body) != value or found == 0:
            tally.add("wrong", f"{identity}: value {value_of(body)} for {value}, found {found} times by search")
        elif found > 1:
            tally.add("duplicate", f"{identifier} is there {found} times")
        else:
            tally.add("present")


def check_updated(api, worker, tally):
    pending = dict([worker.in_flight[1]]) if worker.in_flight and worker.in_flight[0] == "update" else {}
    for identity, (version, value) in worker.updated.items():
        tally.add("acknowledged")
        status, headers, body = api("GET", f"/Observation/{identity}")
        shown = (200, value) if value is not None else (410, None)
        allowed = {shown: version}
        if identity in pending:
            allowed[(200, pending[identity]) if pending[identity] is not None else (410, None)] = version + 1
        seen = (status, value_of(body) if status == 200 else None)
        if seen not in allowed:
            tally.add("lost" if status != 200 or value is None else "wrong", f"{identity}: {seen}, expected one of {sorted(allowed, key=str)}")
            continue
        shown_version = int(headers["ETag"].split('"')[1]) if status == 200 and headers["ETag"] else allowed[seen]
        history = api("GET", f"/Observation/{identity}/_history?_count=1000")[2]
        versions = history.get("total", len(history.get("entry", [])))
        if shown_version not in (version, version + 1) or versions not in (version, version + 1):
            tally.add("wrong", f"{identity}: version {shown_version}, {versions} in the history, acknowledged {version}")
        elif api.total(f"/Observation?_id={identity}") != (1 if status == 200 else 0):
            tally.add("wrong", f"{identity}: index and resource disagree")
        else:
            tally.add("present")


def check_transactions(api, worker, tally):
    groups = dict(worker.transactions)
    open_group = worker.in_flight[1] if worker.in_flight and worker.in_flight[0] == "transaction" else None
    if open_group:
        groups[open_group[0]] = open_group[1]
    for group, count in groups.items():
        known = group in worker.transactions
        if known:
            tally.add("acknowledged")
        found = api.total(f"/Observation?identifier={quote(SYSTEM + ':transaction|' + group)}")
        if found == count:
            if known:
                tally.add("present")
        elif found > count:
            tally.add("duplicate", f"transaction {group}: {found} of {count} entries")
        elif found == 0:
            if known:
                tally.add("lost", f"transaction {group}: none of {count} entries")
        else:
            tally.add("half_visible", f"transaction {group}: {found} of {count} entries")


def retry_in_flight(api, worker, tally):
    """A client that got no answer asks again with a condition: exactly one must result."""
    if not worker.in_flight or worker.in_flight[0] != "create":
        return
    identifier = worker.in_flight[1]
    path = f"/Observation?identifier={quote(SYSTEM + '|' + identifier)}"
    before = api.total(path)
    status, _, body = api("POST", "/Observation", resource(identifier, 1), {"If-None-Exist": f"identifier={SYSTEM}|{identifier}"})
    after = api.total(path)
    if before > 1 or after != 1:
        tally.add("duplicate", f"{identifier}: {before} before and {after} after asking again ({status} {str(body)[:120]})")


def load_until_killed(server, token, rng, number):
    workers = [Worker(Api(server.port, token), f"r{number}-w{n}", rng.getrandbits(32)) for n in range(THREADS)]
    for worker in workers:
        worker.start()
    moment = rng.uniform(0.3, 3.0)
    time.sleep(moment)
    server.kill()
    for worker in workers:
        worker.stopping = True
        worker.join()
    return workers, moment


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tenant", default="1")
    parser.add_argument("--power-cut", action="store_true", help="cut files back to what was synced after each kill")
    parser.add_argument("--skip-fsync", action="store_true", help="syncs do nothing: with --power-cut this must be red")
    parser.add_argument("--server-arg", action="append", default=[], help="one more argument for `kangmai serve`")
    parser.add_argument("--ready", default="/health/ready", help="the path that answers 200 when the server is ready")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    return parser.parse_args()


def main():
    options, red = arguments(), False
    scratch = tempfile.mkdtemp(prefix="kill9-")
    options.library = None
    if options.power_cut or options.skip_fsync:
        options.library = os.path.join(scratch, "powercut.so")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", options.library, os.path.join(HERE, "powercut.c"), "-ldl"], check=True)
    folder = os.path.join(scratch, "data")
    os.mkdir(folder)
    server, rng = Server(options, folder), random.Random(options.seed)
    server.start()
    token = subprocess.run([options.binary, "admin", "machine", "kill9", "--data", folder, "--tenant", options.tenant, "--scope", "system/*.cruds"],
                           check=True, capture_output=True, text=True).stdout.split()[-1]
    everyone = []
    try:
        for number in range(options.rounds):
            # the folder and the account were made with syncs that work: what is lost is what was acknowledged meanwhile
            server.skip_syncs(options.skip_fsync)
            workers, moment = load_until_killed(server, token, rng, number)
            server.skip_syncs(False)
            cut = server.cut_power() if options.power_cut else 0
            ready = server.start()
            everyone.extend(workers)
            tally, api = Tally(), Api(server.port, token)
            # this round's writes, all of them, and a few clients of earlier rounds; everything at the end
            checked = everyone if number == options.rounds - 1 else workers + rng.sample(everyone[:-len(workers)], min(3, len(everyone) - len(workers)))
            for worker in checked:
                check_created(api, worker, tally)
                check_updated(api, worker, tally)
                check_transactions(api, worker, tally)
                retry_in_flight(api, worker, tally)
                for refusal in worker.refused:
                    tally.add("wrong", "refused: " + refusal)
            red = red or tally.red()
            print(f"round {number + 1} seed {options.seed} killed after {moment:.2f} s, cut {cut} bytes, ready in {ready * 1000:.0f} ms: "
                  + ", ".join(f"{name.replace('_', '-')} {tally.numbers[name]}" for name in Tally.NAMES), flush=True)
            for example in tally.examples:
                print("   ", example)
            if red:
                break
    finally:
        if server.process.poll() is None:
            server.kill()
        if options.keep:
            print("data folder:", folder)
        else:
            shutil.rmtree(scratch)
    sys.exit(1 if red else 0)


if __name__ == "__main__":
    main()
