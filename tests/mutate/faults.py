"""Faults of named kinds, planted into the bytes of clean messages.

A kind knows the forms it can be planted in and returns the changed bytes with what it planted: the record, the lines where it
stands (in the text as it decodes), words of the path that also name the place, and the families of rules of which one must speak.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clean import check_digit, number_of


@dataclass
class Planted:
    data: bytes
    what: str
    families: list  # beginnings of rule ids
    lines: list = field(default_factory=list)  # any of them, give or take a few
    words: list = field(default_factory=list)  # or any of these in the path
    record: str = ""  # beginning of the record's path; empty: any


class NotHere(Exception):
    """The message has no place for this fault."""


CDA_NEAR = 8  # an observation of a document stands on so many lines


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def replaced(text, old, new):
    at = text.find(old)
    if at < 0:
        raise NotHere(old)
    return text[:at] + new + text[at + len(old):], line_of(text, at)


class Message:
    """A clean message that can be changed by the names of its places."""

    def __init__(self, clean, random):
        self.clean, self.random = clean, random
        self.form = clean.form.split("-")[0]
        self.text = clean.text
        if self.form == "table":
            self.rows = [line.split(",") for line in self.text.rstrip("\n").split("\n")]
            self.row = random.randrange(1, len(self.rows))
        self.who = clean.people[self.row - 1] if self.form == "table" and clean.people else (clean.people or [None])[0]

    # Places: what a thing is called in each form.
    COLUMNS = {"name": "姓名", "sex": "性别代码", "birth": "出生日期", "identity": "身份证号码", "admission": "入院时间",
               "discharge": "出院时间", "visit": ("挂号时间", "就诊时间"), "phone": "联系电话", "value": "检验结果", "report-day": "报告日期",
               "temperature": "体温", "pulse": "脉搏", "breaths": "呼吸", "systolic": "收缩压", "diastolic": "舒张压", "diagnosis": "诊断代码",
               "amount": "JE", "charged": "SFTFSJ"}
    FIELDS = {"name": ("PID", 5), "sex": ("PID", 8), "birth": ("PID", 7), "identity": ("PID", 19), "admission": ("PV1", 44),
              "discharge": ("PV1", 45), "marital": ("PID", 16), "sampling": ("OBR", 7), "report-time": ("OBR", 22),
              "diagnosis": ("DG1", 3), "value": ("OBX", 5), "leaving": ("PV1", 36)}
    PATTERNS = {
        "name": r"(<patient .*?<name>)([^<]*)(</name>)",
        "sex": r'(<administrativeGenderCode code=")([^"]*)(")',
        "birth": r'(<birthTime value=")([^"]*)(")',
        "identity": r'(<id root="2\.16\.156\.10011\.1\.3" extension=")([^"]*)(")',
        "marital": r'(<maritalStatusCode code=")([^"]*)(")',
        "admission": r'(<encompassingEncounter>\n<effectiveTime>\n<low value=")([^"]*)(")',
        "discharge": r'(<encompassingEncounter>\n<effectiveTime>\n<low [^\n]*\n<high value=")([^"]*)(")',
        "stay-days": r'(<code code="DE06\.00\.310\.00"[^\n]*\n<value xsi:type="PQ" unit="天" value=")([^"]*)(")',
        "diagnosis": r'(<code code="DE05\.01\.024\.00"[^\n]*\n<value xsi:type="CD" code=")([^"]*)(")',
        "blood": r'(<code code="DE04\.50\.001\.00"[^\n]*\n<value xsi:type="CD" code=")([^"]*)(")',
        "leaving": r'(<code code="DE06\.00\.223\.00"[^\n]*\n<value xsi:type="CD" code=")([^"]*)(")',
        "total": r'(<code code="HDSD00\.11\.142"[^\n]*\n<value xsi:type="MO" currency="元" value=")([^"]*)(")',
        "complaint": r'(<code code="DE04\.01\.119\.00"[^\n]*\n<value xsi:type="ST">)([^<]*)(</value>)',
    }
    WORDS = {"name": ["patient/name", "PID-5", "HZXM", "姓名"], "sex": ["administrativeGenderCode", "PID-8", "XBDM", "性别"],
             "birth": ["birthTime", "PID-7", "CSRQ", "出生日期"], "identity": ["patient/id", "PID-19", "ZJHM", "身份证"]}

    def get(self, place):
        return self.put(place, None)

    def put(self, place, value):
        """Changes a place; returns what stood there. With None nothing is changed."""
        if self.form == "table":
            names = self.COLUMNS.get(place, "")
            column = next((name for name in ([names] if isinstance(names, str) else names) if name in self.rows[0]), None)
            if column is None:
                raise NotHere(place)
            at = self.rows[0].index(column)
            old, self.line = self.rows[self.row][at], self.row + 1
            if value is not None:
                self.rows[self.row][at] = value
            return old
        if self.form == "hl7":
            if place not in self.FIELDS:
                raise NotHere(place)
            name, number = self.FIELDS[place]
            segments = self.text.split("\r")
            for index, one in enumerate(segments):
                fields = one.split("|")
                if fields[0] == name and len(fields) > number and fields[number]:
                    old, self.line = fields[number], index + 1
                    if value is not None:
                        fields[number] = value
                        segments[index] = "|".join(fields)
                        self.text = "\r".join(segments)
                    return old
            raise NotHere(place)
        found = re.search(self.PATTERNS[place], self.text, re.S) if place in self.PATTERNS else None
        if not found:
            raise NotHere(place)
        self.line = line_of(self.text, found.start(2))
        if value is not None:
            self.text = self.text[:found.start(2)] + value + self.text[found.end(2):]
        return found.group(2)

    def planted(self, what, families, places=(), lines=None):
        words = [word for place in places for word in self.WORDS.get(place, [])]
        record = f"row[{self.row}]" if self.form == "table" else ""
        return Planted(self.data(), what, families, [self.line] if lines is None else lines, words, record)

    def data(self):
        if self.form == "table":
            self.text = "\n".join(",".join(row) for row in self.rows) + "\n"
        return self.text.encode()


def sex_words(message, male):
    return {"cda": "12", "hl7": "MF", "table": "12"}[message.form][0 if male else 1]


# The person.


def check_digit_wrong(message):
    old = message.get("identity")
    wrong = message.random.choice([one for one in "0123456789X" if one != old[-1]])
    message.put("identity", old[:-1] + wrong)
    return message.planted("wrong check digit", ["quality.identity"], ["identity"])


def digits_swapped(message):
    old = message.get("identity")
    places = [at for at in range(6, 16) if old[at] != old[at + 1]]
    at = message.random.choice(places)
    message.put("identity", old[:at] + old[at + 1] + old[at] + old[at + 2:])
    return message.planted("two digits of the identity number swapped", ["quality.identity"], ["identity", "birth"])


def digit_lost(message):
    old = message.get("identity")
    at = message.random.randrange(1, 17)
    message.put("identity", old[:at] + old[at + 1:])
    return message.planted("a digit of the identity number lost", ["quality.identity", "text.identifier", "cda.identifier"], ["identity"])


def identity_through_spreadsheet(message):
    old = message.get("identity")
    message.put("identity", f"{old[0]}.{old[1:6]}E+17")
    return message.planted("identity number as a spreadsheet writes it",
                           ["quality.identity", "text.identifier", "cda.identifier", "table.key"], ["identity"])


def region_unknown(message):
    who = message.who
    if who is None:
        raise NotHere("person")
    body = message.random.choice(["123456", "770101", "119999"]) + who.number[6:17]
    message.put("identity", body + check_digit(body))
    return message.planted("a region that never was", ["quality.identity.region"], ["identity"])


def sex_against_identity(message):
    message.get("identity")
    message.put("sex", sex_words(message, not message.who.male))
    return message.planted("sex against the identity number", ["quality.identity.sex"], ["sex", "identity"])


def birth_against_identity(message):
    message.get("identity")
    message.put("birth", (message.who.birth + timedelta(days=message.random.randrange(1, 4000))).strftime("%Y%m%d"))
    return message.planted("birth against the identity number", ["quality.identity.birth"], ["birth", "identity"])


def name_lost(message):
    old = message.get("name")
    message.put("name", old[0] + "?" + old[2:])
    return message.planted("a character of the name lost", ["quality.format.name", "quality.format.characters", "text.name"], ["name"])


def sex_against_diagnosis(message):
    message.get("diagnosis")
    message.get("sex")
    men = message.who.male
    code, word = message.random.choice([("O80.000", "单胎顺产"), ("N83.200", "卵巢囊肿"), ("C53.900", "宫颈恶性肿瘤")] if men else
                                       [("N40.x00", "前列腺增生"), ("C61.x00", "前列腺恶性肿瘤"), ("N41.000", "急性前列腺炎")])
    message.put("diagnosis", f"{code}^{word}^ICD-10" if message.form == "hl7" else code)
    return message.planted("a diagnosis of the other sex", ["quality.cross.sex"], ["sex"])


# Times.


def moments(message, first, second):
    return datetime.strptime(message.get(first)[:14], "%Y%m%d%H%M%S"), datetime.strptime(message.get(second)[:14], "%Y%m%d%H%M%S")


def discharge_before_admission(message):
    start, _ = moments(message, "admission", "discharge")
    message.put("discharge", (start - timedelta(days=message.random.randrange(1, 30))).strftime("%Y%m%d%H%M%S"))
    return message.planted("discharged before admitted", ["quality.time.order"], ["discharge", "admission"])


def reported_before_sampled(message):
    sampled, _ = moments(message, "sampling", "report-time")
    message.put("report-time", (sampled - timedelta(days=message.random.randrange(1, 9))).strftime("%Y%m%d%H%M%S"))
    return message.planted("reported before sampled", ["quality.time.order"])


def any_time(message):
    """One of the times that the form has."""
    for place in message.random.sample(["admission", "visit", "sampling"], 3):
        try:
            message.get(place)
            return place
        except NotHere:
            continue
    raise NotHere("time")


def treated_before_birth(message):
    message.get("birth")
    place = any_time(message)
    message.put(place, (message.who.birth - timedelta(days=message.random.randrange(2, 2000))).strftime("%Y%m%d%H%M%S"))
    lines = [message.line]
    message.get("birth")
    return message.planted("treated before birth", ["quality.time.order"], ["birth"], lines + [message.line])


def in_the_future(message):
    place = any_time(message)
    message.put(place, f"21{message.random.randrange(10, 99)}0305080500")
    return message.planted("a time in the next century", ["quality.time.future", "quality.time.order"])


def day_that_is_none(message):
    message.put("birth", message.random.choice(["19900231", "19851301", "19900431", "19910229"]))
    return message.planted("a day that does not exist",
                           ["quality.format.date", "text.time", "hl7v2.time", "cda.time", "table.value"], ["birth"])


def time_that_is_none(message):
    place = any_time(message)
    message.put(place, message.random.choice(["昨天下午", "2024年初", "20240315259900", "2024-15-40"]))
    return message.planted("a time that is none", ["quality.format.date", "text.time", "hl7v2.time", "cda.time", "table.value"])


def stay_of_other_length(message):
    old = int(message.get("stay-days"))
    message.put("stay-days", str(old + message.random.randrange(3, 90)))
    return message.planted("days of stay against the dates", ["quality.cross.stay"])


# Values.


def impossible_result(message):
    text = message.text
    value = message.random.choice(["900000", "-50", "77777.7"])
    if message.form == "table":
        message.put("value", value)
        return message.planted("a result that nobody has", ["quality.range"])
    message.put("value", value)
    assert text != message.text
    return message.planted("a result that nobody has", ["quality.range"])


def decimal_point_lost(message):
    place, families = message.random.choice([("temperature", "quality.range"), ("pulse", "quality.range"), ("breaths", "quality.range"),
                                             ("systolic", "quality.range")])
    old = message.get(place)
    message.put(place, old.replace(".", "") if "." in old else old + "0")
    return message.planted(f"{place} ten times too high", [families, "quality.format.length"])


def pressures_swapped(message):
    high, low = message.get("systolic"), message.get("diastolic")
    message.put("systolic", low)
    message.put("diastolic", high)
    return message.planted("systolic and diastolic pressure swapped", ["quality.cross.compare"])


def amount_no_number(message):
    message.put("amount", message.random.choice(["三十元", "12.3.4", '"1,23"', "O.50"]))
    return message.planted("an amount that is no number", ["quality.format.number", "table.value.not-a-number", "text.number"])


def result_no_number(message):
    if message.form == "table":
        message.put("temperature", message.random.choice(["三十六度五", "36.5.1", "36。5"]))
        return message.planted("a temperature that is no number", ["quality.format.number", "table.value.not-a-number", "text.number"])
    if message.form != "hl7":
        raise NotHere("a declared number")
    message.put("value", message.random.choice(["12..5", "3,4,5", "五点六"]))
    return message.planted("a number that is none",
                           ["quality.format", "text.number", "table.value.not-a-number", "hl7v2.result.not-a-number"])


def code_outside(message):
    places = {"cda": ["sex", "marital", "blood", "leaving"], "hl7": ["leaving", "sex"], "table": ["sex"]}[message.form]
    place = message.random.choice(places)
    code = {"sex": "7", "marital": "55", "blood": "8", "leaving": "7"}[place]
    message.put(place, f"{code}^其他方式" if message.form == "hl7" and place == "leaving" else code)
    return message.planted("a code outside of its table",
                           ["quality.code", "hl7v2.code", "table.code", "cda.patient.sex-unknown", "cda.code"], [place])


def word_for_diagnosis(message):
    message.put("diagnosis", "高血压^高血压^ICD-10" if message.form == "hl7" else "高血压")
    return message.planted("a word in the place of a diagnosis code", ["quality.code.shape"])


def too_long(message):
    place = message.random.choice({"cda": ["name", "complaint"], "hl7": ["name"], "table": ["name", "phone"]}[message.form])
    message.put(place, "长" * 260 if place != "phone" else "1" * 60)
    return message.planted("longer than the element may be", ["quality.format.length", "hl7v2.field.too-long"], [place])


def total_below_parts(message):
    old = float(message.get("total"))
    message.put("total", f"{old * 0.5:.2f}")
    return message.planted("lines of a bill above their total", ["quality.sum", "quality.cross"])


# What is missing, twice, or broken.


def missing(message):
    if message.form == "cda":
        place = message.random.choice(["name", "sex", "complaint"])
        message.get(place)
        tag = {"name": r"<name>[^<]*</name>\n(?=<administrative)", "sex": r"<administrativeGenderCode [^>]*/>\n",
               "complaint": r'<entry>\n<observation[^\n]*\n<code code="DE04\.01\.119\.00".*?</entry>\n'}[place]
        message.text, count = re.subn(tag, "", message.text, count=1, flags=re.S)
        assert count == 1
        return message.planted(f"{place} missing", ["quality.required", "cda.patient.name-missing", "cda.patient.sex", "cda.section"],
                               [], lines=[])
    if message.form == "table":
        wanted = {"table-registration": ["name", "sex", "visit"], "table-item": ["value"], "table-discharge": ["admission", "discharge"],
                  "table-outpatient": ["visit"], "table-charge": ["amount", "charged"]}
        place = message.random.choice(wanted[message.clean.form])
        message.put(place, message.random.choice(["", "NULL", "-"]))
        return message.planted(f"{place} missing", ["quality.required", "table.value.missing", "table.key.missing"], [], lines=[])
    if "ORU" in message.text.split("\r")[0]:
        segments = message.text.split("\r")
        at = next(index for index, one in enumerate(segments) if one.startswith("OBX"))
        fields = segments[at].split("|")
        fields[3] = ""
        segments[at] = "|".join(fields)
        message.text, message.line = "\r".join(segments), at + 1
        return message.planted("what was measured is missing", ["quality.required", "hl7v2.result.item-missing", "hl7v2.item"])
    raise NotHere("required")


def truncated(message):
    data = message.data()
    if message.form == "table":
        cut = data[:data.rfind(b",", 0, data.rstrip().rfind(b","))]
        lines = [len(message.rows)]
        planted = Planted(cut, "cut off in the middle of the last row",
                          ["table.row", "table.value.missing", "table.key", "text.encoding"], lines)
        return planted
    if message.form == "cda":
        cut = data[:message.random.randrange(len(data) // 4, len(data) * 9 // 10)]
        return Planted(cut, "cut off", ["cda.xml", "cda.charset", "cda.document"])
    cut = data[:message.random.randrange(5, 60)]
    return Planted(cut, "cut off in the header", ["hl7v2.message", "hl7v2.segment", "hl7v2.patient", "hl7v2.delimiters", "message"])


def encoding_lies(message):
    data = message.data()
    if message.form == "cda":
        return Planted(data.decode().encode("gb18030"), "GB18030 under a declaration of UTF-8", ["cda.charset", "text.encoding"])
    if message.form == "hl7":
        return Planted(data.decode().encode("gb18030"), "GB18030 under MSH-18 UTF-8", ["hl7v2.charset", "text.encoding"])
    raise NotHere("declaration")


def bytes_broken(message):
    data = message.data()
    name = message.clean.people[0].name if message.clean.people else None
    if name is None:
        raise NotHere("name")
    at = data.find(name.encode())
    data = data[:at] + b"\xff\xfe\x80" + data[at + 3:]
    return Planted(data, "bytes that are no character",
                   ["text.encoding", "cda.charset", "hl7v2.charset", "quality.format.characters", "quality.format.name"])


def twice(message):
    if message.form == "table":
        message.rows.append(list(message.rows[message.row]))
        message.line = len(message.rows)
        planted = message.planted("a row twice", ["quality.duplicate", "table.row.duplicate"])
        planted.record = f"row[{len(message.rows) - 1}]"
        return planted
    if message.form == "hl7":
        segments = message.text.rstrip("\r").split("\r")
        at = next((index for index, one in enumerate(segments) if one.startswith("OBX")), None)
        if at is None:
            raise NotHere("OBX")
        segments.insert(at + 1, segments[at])
        message.text, message.line = "\r".join(segments) + "\r", at + 2
        return message.planted("a result twice", ["quality.duplicate", "hl7v2.result.repeated"])
    raise NotHere("repetition")


def quote_unclosed(message):
    if message.form != "table":
        raise NotHere("quotes")
    at = message.random.randrange(len(message.rows[0]))
    message.rows[message.row][at] = '"' + message.rows[message.row][at]
    message.line = message.row + 1
    return message.planted("a quote that is never closed", ["table.quote"], lines=[])


def row_too_short(message):
    if message.form != "table":
        raise NotHere("row")
    at = message.random.randrange(2, len(message.rows[0]) - 1)
    del message.rows[message.row][at]
    message.line = message.row + 1
    return message.planted("a field of a row lost", ["table.row"])


def column_misspelt(message):
    if message.form != "table":
        raise NotHere("column")
    at = message.rows[0].index("BRID")
    message.rows[0][at] = "BRJD_X"
    message.line = 1
    planted = message.planted("a column by another name", ["table.column"], lines=[1])
    planted.record = ""
    return planted


def element_misspelt(message):
    if message.form != "cda":
        raise NotHere("element")
    name = message.random.choice(["representedCustodianOrganization", "administrativeGenderCode", "encompassingEncounter"])
    wrong = name.replace("zation", "ztion") if "zation" in name else name.replace("nc", "cn", 1) if "nc" in name else name.replace("istr", "irst")
    message.line = line_of(message.text, message.text.find(f"<{name}"))
    message.text = message.text.replace(f"<{name}", f"<{wrong}").replace(f"</{name}>", f"</{wrong}>")
    return message.planted(f"{name} misspelt", ["cda.name"], [], [message.line])


def oid_wrong(message):
    if message.form != "cda":
        raise NotHere("object identifier")
    old, new, families = message.random.choice([
        ('codeSystem="2.16.156.10011.2.3.3.4"', 'codeSystem="2016.156.10011.2.3.3.4"', ["cda.oid", "quality.code.system"]),
        ('<id root="2.16.156.10011.1.3"', '<id root="2.16.156.1001l.1.3"', ["cda.oid", "cda.identifier"]),
        ('codeSystem="2.16.156.10011.2.4"', 'codeSystem="2.16.156.10011.2.9"', ["cda.document-code", "cda.oid"]),
        ('codeSystem="2.16.156.10011.2.2.1"', 'codeSystem="2.16.156.10011.2.7.1"', ["cda.data-element", "cda.oid"]),
    ])
    message.text, message.line = replaced(message.text, old, new)
    return message.planted("a wrong object identifier", families)


def template_wrong(message):
    if message.form != "cda":
        raise NotHere("template")
    found = re.search(r'<templateId root="[^"]*"/>', message.text)
    message.text, message.line = replaced(message.text, found.group(), '<templateId root="2.16.156.10011.2.1.1.21"/>')
    return message.planted("the template of another document", ["cda.template-id"])


def data_element_wrong(message):
    if message.form != "cda":
        raise NotHere("data element")
    elements = re.findall(r'code="(DE\d\d\.\d\d\.\d\d\d\.\d\d)"', message.text)
    old = message.random.choice(elements)
    new = message.random.choice([old[:3] + "6" + old[3:], old.replace("0", "O", 1), old[:-3], "DE98.76.543.00"])
    message.text, message.line = replaced(message.text, f'code="{old}"', f'code="{new}"')
    return message.planted("an identifier of a data element that is none", ["cda.data-element", "quality.element"])


def body_missing(message):
    if message.form != "cda":
        raise NotHere("structuredBody")
    message.text, message.line = replaced(message.text, "<structuredBody>\n", "")
    message.text, _ = replaced(message.text, "</structuredBody>\n", "")
    return message.planted("structuredBody missing", ["cda.body"], lines=[])


KINDS = {
    "check digit": check_digit_wrong,
    "digits swapped": digits_swapped,
    "digit lost": digit_lost,
    "identity through a spreadsheet": identity_through_spreadsheet,
    "region unknown": region_unknown,
    "sex against identity": sex_against_identity,
    "birth against identity": birth_against_identity,
    "name lost a character": name_lost,
    "sex against diagnosis": sex_against_diagnosis,
    "discharge before admission": discharge_before_admission,
    "report before sample": reported_before_sampled,
    "treated before birth": treated_before_birth,
    "in the future": in_the_future,
    "day that is none": day_that_is_none,
    "time that is none": time_that_is_none,
    "days of stay": stay_of_other_length,
    "impossible result": impossible_result,
    "decimal point lost": decimal_point_lost,
    "pressures swapped": pressures_swapped,
    "amount no number": amount_no_number,
    "result no number": result_no_number,
    "code outside": code_outside,
    "word for a code": word_for_diagnosis,
    "too long": too_long,
    "total below parts": total_below_parts,
    "missing": missing,
    "truncated": truncated,
    "encoding lies": encoding_lies,
    "bytes broken": bytes_broken,
    "twice": twice,
    "quote unclosed": quote_unclosed,
    "row too short": row_too_short,
    "column misspelt": column_misspelt,
    "element misspelt": element_misspelt,
    "object identifier": oid_wrong,
    "template": template_wrong,
    "data element": data_element_wrong,
    "body missing": body_missing,
}

__all__ = ["KINDS", "Message", "NotHere", "Planted", "number_of"]
