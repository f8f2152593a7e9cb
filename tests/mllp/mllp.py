#!/usr/bin/env python3
"""A hospital's integration platform on a socket: sends HL7 v2 over MLLP to a server of its own and looks at the answers.

    python3 tests/mllp/mllp.py --binary target/release/kangmai

Starts the server over a fresh folder, registers three sources (one switched off, one for other addresses only), and says what it saw.
It shares nothing with the product but the protocol: frames are made and taken apart here by hand.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

INSTITUTION = "9901210000000000000001"
WAIT_SECONDS = 60
VT, FS, CR = b"\x0b", b"\x1c", b"\r"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def message(kind, control, *segments, charset="UNICODE UTF-8", version="2.4", extra=""):
    header = f"MSH|^~\\&|HIS|{INSTITUTION}|KANGMAI|990100|20240305081000||{kind}|{control}|P|{version}|||{extra}||{charset}"
    return "\r".join((header,) + segments) + "\r"


def admission(number, event="A04", name="李红", at="20240305080000", visit=None, control=None, **more):
    return message(f"ADT^{event}", control or f"A{number}", f"EVN|{event}|{at}", f"PID|1||P{number}^^^^PI||{name}||19860504|F",
                   f"PV1|1|O|||||||||||||||||{visit or 'MZ' + str(number)}", **more)


class Line:
    """One connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)
        self.held = b""

    def write(self, data):
        self.socket.sendall(data)

    def answer(self):
        while FS + CR not in self.held:
            packet = self.socket.recv(65536)
            if not packet:
                return None
            self.held += packet
        frame, self.held = self.held.split(FS + CR, 1)
        assert frame.startswith(VT), frame
        return frame[1:]

    def send(self, text, encoding="utf-8"):
        self.write(VT + text.encode(encoding) + FS + CR)
        return Answer(self.answer(), encoding)

    def closed(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


class Answer:
    def __init__(self, data, encoding="utf-8"):
        text = data.decode(encoding)
        self.segments = [segment.split("|") for segment in text.split("\r") if segment]
        self.header = self.segments[0]
        self.code, self.control, self.text = (self.segments[1] + ["", "", "", ""])[1:4]
        self.errors = [segment for segment in self.segments if segment[0] == "ERR"]


class Server:
    def __init__(self, binary):
        self.binary = binary
        self.scratch = tempfile.mkdtemp(prefix="mllp-")
        self.folder = os.path.join(self.scratch, "data")
        self.port = free_port()
        self.process = None

    def start(self):
        self.log = open(os.path.join(self.scratch, "words"), "ab")
        self.process = subprocess.Popen([self.binary, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health/ready")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        sys.exit("the server did not get ready:\n" + open(self.log.name).read()[-2000:])

    def stop(self):
        self.process.terminate()
        code = self.process.wait(WAIT_SECONDS)
        assert code == 0, f"the server ended with {code}"

    def admin(self, *words):
        done = subprocess.run([self.binary, "admin", *words, "--data", self.folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def source(self, name, port, *more):
        listen = ["--listen", f"127.0.0.1:{port}"] if port else []
        return self.admin("source", name, "--tenant", "1", "--institution", INSTITUTION, *listen, *more)

    def fhir(self, token, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        connection.request("GET", "/fhir/R4/" + path, headers={"Authorization": "Bearer " + token})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, (path, response.status, body[:500])
        return json.loads(body)


def scenario(server, his, off, far, token):
    checks = []

    def check(name, condition, *seen):
        checks.append(name)
        assert condition, (name, *seen)
        print("ok  ", name)

    line = Line(his)
    answer = line.send(admission(1))
    check("a message is acknowledged with AA and its own number", (answer.code, answer.control) == ("AA", "A1"), answer.segments)
    check("the answer goes back to the sender", answer.header[4:6] == ["HIS", INSTITUTION] and answer.header[8] == "ACK^A04^ACK", answer.header)
    found = server.fhir(token, "Patient?identifier=P1")
    check("it is there once it was acknowledged", found["total"] == 1 and found["entry"][0]["resource"]["name"][0]["text"] == "李红", found)
    visit = server.fhir(token, "Encounter?identifier=MZ1")["entry"][0]["resource"]
    check("the visit names its patient", visit["subject"]["reference"] == "Patient/" + found["entry"][0]["resource"]["id"], visit)

    answer = line.send(admission(2, name="李珅玘玕", charset=""), "gbk")
    check("GBK without a declaration", answer.code == "AA", answer.segments)
    check("the answer is in GBK too", "已接收" in answer.text, answer.text)
    found = server.fhir(token, "Patient?identifier=P2")["entry"][0]["resource"]
    check("characters that end in delimiters", found["name"][0]["text"] == "李珅玘玕", found)

    answer = line.send(admission(1))
    check("the same bytes again are a repetition", answer.code == "AA" and "重复" in answer.text, answer.segments)
    resent = admission(1, control="NEW1").replace("20240305081000", "20240306090000")
    answer = line.send(resent)
    again = server.fhir(token, "Encounter?identifier=MZ1")["entry"][0]["resource"]
    check("a new envelope makes no new version", again["meta"]["versionId"] == visit["meta"]["versionId"], again["meta"])

    line.send(admission(1, event="A11", at="20240305093000", control="C1"))
    cancelled = server.fhir(token, "Encounter?identifier=MZ1")["entry"][0]["resource"]
    check("a cancelled registration", cancelled["status"] == "cancelled" and cancelled["class"]["code"] == "AMB", cancelled)

    answer = line.send(message("ADT^A04", "B1", "EVN|A04|20240305080000", "PID|1||||某某", "PV1|1|O|||||||||||||||||MZ9"))
    check("what cannot be attributed is set aside, durable, and explained", answer.code == "AA" and "问题数据" in answer.text and answer.errors, answer.segments)
    check("the error names its place", answer.errors[0][1].startswith("PID^1"), answer.errors)
    answer = line.send(message("ADT^A04", "B2", "EVN|A04|20240305080000", "PID|1||||某某", "PV1|1|O", version="2.6"))
    check("2.6 writes ERR-2 and a severity", answer.errors[0][2].startswith("PID^1") and answer.errors[0][4] == "E", answer.errors)

    answer = line.send(admission(3, extra="AL|NE"))
    check("enhanced mode is answered with CA", answer.code == "CA", answer.segments)
    line.write(VT + admission(4, extra="NE|NE").encode() + FS + CR)
    answer = line.send(admission(5))
    check("a sender that wants no answer gets none", answer.control == "A5", answer.segments)

    result = message("ORU^R01", "R1", "PID|1||P1^^^^PI||李红", "PV1|1|O|||||||||||||||||MZ1",
                     "OBR|1|S1|BG1|XCG^血常规|||20240305083000|||||||||||||||20240305110000||LAB|F",
                     "OBX|1|NM|WBC^白细胞||6.20|10^9/L|3.5~9.5|N|||F", "OBX|2|ST|CRP^C反应蛋白||<0.5|mg/L|||||F")
    answer = line.send(result)
    check("a report", answer.code == "AA", answer.segments)
    reports = server.fhir(token, "DiagnosticReport?identifier=BG1")
    check("with its results", len(reports["entry"][0]["resource"]["result"]) == 2, reports)

    framing(line, server, token, check)
    several_lines(his, server, token, check)

    answer = Line(off).send(admission(20))
    check("a source that is switched off answers AR", answer.code == "AR", answer.segments)
    check("and nothing of it is taken", server.fhir(token, "Patient?identifier=P20")["total"] == 0)
    check("an address that is not on the list is turned away", Line(far).closed())
    return len(checks)


def framing(line, server, token, check):
    data = VT + admission(6).encode() + FS + CR
    for byte in data[:-1]:
        line.write(bytes([byte]))
    line.write(data[-1:])
    check("one byte at a time", Answer(line.answer()).control == "A6")
    line.write(b"noise\r\n" + VT + admission(7).encode() + FS)
    check("noise before, no CR behind", Answer(line.answer()).control == "A7")
    line.write(VT + admission(8).encode() + VT + admission(9).encode() + FS + CR)
    check("a forgotten FS", [Answer(line.answer()).control, Answer(line.answer()).control] == ["A8", "A9"])
    line.write(b"".join(VT + admission(number).encode() + FS + CR for number in (10, 11, 12)))
    check("three at once are answered in order", [Answer(line.answer()).control for _ in range(3)] == ["A10", "A11", "A12"])
    large = message("ORU^R01", "BIG", "PID|1||P1^^^^PI||李红", "OBR|1||BG2|P|||20240305083000|||||||||||||||20240305110000||LAB|F",
                    "OBX|1|ED|PDF^报告||^Application^PDF^Base64^" + "A" * (3 << 20) + "||||||F")
    answer = line.send(large)
    check("three mebibytes of an attached file", answer.code == "AA", answer.segments)
    line.write(VT + message("ORU^R01", "HUGE").encode() + b"x" * (17 << 20) + FS + CR)
    answer = Answer(line.answer())
    check("seventeen mebibytes are refused by number", (answer.code, answer.control) == ("AR", "HUGE"), answer.segments)
    cut = Line(line.socket.getpeername()[1])
    cut.write(VT + admission(13).encode()[:-20])
    cut.socket.close()
    answer = line.send(admission(14))
    check("a message that was cut off is not taken", answer.code == "AA" and server.fhir(token, "Patient?identifier=P13")["total"] == 0)


def several_lines(port, server, token, check):
    seen = []

    def work(first):
        own = Line(port)
        for number in range(first, first + 50):
            seen.append(own.send(admission(number)).code)

    workers = [threading.Thread(target=work, args=(1000 + 100 * position,)) for position in range(4)]
    begun = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - begun
    total = server.fhir(token, "Patient?_summary=count&birthdate=1986-05-04")["total"]
    check(f"four connections, 200 messages, {200 / seconds:.0f}/s", seen == ["AA"] * 200 and total >= 200, seen, total)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    options = parser.parse_args()
    server = Server(options.binary)
    his, off, far = free_port(), free_port(), free_port()
    try:
        server.start()
        server.source("his", his)
        server.source("off", off, "--off")
        server.source("far", far, "--allow", "192.0.2.7")
        token = server.admin("machine", "reader", "--tenant", "1", "--scope", "system/*.rs").split()[-1]
        server.stop()
        server.start()
        count = scenario(server, his, off, far, token)
        server.stop()
        print(f"{count} checks")
    finally:
        if server.process and server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(server.scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
