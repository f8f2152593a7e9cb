#!/usr/bin/env python3
"""Who may look at whom, and why, on the real binary: grounds that arise from messages on the road.

    tests/grounds/grounds.py --binary target/release/kangmai [--matrix FILE]

Two institutions send the same invented resident under their own numbers. A doctor sees her from registration on, as one person,
and nobody without a ground does; a contract, an own record, a proxy, an emergency and a signed launch open exactly what they
should. At the end every role tries every route, and the matrix is printed: what it says must be what tests/grounds/matrix.txt says.
"""

import argparse
import datetime
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

CITY, COUNTY, CLINIC = "990100001", "990121001", "990121101"
PASSWORD = "Osmanthus-{}-77"
CHINA = datetime.timezone(datetime.timedelta(hours=8))
NOW = datetime.datetime.now(CHINA)
FAILED = []


def check(condition, what, seen=None):
    print(("ok    " if condition else "WRONG ") + what + ("" if condition or seen is None else f"   seen: {str(seen)[:600]}"))
    if not condition:
        FAILED.append(what)


class Server:
    def __init__(self, binary):
        self.binary, self.scratch = binary, tempfile.mkdtemp(prefix="grounds-")
        self.data = os.path.join(self.scratch, "data")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.words = open(os.path.join(self.scratch, "words"), "wb")
        self.process = None

    def start(self):
        command = [self.binary, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=self.words, stderr=self.words)
        begun = time.monotonic()
        while time.monotonic() - begun < 60:
            try:
                if self.call("GET", "/health/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        sys.exit("the server did not get ready")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def admin(self, *arguments, stdin=None):
        command = [self.binary, "admin", *arguments, "--data", self.data]
        made = subprocess.run(command, check=True, capture_output=True, text=True, input=stdin)
        return made.stdout.split()[-1] if made.stdout.split() else ""

    def call(self, method, path, token=None, body=None, headers=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = "Bearer " + token
        if body is not None:
            sent["Content-Type"] = kind
            body = json.dumps(body).encode() if not isinstance(body, bytes) else body
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        try:
            return answer.status, json.loads(text) if text else None
        except ValueError:
            return answer.status, text

    def person(self, name, role, *extra):
        self.admin("account", name, "--tenant", "1", "--role", role, "--password-stdin", *extra, stdin=PASSWORD.format("Lake") + "\n")
        return self.sign_in(name)

    def sign_in(self, name):
        status, answer = self.call("POST", "/api/v1/session", body={"name": name, "password": PASSWORD.format("Lake")})
        assert status == 200, answer
        return answer["token"]


def number(birth, serial):
    digits = "990121" + birth + serial
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights)) % 11]


def stamp(at):
    return at.strftime("%Y%m%d%H%M%S")


def adt(event, institution, patient, visit, at, *, name="白若兰", birth="19680506", home="望岚县槐溪镇7号", phone="10012345678", identity=None, kind="O", department="NK", doctor="1001", discharged=None, control=None):
    """One registration, admission or discharge."""
    document = f"~{identity}^^^^SFZ" if identity else ""
    pv1 = [""] * 46
    pv1[1], pv1[2], pv1[3], pv1[7], pv1[10], pv1[19], pv1[44] = "1", kind, f"{department}^^^{institution}", f"{doctor}^张医生", department, visit, stamp(at)
    if discharged:
        pv1[45] = stamp(discharged)
    control = control or hashlib.sha256(f"{event}{institution}{visit}{at}{discharged}".encode()).hexdigest()[:16]
    return "\r".join([
        f"MSH|^~\\&|HIS|{institution}|KM|KM|{stamp(at)}||ADT^{event}|{control}|P|2.4|||||CHN|UTF-8",
        f"EVN|{event}|{stamp(discharged or at)}",
        f"PID|1||{patient}^^^{institution}^PI{document}||{name}||{birth}|F|||{home}||{phone}",
        "PV1|" + "|".join(pv1[1:]),
    ]) + "\r"


def result(institution, patient, visit, at, identity, code, title, value, unit, span):
    return "\r".join([
        f"MSH|^~\\&|LIS|{institution}|KM|KM|{stamp(at)}||ORU^R01|R{visit}|P|2.4|||||CHN|UTF-8",
        f"PID|1||{patient}^^^{institution}^PI~{identity}^^^^SFZ||白若兰||19680506|F",
        f"PV1|1|O|NK^^^{institution}||||1001^张医生|||NK|||||||||{visit}",
        f"OBR|1|O{visit}|R{visit}|SHQT^生化^L|||{stamp(at)}|||||||{stamp(at)}||||||||{stamp(at)}||CH|F",
        f"OBX|1|NM|{code}^{title}^L||{value}|{unit}|{span}|H|||F|||{stamp(at)}",
    ]) + "\r"


def lines_of(body):
    return json.dumps(body, ensure_ascii=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    parser.add_argument("--matrix", help="write the matrix here as well")
    options = parser.parse_args()
    server = Server(options.binary)
    try:
        sources = {code: server.admin("source", name, "--tenant", "1", "--institution", code, "--title", title)
                   for code, name, title in ((CITY, "city", "云岫市第一人民医院（演示）"), (COUNTY, "county", "望岚县人民医院（演示）"), (CLINIC, "clinic", "槐溪镇卫生院（演示）"))}
        names = {CITY: "city", COUNTY: "county", CLINIC: "clinic"}
        server.start()

        def send(institution, message):
            status, receipt = server.call("POST", f"/api/v1/sources/{names[institution]}/messages", sources[institution], message.encode(), kind="application/octet-stream")
            assert status in (200, 201, 202) and receipt["counts"]["set_aside"] == 0, (status, receipt)
            return receipt

        machine = server.admin("machine", "reader", "--tenant", "1", "--scope", "system/*.rs")
        writer = server.admin("machine", "writer", "--tenant", "1", "--scope", "system/*.cruds")
        doctor = server.person("zhang", "clinician", "--institution", CITY, "--department", "NK", "--staff-number", "1001")
        colleague = server.person("qian", "clinician", "--institution", CITY, "--department", "NK", "--staff-number", "1002")
        surgeon = server.person("sun", "clinician", "--institution", CITY, "--department", "WK", "--staff-number", "2001")
        elsewhere = server.person("li", "clinician", "--institution", COUNTY, "--department", "NK", "--staff-number", "1001")
        auditor = server.person("gu", "audit-administrator")
        operator = server.person("wei", "platform-operator")
        manager = server.person("he", "institution-administrator", "--institution", CITY)

        print("\n# nobody is found before there is a reason")
        identity = number("19680506", "002")
        year_ago = NOW - datetime.timedelta(days=300)
        send(COUNTY, adt("A04", COUNTY, "C77", "CV1", year_ago, identity=identity))
        send(COUNTY, result(COUNTY, "C77", "CV1", year_ago, identity, "GLU", "葡萄糖", "7.9", "mmol/L", "3.9-6.1"))
        status, found = server.call("POST", "/api/v1/persons/search", elsewhere, {"name": "白若兰"})
        check(status == 200 and found["persons"] == [], "a visit of last year is no ground", found)
        status, page = server.call("GET", "/fhir/R4/Observation", elsewhere)
        check(status == 200 and page.get("entry", []) == [], "nor on the FHIR face", page)

        print("\n# a registration today opens the whole person, to those who treat")
        morning = NOW - datetime.timedelta(minutes=20)
        send(CITY, adt("A04", CITY, "P100", "V100", morning, identity=identity))
        status, list_ = server.call("GET", "/api/v1/worklist", doctor)
        check(status == 200 and len(list_["visits"]) == 1, "the doctor's worklist has her", list_)
        person = list_["visits"][0]["person"]["id"] if list_.get("visits") else ""
        check(len(list_["visits"][0]["person"]["registrations"]) == 2, "as one person of two registrations", list_)
        status, page = server.call("GET", f"/api/v1/persons/{person}/summary", doctor)
        check(status == 200 and page["ground"]["rule"] == "active-visit", "the front page says on what ground", page.get("ground"))
        check(any(r["value"] is not None and r.get("institution") == COUNTY for r in page["results"]), "and shows the county's result", page["results"])
        check("云岫" in lines_of(page["person"]) and "望岚县人民医院" in lines_of(page["results"]), "with the names of the institutions", page["person"])
        status, page = server.call("GET", "/fhir/R4/Observation?_include=Observation:subject", doctor)
        check(status == 200 and len(page["entry"]) >= 1, "the FHIR face agrees", page)
        for who, token, expected in (("a colleague of the department", colleague, 200), ("another department", surgeon, 403), ("another institution", elsewhere, 403)):
            status, page = server.call("GET", f"/api/v1/persons/{person}/summary", token)
            check(status == expected, f"{who}: {expected}", (status, page))
        status, page = server.call("GET", f"/api/v1/persons/{person}/summary", surgeon, headers={"Accept-Language": "zh"})
        check("调阅依据" in lines_of(page) and "no-ground" in lines_of(page), "the refusal says why, in Chinese", page)
        status, page = server.call("GET", "/api/v1/persons/0000000000000000-0123456789abcdef/summary", surgeon)
        check(status == 403, "and says the same of somebody who is not there", (status, page))
        for path in ("timeline", "medicines", "reports", "bills", "access"):
            status, page = server.call("GET", f"/api/v1/persons/{person}/{path}", doctor)
            check(status == 200, f"the doctor sees {path}", (status, page))
        status, page = server.call("GET", f"/api/v1/persons/{person}/reports", doctor)
        check(len(page["reports"]) == 1 and page["reports"][0]["results"][0]["flag"] == "H", "the county's report with its flagged result", page)

        print("\n# a cancelled registration, a stay, a discharge")
        send(CITY, adt("A04", CITY, "P200", "V200", morning, name="石清扬", identity=number("19700101", "013")))
        check(len(server.call("GET", "/api/v1/worklist", doctor)[1]["visits"]) == 2, "a second patient")
        send(CITY, adt("A11", CITY, "P200", "V200", morning + datetime.timedelta(minutes=5), name="石清扬", identity=number("19700101", "013")))
        check(len(server.call("GET", "/api/v1/worklist", doctor)[1]["visits"]) == 1, "is gone after 退号 (A11)")
        admitted = NOW - datetime.timedelta(days=6)
        send(CITY, adt("A01", CITY, "P300", "S300", admitted, name="柳长青", identity=number("19550303", "031"), kind="I", department="WK", doctor="2001"))
        visits = server.call("GET", "/api/v1/worklist", surgeon)[1]["visits"]
        check(len(visits) == 1 and visits[0]["encounter"]["class"] == "IMP", "a stay of six days is in progress", visits)
        stay = visits[0]["person"]["id"] if visits else ""
        send(CITY, adt("A03", CITY, "P300", "S300", admitted, name="柳长青", identity=number("19550303", "031"), kind="I", department="WK", doctor="2001", discharged=NOW - datetime.timedelta(minutes=2)))
        status, page = server.call("GET", f"/api/v1/persons/{stay}/summary", surgeon)
        check(status == 403, "and over at discharge (A03)", (status, page))

        print("\n# an emergency: found by the exact number only, opened with a reason, told and reviewed")
        status, found = server.call("POST", "/api/v1/persons/search", elsewhere, {"name": "白若"})
        check(found["persons"] == [], "a part of a name finds nobody", found)
        status, found = server.call("POST", "/api/v1/persons/search", elsewhere, {"identifier": identity})
        masked = found["persons"][0] if found["persons"] else {}
        check(masked.get("name") == "白**" and masked.get("birth_date") == "1968" and masked.get("ground", 1) is None, "the exact number finds a masked identity", found)
        status, page = server.call("POST", f"/api/v1/persons/{person}/emergency", elsewhere, {"reason_code": "unconscious", "reason": "昏"})
        check(status == 422, "a word is no reason", (status, page))
        status, ground = server.call("POST", f"/api/v1/persons/{person}/emergency", elsewhere, {"reason_code": "unconscious", "reason": "车祸昏迷，需了解过敏史"})
        check(status == 200 and ground["kind"] == "emergency" and ground["watermark"], "with a reason it opens", (status, ground))
        status, page = server.call("GET", f"/api/v1/persons/{person}/summary", elsewhere)
        check(status == 200 and page["ground"]["kind"] == "emergency" and "车祸" in page["ground"]["reason"], "and the page says so", page.get("ground"))
        observation = server.call("GET", f"/api/v1/persons/{person}/reports", elsewhere)[1]["reports"][0]["results"][0]["id"]
        status, page = server.call("GET", f"/api/v1/origin/Observation/{observation}", elsewhere, headers={"X-Purpose-Of-Use": "ETREAT"})
        check(status == 200 and page.get("text"), "an original opens under the same purpose", (status, page))
        status, page = server.call("POST", f"/api/v1/persons/{person}/emergency", manager, {"reason_code": "other", "reason": "想看一看数据"})
        check(status == 403, "an administrator opens none", (status, page))
        status, page = server.call("GET", "/api/v1/reviews", auditor)
        review = page["reviews"][0] if status == 200 and page["reviews"] else {}
        check(review.get("looks", 0) >= 2 and review.get("status") == "open" and review["person"]["name_masked"] == "白**", "it is listed for review with its looks", page)
        status, page = server.call("POST", f"/api/v1/reviews/{review.get('id')}", auditor, {"status": "justified", "note": "急诊病历相符"})
        check(status == 200 and page["status"] == "justified", "and reviewed", (status, page))
        status, page = server.call("POST", f"/api/v1/reviews/{review.get('id')}", auditor, {"status": "unjustified", "note": "想了想不对"})
        check(status == 409, "a second verdict does not overwrite the first", (status, page))
        check(server.call("GET", "/api/v1/reviews", auditor)[1]["reviews"] == [], "nothing waits any more")
        status, page = server.call("GET", f"/api/v1/reviews?day={NOW:%Y-%m-%d}", auditor)
        check([it["status"] for it in page["reviews"]] == ["justified"], "the day keeps what was judged", page)
        status, page = server.call("POST", f"/api/v1/reviews/{review.get('id')}", elsewhere, {"status": "justified"})
        check(status == 403, "not by the one who opened it", (status, page))

        print("\n# the resident, her child, and what she is told")
        patient = server.call("GET", f"/fhir/R4/Patient?identifier={urllib.parse.quote('urn:kangmai:institution:' + CITY + ':patient|P100')}", machine)[1]["entry"][0]["resource"]["id"]
        send(CITY, adt("A04", CITY, "P101", "V101", NOW - datetime.timedelta(days=40), name="白小满", birth="20180501", identity=number("20180501", "014")))
        send(CITY, adt("A04", CITY, "P102", "V102", NOW - datetime.timedelta(days=40), name="白大满", birth="20010501", identity=number("20010501", "016")))
        child = server.call("GET", f"/fhir/R4/Patient?identifier={urllib.parse.quote('urn:kangmai:institution:' + CITY + ':patient|P101')}", machine)[1]["entry"][0]["resource"]["id"]
        resident = server.person("bairuolan", "resident", "--patient", patient, "--proxy", f"{child}:child:2036-05-01")
        adult = server.call("GET", f"/fhir/R4/Patient?identifier={urllib.parse.quote('urn:kangmai:institution:' + CITY + ':patient|P102')}", machine)[1]["entry"][0]["resource"]["id"]
        grown = server.person("grown", "resident", "--patient", patient, "--proxy", f"{child}:child:2026-01-01", "--proxy", f"{adult}:child")
        status, me = server.call("GET", "/api/v1/me", resident)
        check([it["relation"] for it in me["persons"]] == ["self", "child"], "she sees herself and her child", me)
        check(len(me["persons"][0]["person"]["registrations"]) == 2, "at both institutions", me["persons"][0])
        check(len(me["notices"]) == 1 and "车祸" in me["notices"][0]["zh"], "and is told of the emergency", me["notices"])
        check(len(server.call("GET", "/api/v1/me", grown)[1]["persons"]) == 1, "a proxy that ended shows nobody, nor does a child who is grown up")
        status, page = server.call("GET", f"/api/v1/persons/{person}/access", resident)
        looked = {(it["actor"], it["emergency"]) for it in page["entries"]} if status == 200 else set()
        check(("zhang", False) in looked and ("li", True) in looked, "she sees who looked, and that one was an emergency", looked)
        status, page = server.call("GET", f"/api/v1/persons/{stay}/summary", resident)
        check(status == 403, "somebody else's record is not hers", (status, page))

        print("\n# an objection goes to the institution that made the record")
        observation = server.call("GET", f"/api/v1/persons/{person}/reports", resident)[1]["reports"][0]["results"][0]["id"]
        status, made = server.call("POST", f"/api/v1/persons/{person}/objections", resident, {"type": "Observation", "id": observation, "text": "那天我没有抽血，这不是我的结果。"})
        check(status == 200, "she objects to the county's result", (status, made))
        check(server.call("GET", "/api/v1/objections", manager)[1]["objections"] == [], "the city's administrator does not get it")
        county_manager = server.person("fan", "institution-administrator", "--institution", COUNTY)
        status, page = server.call("GET", "/api/v1/objections", county_manager)
        check(status == 200 and len(page["objections"]) == 1, "the county's does", (status, page))
        status, answered = server.call("POST", f"/api/v1/objections/{made.get('id')}/answer", county_manager, {"status": "accepted", "text": "核实后更正，已重新报送。"})
        check(status == 200 and answered["status"] == "accepted", "and answers", (status, answered))
        status, page = server.call("GET", f"/api/v1/persons/{person}/objections", resident)
        check(page["objections"][0]["answer"].startswith("核实"), "she reads the answer", page)

        print("\n# a family doctor's contract")
        family = server.person("zhao", "family-doctor", "--institution", CLINIC, "--department", "QK", "--staff-number", "F01")
        check(server.call("GET", "/api/v1/contracts", family)[1]["persons"] == [], "no contract, nobody")
        practitioner = server.call("POST", "/fhir/R4/Practitioner", writer, {"resourceType": "Practitioner", "identifier": [{"system": f"urn:kangmai:institution:{CLINIC}:staff", "value": "F01"}], "name": [{"text": "赵家和"}]})[1]["id"]
        team = {"resourceType": "CareTeam", "status": "active", "identifier": [{"system": f"urn:kangmai:institution:{CLINIC}:contract", "value": "Q1"}], "subject": {"reference": f"Patient/{patient}"},
                "period": {"start": (NOW - datetime.timedelta(days=30)).strftime("%Y-%m-%d"), "end": (NOW + datetime.timedelta(days=335)).strftime("%Y-%m-%d")}, "participant": [{"member": {"reference": f"Practitioner/{practitioner}"}}]}
        status, team = server.call("POST", "/fhir/R4/CareTeam", writer, team)
        status, page = server.call("GET", "/api/v1/contracts", family)
        check(len(page["persons"]) == 1 and page["persons"][0]["person"]["id"] == person, "under contract she is seen", page)
        status, page = server.call("GET", f"/api/v1/persons/{person}/summary", family)
        check(status == 200 and page["ground"]["rule"] == "family-doctor-contract", "on that ground", page)
        pressure = {"resourceType": "Observation", "status": "final", "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": NOW.strftime("%Y-%m-%d"),
                    "code": {"coding": [{"system": "urn:oid:2.16.156.10011.2.2.1", "code": "DE04.10.174.00"}], "text": "收缩压"}, "valueQuantity": {"value": 156, "unit": "mmHg"}}
        condition = {"resourceType": "Condition", "subject": {"reference": f"Patient/{patient}"}, "code": {"coding": [{"system": "urn:oid:2.16.156.10011.2.3.3.11", "code": "I10.x00"}], "text": "原发性高血压"}}
        for resource in (pressure, condition):
            assert server.call("POST", f"/fhir/R4/{resource['resourceType']}", writer, resource)[0] == 201
        status, page = server.call("GET", "/api/v1/lists/blood-pressure-above-target", family)
        check(len(page["persons"]) == 1 and "156" in page["persons"][0]["why_zh"] and page["list"]["rule_zh"], "血压未达标 names her, with rule and reason", page)
        status, page = server.call("GET", "/api/v1/lists/follow-up-due", family)
        check(page["persons"] == [], "今日随访 does not: she was seen today", page)
        team["status"] = "inactive"
        check(server.call("PUT", f"/fhir/R4/CareTeam/{team['id']}", writer, team)[0] == 200, "the contract ends")
        status, page = server.call("GET", f"/api/v1/persons/{person}/summary", family)
        check(status == 403, "and with it the ground, at once", (status, page))

        print("\n# one click from the hospital's own screen")
        key = server.admin("launch-key", "--tenant", "1", "--institution", CITY)

        def launch(**changed):
            click = {"institution": CITY, "staff": "1001", "department": "NK", "visit": "V100", "at": int(time.time())} | changed
            text = "\n".join(str(click[name]) for name in ("institution", "staff", "department", "visit", "at"))
            click["signature"] = sm3_hmac(server, key, text)
            return click

        click = launch()
        status, opened = server.call("POST", "/api/v1/launch", body=click)
        check(status == 200 and opened["person"]["id"] == person, "a signed click opens the visit's person", (status, opened))
        status, page = server.call("GET", f"/api/v1/persons/{person}/summary", (opened or {}).get("session", {}).get("token"))
        check(status == 200, "and the record is there", (status, page))
        check(server.call("POST", "/api/v1/launch", body=click)[0] == 401, "the same click does not open twice")
        check(server.call("POST", "/api/v1/launch", body=launch(at=int(time.time()) - 120))[0] == 401, "nor one of two minutes ago")
        check(server.call("POST", "/api/v1/launch", body=launch() | {"visit": "S300"})[0] == 401, "nor one that was altered")
        check(server.call("POST", "/api/v1/launch", body=launch(visit="S300"))[0] == 403, "a signature is no ground: somebody else's visit stays closed")
        check(server.call("POST", "/api/v1/launch", body=launch(staff="9999"))[0] == 401, "nobody has that staff number")

        print("\n# the policy explains itself")
        status, page = server.call("GET", f"/api/v1/authz/explain?person={person}&type=Observation", doctor)
        check(page["allow"] and page["ground"]["rule"] == "active-visit" and page["zh"] and page["en"], "why the doctor may", page)
        status, page = server.call("GET", f"/api/v1/authz/explain?person={person}&type=Observation", surgeon)
        check(not page["allow"] and page["no_ground"]["zh"], "why the surgeon may not", page)

        print("\n# after a restart everything stands as before")
        server.stop()
        server.start()
        doctor = server.sign_in("zhang")
        check(len(server.call("GET", "/api/v1/worklist", doctor)[1]["visits"]) == 1, "the doctor's worklist")

        roles = {"nobody": None, "clinician": doctor, "family-doctor": server.sign_in("zhao"), "resident": server.sign_in("bairuolan"), "institution-administrator": server.sign_in("he"),
                 "platform-operator": server.sign_in("wei"), "index-administrator": server.person("ren", "index-administrator"), "audit-administrator": server.sign_in("gu"), "machine (read)": machine}
        matrix = routes_by_role(server, roles, person, patient, observation)
        if options.matrix:
            with open(options.matrix, "w") as out:
                out.write(matrix)
        print("\n" + matrix)
        kept = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrix.txt")
        expected = open(kept).read() if os.path.exists(kept) else ""
        check(matrix == expected, "the matrix of roles and routes is the one that was reviewed (tests/grounds/matrix.txt)")
    finally:
        if server.process and server.process.poll() is None:
            server.stop()
        shutil.rmtree(server.scratch, ignore_errors=True)
    if FAILED:
        sys.exit(f"{len(FAILED)} wrong: " + "; ".join(FAILED))
    print("all as it should be")


def sm3_hmac(server, key, text):
    """HMAC-SM3 by openssl: not a line of it is ours."""
    made = subprocess.run(["openssl", "dgst", "-sm3", "-hmac", key], input=text.encode(), check=True, capture_output=True)
    return made.stdout.split()[-1].decode()


def routes_by_role(server, roles, person, patient, observation):
    """Every route of the printed list, tried by every role; what is written is the status."""
    values = {"{type}": "Observation", "{id}": None, "{version}": "1", "{source}": "city", "{receipt}": "0" * 40, "{problem}": "0" * 60, "{list}": "follow-up-due", "{task}": "none", "{review}": "0" * 32}
    listed = subprocess.run([server.binary, "routes"], check=True, capture_output=True, text=True).stdout
    lines = []
    for line in listed.splitlines():
        method, template = line.split()[:2]
        if (method, template) in (("DELETE", "/api/v1/session"), ("DELETE", "/fhir/R4/{type}"), ("PUT", "/fhir/R4/{type}"), ("PATCH", "/fhir/R4/{type}")):
            continue
        path = template
        for name, value in values.items():
            if name == "{id}":
                value = "none" if method == "DELETE" else person if "/persons/" in template else patient if "$everything" in template else observation
            path = path.replace(name, value or "")
        if any(name in template for name in ("$everything", "$match", "$ihe-pix")):
            path = path.replace("/Observation/", "/Patient/")
        if template == "/api/v1/sources/{source}/reconciliation":
            path += "?day=2026-11-01"
        if template.endswith("/trend"):
            path += "?code=GLU"
        if template in ("/fhir/R4", "/fhir/R4/") and method == "GET":
            path += "?_type=Observation"
        if template == "/api/v1/persons":
            path += "?name=none"
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        kind = "application/x-www-form-urlencoded" if path.endswith("_search") else "application/json-patch+json" if method == "PATCH" else "application/json"
        body = b"" if path.endswith("_search") else b"[]" if method == "PATCH" else body
        path += "?_type=Observation" if template == "/fhir/R4/_search" else ""
        seen = [str(server.call(method, path, token, body, kind=kind)[0]) for token in roles.values()]
        lines.append(f"{method:6} {template:62} " + " ".join(f"{it:>5}" for it in seen))
    head = f"{'':6} {'':62} " + " ".join(f"{name[:5]:>5}" for name in roles)
    legend = "Columns: " + ", ".join(roles) + ".\n400 and 422 mean: came in, and was told that an empty body says nothing. 404: came in, and there is no such thing.\n\n"
    return legend + head + "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
