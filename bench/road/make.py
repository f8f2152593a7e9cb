#!/usr/bin/env python3
"""Feeds of invented people for the road: HL7 v2 batches, tables, shared documents. Shares no table with the product.

    make.py --out DIR [--hl7 MESSAGES] [--rows ROWS] [--cda DOCUMENTS --template FILE] [--seed N]

Writes `expected.json` beside the files: how many of what the platform must hold afterwards, each exactly once.
"""
import argparse
import json
import os
import random

ORGANIZATION = "990121001"
ITEMS = [("GLU", "葡萄糖", "mmol/L", 3.9, 6.1), ("ALT", "丙氨酸氨基转移酶", "U/L", 9, 50), ("CREA", "肌酐", "umol/L", 57, 97)]


def identity_number(rng, sequence):
    body = "990121%04d%02d%02d%03d" % (rng.randint(1940, 2015), rng.randint(1, 12), rng.randint(1, 28), sequence % 1000)
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights)) % 11]


def person(rng, number):
    identity = identity_number(rng, number)
    return {
        "mrn": "P%08d" % number,
        "visit": "V%08d" % number,
        "identity": identity,
        "name": rng.choice("赵钱孙李周吴郑王") + rng.choice("安博晨德恩芳国海") + rng.choice("佳康丽明宁平青然"),
        "sex": "M" if int(identity[16]) % 2 else "F",
        "birth": identity[6:14],
        "phone": "100%08d" % (number % 100000000),
    }


def clock(rng, day):
    return "202403%02d%02d%02d%02d" % (day, rng.randint(7, 18), rng.randint(0, 59), rng.randint(0, 59))


def hl7(rng, messages, out):
    """One registration and four reports of three items each per person."""
    people = messages // 5
    count = 0
    per_file = 5000
    file = None
    for number in range(people):
        who = person(rng, number)
        pid = "PID|1||%s^^^%s^PI~%s^^^^SFZ||%s||%s|%s|||望岚县槐溪镇%d号||%s" % (
            who["mrn"], ORGANIZATION, who["identity"], who["name"], who["birth"], who["sex"], number, who["phone"])
        pv1 = "PV1|1|O|NK^^^%s||||1001^张医生||||||||||||%s" % (ORGANIZATION, who["visit"])
        for kind in range(5):
            if count % per_file == 0:
                file = open(os.path.join(out, "messages-%04d.hl7" % (count // per_file)), "w", encoding="utf-8", newline="")
            at = clock(rng, 1 + kind)
            event = "ADT^A04" if kind == 0 else "ORU^R01"
            segments = ["MSH|^~\\&|HIS|%s|KM|KM|%s||%s|M%09d|P|2.4|||||CHN|UTF-8" % (ORGANIZATION, at, event, count)]
            if kind == 0:
                segments += ["EVN|A04|" + at, pid, pv1 + "|" * 25 + at]
            else:
                segments += [pid, pv1, "OBR|1|O%d-%d|R%d-%d|SHQT^生化^L|||%s|||||||%s||||||||%s||CH|F" % (number, kind, number, kind, at, at, at)]
                for index, (code, name, unit, low, high) in enumerate(ITEMS):
                    value = round(rng.uniform(low * 0.8, high * 1.2), 1)
                    segments.append("OBX|%d|NM|%s^%s^L||%s|%s|%s-%s|N|||F|||%s" % (index + 1, code, name, value, unit, low, high, at))
            file.write("\r".join(segments) + "\r")
            count += 1
    return {"messages": count, "Patient": people, "Encounter": people, "DiagnosticReport": people * 4, "Observation": people * 12}


def table(rng, rows, out):
    """A registration table."""
    head = "YLJGDM,JZLSH,BRID,KH,KLX,HZXM,XBDM,CSRQ,ZJLXDM,ZJHM,LXDH,GHSJ,GTHBZ,MZZYBZ,KSDM,KSMC,YSGH,YSXM,XGBZ,TBRQ"
    with open(os.path.join(out, "TB_HIS_MZ_Reg.csv"), "w", encoding="gb18030", newline="") as file:
        file.write(head + "\r\n")
        for number in range(rows):
            who = person(rng, number)
            at = clock(rng, 1 + number % 28)
            sex = "1" if who["sex"] == "M" else "2"
            cells = [ORGANIZATION, who["visit"], who["mrn"], "K%08d" % number, "0", who["name"], sex, who["birth"], "01", who["identity"],
                     who["phone"], at, "1", "1", "GP01", "全科医学科", "D001", "张医生", "1", at[:8]]
            file.write(",".join(cells) + "\r\n")
    return {"rows": rows, "Patient": rows, "Encounter": rows}


PLACES = ("柳岸村", "槐荫里", "石桥头", "青石巷", "杏林村", "荷塘坊", "松岗", "竹园")


def surname(person):
    return "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"[person % 16]


def given(person):
    signs = "安博晨德恩芳国海佳康丽明宁平青然若思天文小雅一泽"
    return signs[person // 16 % 24] + signs[person // 384 % 24]


def cda(rng, documents, template, out):
    """Documents from one that the product's own generator wrote: other numbers, and of each four another person, who differs in
    everything that tells people apart: one template's birth date, telephone and house on everybody would be one crowd."""
    text = open(template, encoding="utf-8").read()
    where = os.path.join(out, "documents")
    os.makedirs(where, exist_ok=True)
    identities = {}
    for number in range(documents):
        one = text
        person = number // 4
        identity = identities.setdefault(person, identity_number(rng, person))
        sex = ("1", "男性") if int(identity[16]) % 2 else ("2", "女性")
        for old, new in (("DOC00000007", "D%08d" % number), ("BA000007", "P%08d" % person), ("MZ000007", "V%08d" % number),
                         ("JY000007", "R%08d" % number), ("BB000007", "S%08d" % number), ("CF000007", "O%08d" % number),
                         ("990121198001020014", identity), ("李红", surname(person) + given(person)), ('birthTime value="19800102"', 'birthTime value="%s"' % identity[6:14]),
                         ("10000000001", "100%08d" % (person * 7919 % 100000000)), ("8号", "%d号" % (person % 997 + 1)), ("柳岸村", PLACES[person % len(PLACES)]),
                         ('<administrativeGenderCode code="2" codeSystem="2.16.156.10011.2.3.3.4" codeSystemName="性别代码表" displayName="女性"/>',
                          '<administrativeGenderCode code="%s" codeSystem="2.16.156.10011.2.3.3.4" codeSystemName="性别代码表" displayName="%s"/>' % sex)):
            one = one.replace(old, new)
        with open(os.path.join(where, "document-%06d.xml" % number), "w", encoding="utf-8") as file:
            file.write(one)
    return {"documents": documents}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--hl7", type=int, default=0)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--cda", type=int, default=0)
    parser.add_argument("--template")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    rng = random.Random(options.seed)
    expected = {}
    if options.hl7:
        expected["hl7"] = hl7(rng, options.hl7, options.out)
    if options.rows:
        expected["table"] = table(rng, options.rows, options.out)
    if options.cda:
        expected["cda"] = cda(rng, options.cda, options.template, options.out)
    with open(os.path.join(options.out, ".expected.json"), "w") as file:
        json.dump(expected, file, indent=1)


main()
