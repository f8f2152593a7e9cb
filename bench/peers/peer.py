#!/usr/bin/env python3
"""The import and the query shapes of bench.py against any running FHIR R4 server: peer.py BASE [--token T] [--clients 2]"""

import argparse
import os
import random
import sys
from urllib.parse import urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import bench
import bundles


class Peer(bench.Server):
    """A server that somebody else started: only its address is known."""

    def __init__(self, base, token, seconds):
        parts = urlsplit(base)
        self.port, self.token, self.path = parts.port, token, parts.path
        self.options = argparse.Namespace(seconds=seconds)

    def cpu_seconds(self):
        return 0.0

    def call(self, connection, method, path, body=None):
        headers = {"Content-Type": "application/fhir+json"} | ({"Authorization": "Bearer " + self.token} if self.token else {})
        connection.request(method, self.path + (path or "/"), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("--token", default="")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--bundles", default=os.environ.get("SYNTHEA", os.path.join(bench.HERE, "..", "samples", "synthea")))
    options = parser.parse_args()
    shared, patients = bundles.load(options.bundles)
    peer = Peer(options.base, options.token, options.seconds)
    acknowledged, begun = bench.load(peer, shared, bench.work_of(patients), options.clients)
    wall, count = acknowledged[-1][0] - begun, sum(a[1] for a in acknowledged)
    bench.table("import", [("rate", f"{count / wall:,.0f} res/s, {options.clients} clients, {count:,} resources")])
    rows = []
    keys = bench.sample(patients, random.Random(2))[3]
    for name, paths in [("read", ["/" + k for k in keys])] + bench.shapes(patients):
        one, many = (bench.wrk(peer, paths, connections, seconds) for connections, seconds in ((1, 3), (16, options.seconds)))
        rows.append((name, f"p50 {one[1]:.3f} ms alone; {many[0]:,.0f} req/s p50 {many[1]:.2f} ms at 16 connections"))
    bench.table("queries", rows)


if __name__ == "__main__":
    main()
