#!/usr/bin/env python3
"""$match over HTTP, with audit and limits on: an open loop at a fixed rate, timed from when a question was due.

    match_http.py --binary target/release/kangmai --records RECORDS.csv --queries QUERIES.csv [--people N] [--rate 500] [--seconds 20]

Starts a server of its own on a fresh folder, sends the registrations over the road as a table, then asks about people of another set.
"""

import argparse
import csv
import http.client
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

HEAD = "YLJGDM,JZLSH,BRID,KH,KLX,HZXM,XBDM,CSRQ,ZJLXDM,ZJHM,LXDH,GHSJ,GTHBZ,MZZYBZ,KSDM,KSMC,YSGH,YSXM,XGBZ,TBRQ"
INSTITUTION = "990121001"


def tables(records, most, folder, rows_per_file=20_000):
    """The registrations as files of the outpatient register."""
    with open(records, encoding="utf-8", newline="") as source:
        rows = itertools.islice(csv.DictReader(source), most)
        for part in itertools.count():
            chunk = list(itertools.islice(rows, rows_per_file))
            if not chunk:
                return
            where = os.path.join(folder, f"part-{part:04d}")
            os.makedirs(where)
            with open(os.path.join(where, "TB_HIS_MZ_Reg.csv"), "w", encoding="gb18030", errors="replace", newline="") as out:
                out.write(HEAD + "\r\n")
                for row in chunk:
                    name = row["rec_id"].replace("-", "")
                    cells = [INSTITUTION, "V" + name, name, "K" + name, "0", row["name"], row["sex"], row["birth_date"], row["id_type"] or "01",
                             row["id_no"], row["phone"], "20240305080000", "1", "1", "GP01", "全科医学科", "D001", "张医生", "1", "20240305"]
                    out.write(",".join(cell.replace(",", " ").replace('"', "") for cell in cells) + "\r\n")


def question(row):
    patient = {"resourceType": "Patient", "name": [{"text": row["name"] or "王"}], "birthDate": None}
    birth = row["birth_date"].replace("/", "-")
    patient["birthDate"] = birth if len(birth) == 10 else "1980-01-01"
    if row["id_no"]:
        patient["identifier"] = [{"system": "urn:oid:2.16.156.10011.1.3", "value": row["id_no"]}]
    if row["phone"]:
        patient["telecom"] = [{"system": "phone", "value": row["phone"]}]
    return json.dumps({"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": patient}]}, ensure_ascii=False).encode()


def ask(port, token, bodies, times, failed, start, rate, number, threads):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    for at in range(number, len(bodies), threads):
        due = start + at / rate
        pause = due - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        connection.request("POST", "/fhir/R4/Patient/$match", bodies[at], headers)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - due)
        if answer.status != 200:
            failed.append(answer.status)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--records", required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--people", type=int, default=1_000_000, help="registrations")
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=16)
    options = parser.parse_args()
    room = tempfile.mkdtemp()
    server = None
    try:
        data = os.path.join(room, "data")
        run = lambda *words: subprocess.run([options.binary, *words], check=True, capture_output=True, text=True).stdout.strip()
        token = run("admin", "source", "bench", "--data", data, "--tenant", "1", "--institution", INSTITUTION)
        asker = run("admin", "machine", "asker", "--data", data, "--tenant", "1", "--scope", "system/*.rs")
        port = 20000 + os.getpid() % 20000
        log = open(os.path.join(room, "log"), "w")
        serve = [options.binary, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"]

        def begin():
            process = subprocess.Popen(serve, stdout=log, stderr=log)
            while True:
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port)
                    connection.request("GET", "/health/ready")
                    if connection.getresponse().status == 200:
                        return process
                except OSError:
                    time.sleep(0.05)

        server = begin()
        tables(options.records, options.people, os.path.join(room, "feed"))
        start = time.perf_counter()
        done = subprocess.run([options.binary, "ingest", os.path.join(room, "feed"), "--source", "bench", "--server", f"http://127.0.0.1:{port}"],
                              env={**os.environ, "KANGMAI_TOKEN": token}, capture_output=True, text=True)
        print(f"road: {(done.stdout.strip() or done.stderr.strip()).splitlines()[-1]} ({time.perf_counter() - start:.0f} s)")
        with open(options.queries, encoding="utf-8", newline="") as source:
            rows = itertools.islice(csv.DictReader(source), int(options.rate * options.seconds))
            bodies = [question(row) for row in rows]
        times, failed = [], []
        start = time.perf_counter() + 0.2
        workers = [threading.Thread(target=ask, args=(port, asker, bodies, times, failed, start, options.rate, number, options.threads))
                   for number in range(options.threads)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        times.sort()
        share = lambda part: 1000 * times[int((len(times) - 1) * part)]
        print(f"match: {len(times)} questions at {options.rate:.0f}/s, p50 {share(0.5):.2f} ms, p99 {share(0.99):.2f} ms, "
              f"p99.9 {share(0.999):.2f} ms, {len(failed)} refused {sorted(set(failed))}")
        with open(f"/proc/{server.pid}/status") as status:
            print("server:", next(line for line in status if line.startswith("VmRSS")).split(":")[1].strip(), "resident")
        server.terminate()
        server.wait()
        start = time.perf_counter()
        server = begin()
        print(f"ready again after {time.perf_counter() - start:.2f} s;", end=" ")
        body, headers = bodies[0], {"Authorization": f"Bearer {asker}", "Content-Type": "application/fhir+json"}
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("POST", "/fhir/R4/Patient/$match", body, headers)
            if connection.getresponse().status == 200:
                break
            time.sleep(0.05)
        print(f"matching after {time.perf_counter() - start:.2f} s")
    finally:
        if server:
            server.kill()
        shutil.rmtree(room)


main()
