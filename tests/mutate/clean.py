"""Clean messages about invented people, written from the standards' own words and from nothing of the product.

Every maker takes a random generator and returns a `Clean`: the form, the name of the file and its text.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
SURNAMES = "演望云槐青石柳林江"
GIVEN = "甲乙丙丁戊己庚辛禾苗松竹"
DIAGNOSES = [("I10.x00", "原发性高血压"), ("E11.900", "2型糖尿病"), ("J06.900", "急性上呼吸道感染"), ("K29.500", "慢性胃炎")]
DRUGS = ["硝苯地平控释片", "二甲双胍片", "阿莫西林胶囊", "奥美拉唑肠溶胶囊"]
ITEMS = [  # code, name, unit, low, high of clean values
    ("GLU", "葡萄糖", "mmol/L", 4.0, 9.0),
    ("K", "钾", "mmol/L", 3.5, 5.3),
    ("CREA", "肌酐", "μmol/L", 50, 110),
    ("HGB", "血红蛋白", "g/L", 100, 160),
    ("WBC", "白细胞计数", "10*9/L", 3.5, 11.0),
    ("HbA1c", "糖化血红蛋白", "%", 4.5, 9.5),
]


@dataclass
class Person:
    name: str
    male: bool
    birth: datetime
    number: str

    @property
    def sex(self):
        return "1" if self.male else "2"

    @property
    def born(self):
        return self.birth.strftime("%Y%m%d")


@dataclass
class Clean:
    form: str  # the kind of message: cda-outpatient, hl7-admission, table-registration …
    name: str
    text: str
    people: list


def check_digit(body):
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS)) % 11]


def number_of(birth, male, random, region="990121"):
    sequence = random.randrange(100) * 10 + random.choice([1, 3, 5, 7, 9] if male else [0, 2, 4, 6, 8])
    body = f"{region}{birth:%Y%m%d}{sequence:03d}"
    return body + check_digit(body)


def person(random, male=None):
    male = random.random() < 0.5 if male is None else male
    birth = datetime(1940, 1, 1) + timedelta(days=random.randrange(25_000))
    name = random.choice(SURNAMES) + "".join(random.choice(GIVEN) for _ in range(random.choice([1, 2])))
    return Person(name, male, birth, number_of(birth, male, random))


def moment(random, year=2024):
    return datetime(year, random.randrange(1, 7), random.randrange(1, 28), random.randrange(8, 17), random.randrange(60))


def stamp(when):
    return when.strftime("%Y%m%d%H%M%S")


def value_of(item, random):
    low, high = item[3], item[4]
    return f"{random.uniform(low, high):.1f}"


# Shared documents (WS/T 500): header and observations, in the order of the schema.

NATIONAL = "2.16.156.10011"


def header(document, title, template, number, who, random, when, stay=None):
    visit_root = "1.12" if stay else "1.11"
    age = when.year - who.birth.year - ((when.month, when.day) < (who.birth.month, who.birth.day))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">',
        '<realmCode code="CN"/>',
        '<typeId root="2.16.840.1.113883.1.3" extension="POCD_MT000040"/>',
        f'<templateId root="{NATIONAL}.2.1.1.{template}"/>',
        f'<id root="{NATIONAL}.1.1" extension="{number}"/>',
        f'<code code="{document}" codeSystem="{NATIONAL}.2.4" codeSystemName="卫生信息共享文档规范编码体系"/>',
        f"<title>{title}</title>",
        f'<effectiveTime value="{stamp(when + timedelta(hours=2))}"/>',
        '<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25" codeSystemName="Confidentiality" displayName="正常访问保密级别"/>',
        '<languageCode code="zh-CN"/>',
        f'<setId extension="{number}"/>',
        '<versionNumber value="1"/>',
        '<recordTarget typeCode="RCT" contextControlCode="OP">',
        '<patientRole classCode="PAT">',
        f'<id root="{NATIONAL}.{visit_root}" extension="V{number}"/>',
        f'<id root="{NATIONAL}.1.13" extension="BA{number}"/>',
        "<patient classCode=\"PSN\" determinerCode=\"INSTANCE\">",
        f'<id root="{NATIONAL}.1.3" extension="{who.number}"/>',
        f"<name>{who.name}</name>",
        f'<administrativeGenderCode code="{who.sex}" codeSystem="{NATIONAL}.2.3.3.4" codeSystemName="生理性别代码表(GB/T 2261.1)" '
        f'displayName="{"男性" if who.male else "女性"}"/>',
        f'<birthTime value="{who.born}"/>',
        f'<maritalStatusCode code="20" codeSystem="{NATIONAL}.2.3.3.5" codeSystemName="婚姻状况代码表(GB/T 2261.2)" displayName="已婚"/>',
        f'<age unit="岁" value="{age}"/>',
        "</patient>",
        "</patientRole>",
        "</recordTarget>",
        '<author typeCode="AUT" contextControlCode="OP">',
        f'<time value="{stamp(when + timedelta(hours=1))}"/>',
        '<assignedAuthor classCode="ASSIGNED">',
        f'<id root="{NATIONAL}.1.7" extension="D{random.randrange(100, 999)}"/>',
        "<assignedPerson><name>医一</name></assignedPerson>",
        "</assignedAuthor>",
        "</author>",
        '<custodian typeCode="CST"><assignedCustodian classCode="ASSIGNED"><representedCustodianOrganization>',
        f'<id root="{NATIONAL}.1.5" extension="990121001"/>',
        "<name>望岚县演示医院</name>",
        "</representedCustodianOrganization></assignedCustodian></custodian>",
    ]
    start, end = (stay if stay else (when, None))
    lines += ["<componentOf>", "<encompassingEncounter>", "<effectiveTime>", f'<low value="{stamp(start)}"/>']
    lines += [f'<high value="{stamp(end)}"/>'] if end else []
    lines += ["</effectiveTime>", "</encompassingEncounter>", "</componentOf>"]
    return lines


def section(code, name, entries):
    body = ["<component>", "<section>"]
    body.append(f'<code code="{code}" codeSystem="2.16.840.1.113883.6.1" displayName="{name}" codeSystemName="LOINC"/>' if code
                else f'<code displayName="{name}"/>')
    body.append("<text/>")
    for entry in entries:
        body += ["<entry>", *entry, "</entry>"]
    return body + ["</section>", "</component>"]


def observation(element, name, value, inside=()):
    system = f"{NATIONAL}.2.2.4" if element.startswith("HDSD") else f"{NATIONAL}.2.2.1"
    return [
        '<observation classCode="OBS" moodCode="EVN">',
        f'<code code="{element}" codeSystem="{system}" codeSystemName="{"住院病案首页基本数据集" if element.startswith("HDSD") else "卫生信息数据元目录"}" displayName="{name}"/>',
        value,
        *inside,
        "</observation>",
    ]


def text(value):
    return f'<value xsi:type="ST">{value}</value>'


def coded(code, word, table, name):
    return f'<value xsi:type="CD" code="{code}" codeSystem="{NATIONAL}.{table}" codeSystemName="{name}" displayName="{word}"/>'


def organizer(observations):
    lines = ['<organizer classCode="CLUSTER" moodCode="EVN">', '<statusCode/>']
    for one in observations:
        lines += ["<component>", *one, "</component>"]
    return lines + ["</organizer>"]


def whole(head, sections):
    lines = head + ["<component>", "<structuredBody>"]
    for one in sections:
        lines += one
    return "\n".join(lines + ["</structuredBody>", "</component>", "</ClinicalDocument>", ""])


def outpatient_document(random):
    who, when, number = person(random), moment(random), f"{random.randrange(10**9):09d}"
    code, word = random.choice(DIAGNOSES)
    diagnosis = organizer([
        observation("DE05.01.025.00", "诊断名称", text(word)),
        observation("DE05.01.024.00", "诊断代码", coded(code, word, "2.3.3.11", "诊断代码表(ICD-10)")),
    ])
    order = observation("DE06.00.289.00", "医嘱项目类型", coded("01", "药品类医嘱", "2.3.1.268", "医嘱项目类型代码表"))
    content = observation("DE06.00.288.00", "医嘱项目内容", text(random.choice(DRUGS)))
    sections = [
        section("48765-2", "Allergies, adverse reactions, alerts",
                [observation("DE02.10.023.00", "过敏史标志", '<value xsi:type="BL" value="false"/>')]),
        section("10154-3", "CHIEF COMPLAINT", [observation("DE04.01.119.00", "主诉", text("反复头晕三天"))]),
        section("10164-2", "HISTORY OF PRESENT ILLNESS", [observation("DE02.10.071.00", "现病史", text("三天前起头晕,无恶心"))]),
        section("29545-1", "PHYSICAL EXAMINATION", [observation("DE04.10.258.00", "体格检查", text("神志清,心肺无异常"))]),
        section("29548-5", "Diagnosis",
                [observation("DE06.00.196.00", "初诊标志代码", coded("1", "初诊", "2.3.2.39", "初诊标志代码表")), diagnosis]),
        section("46209-3", "Provider Orders",
                [['<observation classCode="OBS" moodCode="EVN">', '<code/>', "<component>", *order, "</component>", "<component>",
                  *content, "</component>", "</observation>"]]),
    ]
    head = header("C0002", "门(急)诊病历", 22, number, who, random, when)
    return Clean("cda-outpatient", f"C0002-{number}.xml", whole(head, sections), [who])


def discharge_document(random):
    who, start, number = person(random), moment(random), f"{random.randrange(10**9):09d}"
    end = start + timedelta(days=random.randrange(3, 20))
    code, word = random.choice(DIAGNOSES)
    head = header("C0053", "出院小结", 73, number, who, random, end, (start, end))
    sections = [
        section("11450-4", "PROBLEM LIST", [observation("DE05.10.148.00", "入院情况", text("头晕三天入院"))]),
        section("46241-6", "HOSPITAL ADMISSION DX",
                [observation("DE05.01.024.00", "入院诊断-西医诊断编码", coded(code, word, "2.3.3.11", "诊断代码表(ICD-10)"))]),
        section("11535-2", "Discharge Diagnosis",
                [observation("DE05.01.024.00", "出院诊断-西医诊断编码", coded(code, word, "2.3.3.11", "诊断代码表(ICD-10)")),
                 observation("DE04.01.117.00", "出院时症状与体征", text("头晕缓解")),
                 observation("DE06.00.193.00", "出院情况", text("好转"))]),
        section("8648-8", "Hospital Course",
                [observation("DE06.00.296.00", "诊疗过程描述", text("予药物治疗")),
                 observation("DE05.10.113.00", "治疗结果代码", coded("2", "好转", "2.3.1.148", "病情转归代码表")),
                 observation("DE06.00.310.00", "实际住院天数", f'<value xsi:type="PQ" unit="天" value="{(end - start).days}"/>')]),
        section("46209-3", "Provider Orders", [observation("DE06.00.287.00", "出院医嘱", text("门诊随诊"))]),
    ]
    return Clean("cda-discharge", f"C0053-{number}.xml", whole(head, sections), [who])


FEES = [("HDSD00.11.147", "综合医疗服务费-一般医疗服务费"), ("HDSD00.11.145", "综合医疗服务费-护理费"),
        ("HDSD00.11.123", "诊断-实验室诊断费"), ("HDSD00.11.124", "诊断-影像学诊断费")]


def front_page_document(random):
    who, start, number = person(random), moment(random), f"{random.randrange(10**9):09d}"
    end = start + timedelta(days=random.randrange(3, 20))
    code, word = random.choice(DIAGNOSES)
    amounts = [random.randrange(1_000, 90_000) for _ in FEES] + [random.randrange(1_000, 90_000)]

    def money(cents):
        return f'<value xsi:type="MO" currency="元" value="{cents / 100:.2f}"/>'

    def fee(position):
        return observation(*FEES[position], money(amounts[position]))

    own = ['<entryRelationship typeCode="COMP">', *observation("HDSD00.11.143", "住院总费用-自付金额(元)", money(sum(amounts) // 3)),
           "</entryRelationship>"]
    diagnosis = organizer([
        observation("DE05.01.025.00", "出院诊断-疾病名称", text(word)),
        observation("DE05.01.024.00", "出院诊断-疾病编码", coded(code, word, "2.3.3.11", "诊断代码表(ICD-10)")),
        observation("DE09.00.104.00", "出院诊断-主要诊断-入院病情代码", coded("1", "有", "2.3.1.253", "入院病情代码表")),
    ])
    blood = organizer([
        observation("DE04.50.001.00", "ABO血型代码", coded(random.choice("1234"), "血型", "2.3.1.85", "ABO血型代码表")),
        observation("DE04.50.010.00", "Rh(D)血型代码", coded("2", "阳性", "2.3.1.250", "Rh(D)血型代码表")),
    ])
    sections = [
        section("11535-2", "Discharge Diagnosis",
                [diagnosis, observation("DE06.00.223.00", "离院方式", coded("1", "医嘱离院", "2.3.1.265", "离院方式代码表"))]),
        section("30954-2", "STUDIES SUMMARY", [blood]),
        section("11336-5", "HISTORY OF HOSPITALIZATIONS",
                [observation("DE02.10.090.00", "住院次数", '<value xsi:type="PQ" unit="次" value="1"/>')]),
        section("8648-8", "Hospital Course",
                [observation("DE06.00.310.00", "实际住院天数", f'<value xsi:type="PQ" unit="天" value="{(end - start).days}"/>')]),
        section("48768-6", "PAYMENT SOURCES",
                [observation("DE07.00.007.00", "医疗付款方式代码", coded("01", "城镇职工基本医疗保险", "2.3.1.269", "医疗付费方式代码表")),
                 observation("HDSD00.11.142", "住院总费用", money(sum(amounts)), own),
                 organizer([fee(0), fee(1)]), organizer([fee(2), fee(3)]),
                 observation("HDSD00.11.098", "西药费", money(amounts[4]))]),
    ]
    head = header("C0032", "住院病案首页", 52, number, who, random, end, (start, end))
    return Clean("cda-front-page", f"C0032-{number}.xml", whole(head, sections), [who])


# HL7 v2.


def segment(name, fields):
    """A segment from its fields by number."""
    last = max(fields)
    return name + "|" + "|".join(fields.get(number, "") for number in range(1, last + 1))


def message_head(kind, when, random):
    return f"MSH|^~\\&|HIS|990121001|KANGMAI|990100|{stamp(when)}||{kind}|M{random.randrange(10**9)}|P|2.4||||||UNICODE UTF-8"


def patient_segment(who, random):
    return segment("PID", {1: "1", 3: f"P{random.randrange(10**8)}^^^HIS^PI", 5: who.name, 7: who.born, 8: "M" if who.male else "F",
                           11: "柳岸村8号^^云岫市^演示省^990121", 13: f"100{random.randrange(10**8):08d}", 16: "20^已婚^GB/T 2261.2",
                           19: who.number})


def admission_message(random):
    who, when = person(random), moment(random)
    end = when + timedelta(days=random.randrange(2, 15))
    code, word = random.choice(DIAGNOSES)
    visit = segment("PV1", {1: "1", 2: "I", 3: "心血管内科^3病房^12", 7: "D001^医一", 10: "心血管内科", 18: "3^住院", 19:
                            f"ZY{random.randrange(10**7)}", 36: "1^医嘱离院", 44: stamp(when), 45: stamp(end)})
    lines = [message_head("ADT^A03", end, random), f"EVN|A03|{stamp(end)}", patient_segment(who, random), visit,
             segment("DG1", {1: "1", 3: f"{code}^{word}^ICD-10", 5: stamp(when), 6: "F"})]
    return Clean("hl7-admission", f"adt-{random.randrange(10**9)}.hl7", "\r".join(lines) + "\r", [who])


def result_message(random):
    who, when = person(random), moment(random)
    report = when + timedelta(hours=random.randrange(2, 40))
    lines = [message_head("ORU^R01", report, random), patient_segment(who, random),
             segment("PV1", {1: "1", 2: "O", 10: "全科医学科", 19: f"MZ{random.randrange(10**7)}", 44: stamp(when)}),
             segment("OBR", {1: "1", 2: f"SQ{random.randrange(10**7)}", 3: f"BG{random.randrange(10**7)}", 4: "SH^生化^L",
                             7: stamp(when), 14: stamp(when + timedelta(minutes=40)), 15: "1&血清", 22: stamp(report), 25: "F"})]
    for position, item in enumerate(random.sample(ITEMS, 4)):
        lines.append(segment("OBX", {1: str(position + 1), 2: "NM", 3: f"{item[0]}^{item[1]}^L", 5: value_of(item, random),
                                     6: item[2], 7: f"{item[3]}-{item[4]}", 11: "F", 14: stamp(report)}))
    return Clean("hl7-result", f"oru-{random.randrange(10**9)}.hl7", "\r".join(lines) + "\r", [who])


# Tables of a middle database: the seven known column names and the titles of the data elements for the others.


def table(name, columns, rows):
    return name, "\n".join([",".join(columns), *(",".join(row) for row in rows)]) + "\n"


ROWS = 6


def registration_table(random):
    columns = ["YLJGDM", "JZLSH", "BRID", "KH", "KLX", "姓名", "性别代码", "出生日期", "证件类型代码", "身份证号码", "联系电话", "挂号时间",
               "挂号退号标志", "XGBZ", "TBRQ"]
    people = [person(random) for _ in range(ROWS)]
    rows = []
    for position, who in enumerate(people):
        when = moment(random)
        rows.append(["990121001", f"MZ{random.randrange(10**8)}{position}", f"B{random.randrange(10**7)}{position}",
                     f"K{random.randrange(10**7)}{position}", "1", who.name, who.sex, who.born, "01", who.number,
                     f"100{random.randrange(10**8):08d}", stamp(when), "1", "1", f"{when:%Y%m%d}"])
    name, body = table(f"TB_HIS_MZ_Reg_{random.randrange(10**6)}.csv", columns, rows)
    return Clean("table-registration", name, body, people)


def item_table(random):
    columns = ["YLJGDM", "JZLSH", "BRID", "报告单号", "报告日期", "序号", "项目代码", "项目名称", "检验结果", "单位", "XGBZ"]
    rows = []
    for position in range(ROWS):
        item = ITEMS[position % len(ITEMS)]
        rows.append(["990121001", f"MZ{random.randrange(10**8)}", f"B{random.randrange(10**8)}", f"R{random.randrange(10**7)}{position}",
                     f"{moment(random):%Y%m%d}", str(position + 1), item[0], item[1], value_of(item, random), item[2], "1"])
    name, body = table(f"TB_LIS_Indicators_{random.randrange(10**6)}.csv", columns, rows)
    return Clean("table-item", name, body, [])


def discharge_table(random):
    columns = ["YLJGDM", "JZLSH", "住院号", "病案号", "BRID", "姓名", "性别代码", "出生日期", "入院时间", "出院时间", "科室名称", "XGBZ"]
    people = [person(random) for _ in range(ROWS)]
    rows = []
    for position, who in enumerate(people):
        start = moment(random)
        end = start + timedelta(days=random.randrange(2, 15))
        rows.append(["990121001", f"ZY{random.randrange(10**8)}{position}", f"Z{random.randrange(10**7)}", f"BA{random.randrange(10**7)}",
                     f"B{random.randrange(10**7)}{position}", who.name, who.sex, who.born, stamp(start), stamp(end), "心血管内科", "1"])
    name, body = table(f"TB_CIS_LeaveHospital_Summary_{random.randrange(10**6)}.csv", columns, rows)
    return Clean("table-discharge", name, body, people)


def outpatient_table(random):
    columns = ["YLJGDM", "JZLSH", "BRID", "姓名", "性别代码", "出生日期", "就诊时间", "初复诊标志", "主诉", "体温", "脉搏", "呼吸", "收缩压",
               "舒张压", "诊断代码", "诊断名称", "XGBZ"]
    people = [person(random) for _ in range(ROWS)]
    rows = []
    for position, who in enumerate(people):
        code, word = random.choice(DIAGNOSES)
        low = random.randrange(60, 95)
        rows.append(["990121001", f"MZ{random.randrange(10**8)}{position}", f"B{random.randrange(10**7)}{position}", who.name, who.sex,
                     who.born, stamp(moment(random)), random.choice("12"), "头晕三天", f"{random.uniform(36, 39.5):.1f}",
                     str(random.randrange(55, 110)), str(random.randrange(12, 28)), str(low + random.randrange(25, 80)), str(low), code,
                     word, "1"])
    name, body = table(f"TB_YL_MZ_Medical_Record_{random.randrange(10**6)}.csv", columns, rows)
    return Clean("table-outpatient", name, body, people)


def charge_table(random):
    columns = ["YLJGDM", "JZLSH", "BRID", "SFTFBH", "TFBZ", "MXXH", "SFTFSJ", "FYLB", "XMDM", "XMMC", "DJ", "SL", "DW", "JE", "RJRQ", "XGBZ"]
    rows = []
    for position in range(ROWS):
        when, price, number = moment(random), random.randrange(100, 30_000), random.randrange(1, 4)
        rows.append(["990121001", f"MZ{random.randrange(10**8)}", f"B{random.randrange(10**8)}", f"F{random.randrange(10**8)}{position}", "1",
                     "1", stamp(when), "西药费", f"X{position:03d}", random.choice(DRUGS), f"{price / 100:.2f}", str(number), "盒",
                     f"{price * number / 100:.2f}", f"{when:%Y%m%d}", "1"])
    name, body = table(f"收退费明细_{random.randrange(10**6)}.csv", columns, rows)
    return Clean("table-charge", name, body, [])


MAKERS = {
    "cda-outpatient": outpatient_document,
    "cda-discharge": discharge_document,
    "cda-front-page": front_page_document,
    "hl7-admission": admission_message,
    "hl7-result": result_message,
    "table-registration": registration_table,
    "table-item": item_table,
    "table-discharge": discharge_table,
    "table-outpatient": outpatient_table,
    "table-charge": charge_table,
}
