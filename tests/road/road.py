#!/usr/bin/env python3
"""The road in as an institution sees it, on the real binary: a watched folder, receipts, problem data opened, corrected and
released, the way back to the original, codes without a map, referential chains, and who may see what of it.

    tests/road/road.py --binary target/release/kangmai
"""

import datetime
import json
import os
import re
import shutil
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "grounds"))
import grounds  # noqa: E402  (the small client and the messages are the same)
from grounds import CHINA, COUNTY, NOW, Server, adt, check, number, result  # noqa: E402

WAIT_SECONDS_MAX = 30


def until(what, condition):
    begun = time.monotonic()
    while time.monotonic() - begun < WAIT_SECONDS_MAX:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    check(False, what)
    return None


def main():
    import argparse
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    options = parser.parse_args()
    server = Server(options.binary)
    folder = os.path.join(server.scratch, "incoming")
    os.makedirs(folder)
    try:
        token = server.admin("source", "county", "--tenant", "1", "--institution", COUNTY, "--title", "望岚县人民医院（演示）", "--watch", folder)
        other = server.admin("source", "other", "--tenant", "1", "--institution", "990121002")
        server.start()
        manager = server.person("he", "institution-administrator", "--institution", COUNTY)
        stranger = server.person("fan", "institution-administrator", "--institution", "990121002")
        operator = server.person("wei", "platform-operator")
        reader = server.admin("machine", "reader", "--tenant", "1", "--scope", "system/*.rs")

        def send(message, name=None):
            headers = {"X-File-Name": name} if name else {}
            return server.call("POST", "/api/v1/sources/county/messages", token, message, headers, kind="application/octet-stream")

        print("\n# a folder: a table in GB18030, a file that is none")
        day = (NOW - datetime.timedelta(days=12)).date()
        rows = ["YLJGDM,JZLSH,BRID,KH,KLX,HZXM,XB,CSRQ,ZJLX,ZJHM,GHSJ,KSDM,KSMC,YSGH,YSXM,XGBZ",
                f"{COUNTY},T1,B1,,,章含之,2,19800101,01,{number('19800101', '002')},{day:%Y%m%d}083000,NK,内科,1001,张医生,1",
                f"{COUNTY},T2,B2,,,卢见曾,1,19790202,01,{number('19790202', '013')},{day:%Y%m%d}090000,NK,内科,1001,张医生,1"]
        with open(os.path.join(folder, "registration_1.csv.part"), "wb") as out:
            out.write(("\r\n".join(rows) + "\r\n").encode("gb18030"))
        os.rename(out.name, os.path.join(folder, "registration_1.csv"))
        with open(os.path.join(folder, "picture.csv.part"), "wb") as out:
            out.write(bytes(range(256)) * 20)
        os.rename(out.name, os.path.join(folder, "picture.csv"))
        until("the table is taken in", lambda: os.path.exists(os.path.join(folder, "done", "registration_1.csv")))
        until("the picture is set aside", lambda: os.path.exists(os.path.join(folder, "set-aside", "picture.csv")))
        receipts = server.call("GET", "/api/v1/sources/county/receipts", manager)[1]["receipts"]
        table = next((it for it in receipts if it.get("name") == "registration_1.csv"), {})
        check(table.get("counts", {}).get("accepted") == 2, "two registrations accepted", receipts)
        check(any(it.get("name") == "picture.csv" and it["outcome"] != "accepted" for it in receipts), "the picture has a receipt too", receipts)

        print("\n# the same again, a correction, and something that cannot be attributed")
        visit = adt("A04", COUNTY, "C1", "V1", NOW - datetime.timedelta(days=12), identity=number("19680506", "002"))
        first, again = send(visit.encode()), send(visit.encode())
        check(first[0] in (200, 201, 202) and again[1]["outcome"] == "repeated", "the same bytes twice", again)
        nameless = visit.replace("C1^^^" + COUNTY, "").replace(number("19680506", "002"), "").replace("V1", "V9")
        status, aside = send(nameless.encode())
        check(aside["counts"]["set_aside"] == 1, "a message about nobody is set aside", aside)
        problems = server.call("GET", "/api/v1/sources/county/problems", manager)[1]["problems"]
        check(len(problems) >= 1 and all(it["issues"] and it["issues"][0].get("hint") for it in problems), "it is listed with rule and hint", problems)
        check(server.call("GET", "/api/v1/sources/county/problems", stranger)[0] in (403, 404), "another institution's administrator does not see it")
        masked = server.call("GET", "/api/v1/sources/county/problems", operator)[1]["problems"]
        check("白若兰" not in json.dumps(masked, ensure_ascii=False), "an operator sees rule and path, values masked", masked)
        receipt = aside["id"]
        check(server.call("GET", f"/api/v1/sources/county/receipts/{receipt}/original", manager)[0] == 200, "the administrator opens the original")
        check(server.call("GET", f"/api/v1/sources/county/receipts/{receipt}/original", operator)[0] == 403, "the operator does not")

        print("\n# a suspicious value, released with a reason")
        strange = result(COUNTY, "C1", "V1", NOW - datetime.timedelta(days=11), number("19680506", "002"), "GLU", "葡萄糖", "6.1", "mmol/L", "3.9-6.1")
        strange = strange.replace("||19680506|F", "||20991231|F").replace("RV1", "RV2")
        status, aside = send(strange.encode())
        check(aside["counts"]["set_aside"] == 1, "somebody born in the future is set aside", aside)
        problems = server.call("GET", "/api/v1/sources/county/problems", manager)[1]["problems"]
        born = next((it for it in problems if it["receipt"] == aside["id"]), {})
        path = f"/api/v1/sources/county/problems/{born.get('id')}/release"
        check(server.call("POST", path, operator, {"reason": "看起来没有问题"})[0] == 403, "an operator releases nothing")
        status, released = server.call("POST", path, manager, {"reason": "出生日期录入错误，结果本身已与检验科核实"})
        check(status == 200 and released["state"] == "released", "the administrator does, with a reason", (status, released))
        found = server.call("GET", f"/fhir/R4/Observation?code={urllib.parse.quote('urn:kangmai:demo:analyte|GLU')}", reader)[1]
        check(len(found.get("entry", [])) == 1, "and the result is in the records", found)

        print("\n# the way back to the original")
        observation = found["entry"][0]["resource"]["id"] if found.get("entry") else "none"
        status, origin = server.call("GET", f"/api/v1/origin/Observation/{observation}", reader)
        check(status == 200 and "OBX|1|NM|GLU" in origin["text"], "the segment that said it", (status, origin))

        print("\n# a document that was corrected under the same id, with version 1 and no RPLC")
        cases = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "crates", "formats", "tests", "cda", "cases")
        with open(os.path.join(cases, "c0007-blood-count.xml"), encoding="utf-8") as file:
            document = file.read()
        first = send(document.encode())[1]
        value, made = re.search(r'value="(4\.70)" unit="10\^9/L"', document), re.search(r'<effectiveTime value="(\d{8})', document)
        check(first["counts"]["set_aside"] == 0 and value and made, "the document is taken in", first)
        corrected = document.replace(value.group(0), value.group(0).replace(value.group(1), "12.34"), 1)
        corrected = corrected.replace(made.group(0), made.group(0)[:-8] + str(int(made.group(1)) + 1), 1)
        second = send(corrected.encode())[1]
        check(second["counts"]["updated"] >= 1 and second["counts"]["set_aside"] == 0, "the correction is a new version", second)
        values = json.dumps(server.call("GET", f"/fhir/R4/Observation?value-quantity=12.34", reader)[1])
        check("12.34" in values, "its value counts", values)
        again = send(document.encode())[1]
        check(again["outcome"] == "repeated", "the first, once more, is old", again)

        print("\n# codes without a map, and chains")
        unknown = result(COUNTY, "C1", "V1", NOW - datetime.timedelta(days=11), number("19680506", "002"), "XQ77", "院内特色项目", "1", "U", "0-2")
        check(send(unknown.encode())[1]["counts"]["accepted"] == 1, "a local code that no map knows is accepted")
        codes = server.call("GET", "/api/v1/sources/county/unmapped", manager)[1]
        check("XQ77" in json.dumps(codes), "and queued", codes)
        status, broken = server.call("GET", f"/api/v1/sources/county/chains?day={day}", manager)
        rules = {(it["number"], it["rule"]) for it in broken.get("chains", [])}
        check(("T1", "quality.chain.visit-without-diagnosis") in rules, "a visit of twelve days ago has no diagnosis", broken)
        day_of_report = (NOW - datetime.timedelta(days=11)).date()
        broken = server.call("GET", f"/api/v1/sources/county/chains?day={day_of_report}", manager)[1]
        rules = [it["rule"] for it in broken["chains"]]
        check("quality.chain.result-without-order" in rules and "quality.chain.report-without-result" not in rules, "reports have results and no sent order", broken)
        masked = server.call("GET", f"/api/v1/sources/county/chains?day={day}", operator)[1]
        check(all(it["about"] is None for it in masked["chains"]), "an operator sees them without their numbers", masked)
        check(server.call("POST", "/api/v1/sources/county/messages", other, b"x", kind="application/octet-stream")[0] in (403, 404), "another source's token delivers nothing here")
    finally:
        if server.process and server.process.poll() is None:
            server.stop()
        shutil.rmtree(server.scratch, ignore_errors=True)
    if grounds.FAILED:
        sys.exit(f"{len(grounds.FAILED)} wrong: " + "; ".join(grounds.FAILED))
    print("all as it should be")


if __name__ == "__main__":
    main()
