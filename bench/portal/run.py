#!/usr/bin/env python3
"""How fast a clinician sees something: first clinical content of a record of 1,000 entries in headless Chromium, and the answers behind it,
quiet and while a feed comes in.

    bench/portal/run.py --binary target/release/kangmai [--entries 1000] [--rounds 20] [--messages-per-second 800]
"""

import argparse
import datetime
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "grounds"))
from grounds import CITY, COUNTY, NOW, Server, adt, number, stamp  # noqa: E402

ITEMS = [("GLU", "葡萄糖", "mmol/L", "3.9-6.1", 5.2), ("ALT", "丙氨酸氨基转移酶", "U/L", "9-50", 21), ("CREA", "肌酐", "umol/L", "57-97", 66), ("TG", "甘油三酯", "mmol/L", "0-1.7", 1.1)]


FAMILIES, GIVEN = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨", "安博晨德恩芳桂海嘉康兰明宁平秋瑞思婷文欣雅泽"
HER = {"name": "白若兰", "birth": "19680506"}


def somebody(at):
    """Somebody else each time: namesakes born on one day would be one crowd for the identity engine."""
    return {
        "name": FAMILIES[at % 16] + GIVEN[at // 16 % 22] + GIVEN[at // 352 % 22], "birth": f"{1940 + at % 70}{1 + at // 7 % 12:02}{1 + at // 3 % 28:02}",
        "home": f"望岚县槐溪镇和平路{1 + at % 997}号", "phone": f"1000{at % 10_000_000:07}",
    }


def batch(institution, patient, identity, first, count, who=HER):
    """`count` visits, each with a report of four results: six entries a visit."""
    messages = []
    for at in range(first, first + count):
        when = NOW - datetime.timedelta(days=3 * at + 1)
        visit = f"{patient}V{at}"
        messages.append(adt("A04", institution, patient, visit, when, identity=identity, **who))
        lines = [f"MSH|^~\\&|LIS|{institution}|KM|KM|{stamp(when)}||ORU^R01|R{visit}|P|2.4|||||CHN|UTF-8", f"PID|1||{patient}^^^{institution}^PI~{identity}^^^^SFZ||{who['name']}||{who['birth']}|F",
                 f"PV1|1|O|NK^^^{institution}||||1001^张医生|||NK|||||||||{visit}", f"OBR|1|O{visit}|R{visit}|SHQT^生化^L|||{stamp(when)}|||||||{stamp(when)}||||||||{stamp(when)}||CH|F"]
        lines += [f"OBX|{n}|NM|{code}^{title}^L||{usual + (at * 7 + n * 3) % 40 / 10:.1f}|{unit}|{span}|N|||F|||{stamp(when)}" for n, (code, title, unit, span, usual) in enumerate(ITEMS, 1)]
        messages.append("\r".join(lines) + "\r")
    return "".join(messages)


def times(server, path, token, rounds):
    """Milliseconds of each answer on one connection, sorted."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": "Bearer " + token})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        found.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.005)
    return sorted(found)


def line(name, found):
    print(f"{name:58} p50 {found[len(found) // 2]:7.1f} ms   p99 {found[int(len(found) * 0.99)]:7.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--messages-per-second", type=int, default=800)
    options = parser.parse_args()
    server = Server(options.binary)
    try:
        sources = {code: server.admin("source", name, "--tenant", "1", "--institution", code) for code, name in ((CITY, "city"), (COUNTY, "county"))}
        server.start()
        identity = number("19680506", "002")
        visits = options.entries // 12
        for code, name, patient in ((CITY, "city", "P100"), (COUNTY, "county", "C77")):
            body = batch(code, patient, identity, 0, visits).encode()
            status, receipt = server.call("POST", f"/api/v1/sources/{name}/messages", sources[code], body, kind="application/octet-stream")
            assert receipt["counts"]["set_aside"] == 0, receipt
        today = adt("A04", CITY, "P100", "TODAY", NOW - datetime.timedelta(minutes=5), identity=identity).encode()
        server.call("POST", "/api/v1/sources/city/messages", sources[CITY], today, kind="application/octet-stream")
        doctor = server.person("zhang", "clinician", "--institution", CITY, "--department", "NK", "--staff-number", "1001")
        person = server.call("GET", "/api/v1/worklist", doctor)[1]["visits"][0]["person"]["id"]
        print(f"one person, two institutions, {2 * visits} visits with {8 * visits} results; one worklist")
        pages = [(name, f"/api/v1/persons/{person}/{path}") for name, path in (("front page", "summary"), ("timeline, first page", "timeline?limit=50"), ("reports", "reports"))]
        pages.append(("worklist", "/api/v1/worklist"))
        for name, path in pages:
            line(name, times(server, path, doctor, 200))
        session = {"token": doctor, "account": server.call("GET", "/api/v1/session", doctor)[1]["account"]}
        chromium = subprocess.run(["node", os.path.join(HERE, "first_content.mjs"), f"http://127.0.0.1:{server.port}", person, json.dumps(session), str(options.rounds)], capture_output=True, text=True)
        print(chromium.stdout.strip() or chromium.stderr[-800:])

        print("while a feed comes in:")
        stopped, sent = threading.Event(), [0]

        def feed(part):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            begun, at = time.monotonic(), 0
            while not stopped.is_set():
                patient = f"F{part}-{at}"
                # Ten messages of a sender at a time, as an integration engine sends its queue.
                who = somebody(2 * at + part)
                body = batch(CITY, patient, number(who["birth"], f"{at % 1000:03}"), 0, 5, who).encode()
                connection.request("POST", "/api/v1/sources/city/messages", body, {"Authorization": "Bearer " + sources[CITY], "Content-Type": "application/octet-stream"})
                connection.getresponse().read()
                at += 1
                sent[0] += 10
                due = begun + at * 10 * 2 / options.messages_per_second
                time.sleep(max(0.0, due - time.monotonic()))

        senders = [threading.Thread(target=feed, args=(part,)) for part in range(2)]
        for sender in senders:
            sender.start()
        begun = time.monotonic()
        for name, path in pages[:2]:
            line(name, times(server, path, doctor, 600))
        seconds = time.monotonic() - begun
        rate = sent[0] / seconds
        stopped.set()
        for sender in senders:
            sender.join()
        print(f"the feed meanwhile: {rate:.0f} messages a second")
    finally:
        if server.process and server.process.poll() is None:
            server.stop()
        shutil.rmtree(server.scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
