#!/usr/bin/env python3
"""The n-th sync, write or rename fails, for every n of a fixed load: no acknowledged write may be lost.

    tests/kill/faults.py --binary target/release/kangmai                 every n, one after the other, until the load runs through
    tests/kill/faults.py --binary target/release/kangmai --every 7       a seventh of them, for the suite

For each n the server starts on a fresh folder with `powercut.c` preloaded, takes a fixed load from one client (creates, updates, deletes,
transactions), and may refuse what it can not store. Then it is killed, every file is cut back to what was synced, and it starts again
without faults. A failing write stores half of its bytes first, as a full disk does.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from kill9 import HERE, Api, Gone, Server, Tally, Worker, check_created, check_transactions, check_updated

CALLS = ("sync", "write", "rename")
N_MAX = 5000


class Faulty(Server):
    """A server in which one call of the operating system fails."""

    def start_with(self, fault):
        os.environ.pop("POWERCUT_FAIL", None)
        if fault:
            os.environ["POWERCUT_FAIL"] = fault
        try:
            return self.start()
        finally:
            os.environ.pop("POWERCUT_FAIL", None)

    def fault_happened(self):
        with open(self.sync_log, encoding="utf-8", errors="replace") as file:
            return any(line.startswith("F ") for line in file)


class Steady(Worker):
    """The same acts every time; refusals are noted and do not stop it."""

    def run_load(self, acts):
        for act in acts:
            try:
                getattr(self, act)()
            except (Gone, KeyError):
                # an answer without the expected headers is a refusal; a lost connection leaves the act in flight
                if self.api.connection is None and self.in_flight:
                    return


def once(options, call, number, acts):
    """One n: None when the fault never came (the load is shorter), else the tally."""
    scratch = tempfile.mkdtemp(prefix="faults-")
    folder = os.path.join(scratch, "data")
    os.mkdir(folder)
    server = Faulty(options, folder)
    try:
        # the folder and the account are made before the fault is armed: the load is what is tested
        server.start_with(None)
        token = subprocess.run([options.binary, "admin", "machine", "faults", "--data", folder, "--tenant", options.tenant, "--scope", "system/*.cruds"],
                               check=True, capture_output=True, text=True).stdout.split()[-1]
        server.process.terminate()
        server.process.wait()
        met_start = False
        try:
            server.start_with(f"{call} {number}")
        except SystemExit:
            # the fault met the start: refusing to start is right, and nothing is acknowledged yet; then the load runs without it
            if server.process.poll() is None:
                server.kill()
                raise SystemExit(f"{call} {number}: neither ready nor refused after a fault at the start")
            met_start = True
            server.start_with(None)
        worker = Steady(Api(server.port, token), "w", 1)
        worker.run_load(acts)
        happened = met_start or server.fault_happened()
        server.kill()
        server.cut_power()
        if not happened:
            return None
        server.start_with(None)
        api, tally = Api(server.port, token), Tally()
        check_created(api, worker, tally)
        check_updated(api, worker, tally)
        check_transactions(api, worker, tally)
        tally.refused, tally.met_start = len(worker.refused), met_start
        return tally
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
        shutil.rmtree(scratch, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    parser.add_argument("--tenant", default="1")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the first n")
    parser.add_argument("--call", choices=CALLS, action="append", help="only this call; may be repeated")
    parser.add_argument("--verbose", action="store_true", help="say every n on stderr")
    parser.add_argument("--acts", type=int, default=40)
    parser.add_argument("--ready", default="/health/ready")
    options = parser.parse_args()
    options.skip_fsync, options.server_arg, options.power_cut = False, [], True
    scratch = tempfile.mkdtemp(prefix="faults-lib-")
    options.library = os.path.join(scratch, "powercut.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", options.library, os.path.join(HERE, "powercut.c"), "-ldl"], check=True)
    rng, red = random.Random(1), False
    acts = rng.choices(("create", "update", "delete", "transaction", "conditional"), (30, 35, 8, 17, 10), k=options.acts)
    for call in options.call or CALLS:
        runs, acknowledged, present, refused, at_start = 0, 0, 0, 0, 0
        for number in range(options.first, N_MAX, options.every):
            if options.verbose:
                print(f"{time.strftime('%H:%M:%S')} {call} {number}", file=sys.stderr, flush=True)
            tally = once(options, call, number, acts)
            if tally is None:
                break
            runs += 1
            acknowledged += tally.numbers["acknowledged"]
            present += tally.numbers["present"]
            refused += tally.refused
            at_start += tally.met_start
            if tally.red():
                red = True
                print(f"{call} {number} failed:", ", ".join(f"{k} {v}" for k, v in tally.numbers.items()))
                for example in tally.examples:
                    print("   ", example)
        print(f"{call}: {runs} runs ({at_start} met the start), {acknowledged} acknowledged, {present} present, {refused} refused", flush=True)
    shutil.rmtree(scratch)
    sys.exit(1 if red else 0)


if __name__ == "__main__":
    main()
