#!/usr/bin/env python3
"""Restates the tables of the national shared documents into the files of this folder, and repairs their known dirt.

Usage: restate.py FOLDER, where FOLDER holds cda_document_types.csv, wst500_cda_sections.csv, wst500_cda_template_entries.csv,
wst500_cda_oids.csv, ws363_2011_data_elements.csv and ws445_2014_dataset_elements.csv (see NOTICE.md). Each repair is said in
this file, so that it can be argued with. Output is tab-separated text with a header line; no value holds a tab.
"""
import collections, csv, os, re, sys

source, here = sys.argv[1], os.path.dirname(os.path.abspath(__file__))
rows = lambda name: list(csv.DictReader(open(os.path.join(source, name), encoding="utf-8")))
CATALOGUE, FRONT_PAGE = "2.16.156.10011.2.2.1", "2.16.156.10011.2.2.4"
ICD10, ICD9, TCM = "2.16.156.10011.2.3.3.11", "2.16.156.10011.2.3.3.12", "2.16.156.10011.2.3.3.14"

# (document, section, code, name in the source, which of several) -> code and name as they should be.
REPAIRS = {
    ("C0001", "0", "DE04.50.001.00", "", 1): ("DE04.50.010.00", "Rh(D)血型代码"),
    ("C0001", "4", "DE02.10.022.00", "预防接种史", 0): ("DE02.10.101.00", "预防接种史"),
    ("C0006", "6", "DE04.50.131.00", "检查报告结果-主观提示", 0): ("DE04.50.132.00", "检查报告结果-主观提示"),
    ("C0023", "4", "DE04.01.118.00", "过敏史", 0): ("DE02.10.022.00", "过敏史"),
    ("C0023", "8", "DE02.10.024.00", "入院诊断编码", 0): ("DE05.01.024.00", "入院诊断编码"),
    ("C0025", "0", "DE056.00.193.00", "出院情况", 0): ("DE06.00.193.00", "出院情况"),
    ("C0025", "1", "DE056.00.124.00", "宣教内容", 0): ("DE06.00.124.00", "宣教内容"),
    ("C0028", "4", "DE05.01.075.00", "输血风险及可能发生的不良后果", 0): ("DE06.00.130.00", "输血风险及可能发生的不良后果"),
    ("C0032", "1", "DE05.10.025.00", "门急诊诊断名称", 0): ("DE05.01.025.00", "门急诊诊断名称"),
    ("C0032", "12", "HDS00.10.130", "其他费", 0): ("HDSD00.11.081", "其他费"),
    ("C0033", "12", "HDS00.12.092", "其他费", 0): ("HDSD00.12.092", "其他费"),
    ("C0039", "0", "DE05.10.148.00", "查房记录", 0): ("DE06.00.181.00", "查房记录"),
    ("C0045", "1", "DE05.01.024.00", "中医证候代码", 0): ("DE05.10.130.00", "中医证候代码"),
    ("C0045", "4", "DE06.0.319.00", "会诊类型", 0): ("DE06.00.319.00", "会诊类型"),
    ("C0045", "4", "DE06.0.039.00", "会诊原因", 0): ("DE06.00.039.00", "会诊原因"),
    ("C0048", "1", "DE05.10.063.00", "诊断依据", 0): ("DE05.01.070.00", "诊断依据"),
    ("C0053", "2", "DE05.10.028.00", "中医'四诊'观察结果", 0): ("DE02.10.028.00", "中医四诊观察结果"),
}
# Rows that only the second source has and that no repair above explains: where they belong.
# (document, section, parent entry or "", relation, code, name, value type)
ADDED = [
    ("C0015", "3", "", "entry", "DE04.10.018.00", "新生儿出生身长(cm)", "PQ"),
    ("C0015", "2", "", "entry", "DE04.10.025.00", "恶露状况", "ST"),
    ("C0016", "0", "", "entry", "DE05.01.044.00", "胎方位代码", "CD"),
    ("C0018", "0", "DE02.10.023.00", "entryRelationship", "DE02.10.022.00", "过敏史", "ST"),
    ("C0019", "4", "DE02.10.023.00", "entryRelationship", "DE02.10.022.00", "过敏史", "ST"),
    ("C0032", "5", "DE02.10.023.00", "entryRelationship", "DE02.10.022.00", "过敏药物", "ST"),
    ("C0033", "5", "DE02.10.023.00", "entryRelationship", "DE02.10.022.00", "过敏药物", "ST"),
    ("C0046", "0", "", "entry", "DE06.00.182.00", "病历摘要", "ST"),
    ("C0048", "2", "", "entry", "DE09.00.119.00", "注意事项", "ST"),
    ("C0051", "2", "", "entry", "DE06.00.181.00", "死亡讨论记录", "ST"),
    ("C0051", "3", "", "entry", "DE06.00.018.00", "主持人总结意见", "ST"),
]
# The laboratory section of C0007 as it is completed: one organizer per panel, one group per item in it, with the name of the
# item, its reference range and the time of the result. (number, parent, relation, act, class, code, name, type, table)
LABORATORY = [
    (1, 0, "entry", "observation", "OBS", "DE02.10.027.00", "检验方法名称", "ST"),
    (2, 0, "entry", "observation", "OBS", "DE04.30.018.00", "检验类别", "ST"),
    (3, 0, "entry", "organizer", "BATTERY", "", "检验项目组", ""),
    (4, 3, "component", "organizer", "CLUSTER", "", "检验项目", ""),
    (5, 4, "component", "observation", "OBS", "DE04.30.019.00", "检验项目代码", "CD"),
    (6, 5, "entryRelationship", "observation", "OBS", "DE04.50.134.00", "标本类别", "ST"),
    (7, 5, "entryRelationship", "observation", "OBS", "DE04.50.135.00", "标本状态", "ST"),
    (8, 4, "component", "observation", "OBS", "DE04.30.017.00", "检验结果代码", "CD"),
    (9, 4, "component", "observation", "OBS", "DE04.30.009.00", "检验结果", "ST"),
    (10, 4, "component", "observation", "OBS", "DE04.30.015.00", "检验定量结果", "PQ"),
    (11, 10, "entryRelationship", "observation", "OBS", "DE04.30.016.00", "检验定量结果计量单位", "ST"),
]
# Entries that come as often as there are things to say: one per drug, order, operation, diagnosis.
REPEATED_ACTS = {"substanceAdministration", "procedure"}
# Tables chosen by hand where the sources name a wrong object identifier; "" is an identifier nobody knows.
# 2.3.2.39, 2.3.2.45, 2.3.1.256 and 2.3.1.264 close gaps of sequences whose neighbours are certain.
TABLES = {
    "DE05.01.024.00": (ICD10, "ICD-10"), "DE05.01.078.00": (ICD10, "ICD-10"), "DE05.01.021.00": (ICD10, "ICD-10"),
    "DE05.10.130.00": (TCM, "中医病症分类与代码表(GB/T 15657)"), "DE06.00.093.00": (ICD9, "手术(操作)代码表(ICD-9-CM-3)"),
    "DE04.50.001.00": ("2.16.156.10011.2.3.1.85", "ABO血型代码表"), "DE04.50.010.00": ("2.16.156.10011.2.3.1.250", "Rh(D)血型代码表"),
    "DE06.00.196.00": ("2.16.156.10011.2.3.2.39", "初诊标志代码表"), "DE06.00.257.00": ("2.16.156.10011.2.3.1.256", "手术切口类别代码表"),
    "DE05.10.147.00": ("2.16.156.10011.2.3.1.257", "手术切口愈合等级代码表"), "DE06.00.255.00": ("2.16.156.10011.2.3.1.258", "手术级别代码表"),
    "DE06.00.211.00": ("2.16.156.10011.2.3.1.259", "护理等级代码表"), "DE06.00.212.00": ("2.16.156.10011.2.3.1.260", "护理类型代码表"),
    "DE06.00.291.00": ("2.16.156.10011.2.3.1.263", "饮食指导代码表"), "DE05.10.122.00": ("2.16.156.10011.2.3.2.55", "自理能力代码表"),
    "DE06.00.304.00": ("2.16.156.10011.2.3.1.264", "治疗类别代码表"), "DE06.00.223.00": ("2.16.156.10011.2.3.1.265", "离院方式代码表"),
    "DE06.00.133.00": ("2.16.156.10011.2.3.1.267", "药物使用频次代码表"), "DE06.00.289.00": ("2.16.156.10011.2.3.1.268", "医嘱项目类型代码表"),
    "DE07.00.007.00": ("2.16.156.10011.2.3.1.269", "医疗付费方式代码表"), "DE06.00.164.00": ("2.16.156.10011.2.3.1.157", "中药使用类别代码表"),
    "DE06.00.106.00": ("2.16.156.10011.2.3.2.42", "输血史标识代码表"), "DE05.10.119.00": ("2.16.156.10011.2.3.1.100", "住院者疾病状态代码表"),
    "DE06.00.073.00": ("2.16.156.10011.2.3.1.159", "麻醉方法代码表"), "DE04.30.017.00": ("2.16.156.10011.2.3.2.38", "检查(检验)结果代码表"),
    "DE06.00.229.00": ("2.16.156.10011.2.3.2.50", "气管护理代码表"), "DE06.00.178.00": ("2.16.156.10011.2.3.2.52", "安全护理代码表"),
    "DE06.00.314.00": ("", "转科记录类型代码表"), "DE03.00.076.00": ("", "饮酒频率代码表"), "DE06.00.108.00": ("2.16.156.10011.2.3.1.183", "随访方式代码表"),
    "HDSD00.12.099": ("2.16.156.10011.2.3.2.57", "实施临床路径标志代码表"), "DE05.10.113.00": ("2.16.156.10011.2.3.1.148", "病情转归代码表"),
    "DE06.00.134.00": ("2.16.156.10011.2.3.1.158", "用药途径代码表"), "DE08.50.011.00": ("2.16.156.10011.2.3.1.211", "药物剂型代码表"),
    "DE05.10.155.00": ("2.16.156.10011.2.3.2.45", "胎膜情况代码表"), "DE04.30.019.00": ("", ""),
}
# Identifiers that documents in use write for the same table.
ACCEPTED = {ICD10: [ICD10 + "." + part for part in "1235"]}
NAME_REPAIRS = {"检査": "检查", "辩证": "辨证", "称述": "陈述", "手术切口类别代码表": "手术切口类别代码", "疾病名名称": "疾病名称",
                "辨证施护标志": "辨证施护标志", "中医“四诊”": "中医四诊", "中医'四诊'": "中医四诊"}

catalogue = {row["id"]: row["name"] for row in rows("ws363_2011_data_elements.csv")}
datasets = rows("ws445_2014_dataset_elements.csv")
for row in datasets:
    catalogue.setdefault(row["de_id"], row["name"])
internal = {row["internal_id"]: row["name"] for row in datasets if row["internal_id"].startswith(("HDSD00.11", "HDSD00.12"))}


def repaired_name(name):
    for wrong, right in NAME_REPAIRS.items():
        name = name.replace(wrong, right)
    return re.sub(r"\s+", " ", name).strip()


def write(name, header, lines):
    with open(os.path.join(here, name), "w", encoding="utf-8", newline="\n") as out:
        for line in [header, *lines]:
            cells = [str(cell) for cell in line]
            assert not any("\t" in cell or "\n" in cell for cell in cells), cells
            out.write("\t".join(cells) + "\n")


documents = rows("cda_document_types.csv")
sections = rows("wst500_cda_sections.csv")
section_lines = []
for row in sections:
    name = re.sub(r"\s+", " ", row["display"].replace("SUSTEM", "SYSTEM")).strip()
    code = "" if row["section_code"].startswith("X-") else row["section_code"]
    system = row["code_system"] if code else ""
    if code.startswith("DE"):
        system = CATALOGUE
    if name == "CHIEF COMPLAINT" and code == "11450-4":
        name = "Problem list"
    section_lines.append((row["doc"], row["section_index"], code, system, name))

entries, seen = [], collections.Counter()
by_section = collections.defaultdict(list)
for row in rows("wst500_cda_template_entries.csv"):
    if row["path"]:
        by_section[row["doc"], row["section_index"]].append(row)
added = collections.defaultdict(list)
for row in ADDED:
    added[row[0], row[1]].append(row)

for row in section_lines:
    document, section = row[0], row[1]
    placed = []  # dicts with number, parent, relation, act, class, code, name, type, table, unit, evidence
    if (document, section) == ("C0007", "1"):
        for number, parent, relation, act, kind, code, name, value_type in LABORATORY:
            placed.append(dict(number=number, parent=parent, relation=relation, act=act, kind=kind, code=code, name=name,
                               type=value_type, table="", unit="", evidence="completed", repeats=number in (3, 4)))
        entries += [(document, section, entry) for entry in placed]
        continue
    for source_row in by_section[document, section]:
        steps = source_row["path"].replace("entryReationship", "entryRelationship").split("/")
        relation = steps[-1]
        if steps[-2] == "section":
            parent, depth = 0, 0
        else:
            act, above = steps[-2], steps[-3]
            wanted = [entry for entry in placed if entry["act"] == act and entry["relation"] == above]
            if "section" in steps:
                wanted = [entry for entry in wanted if entry["depth"] == 0]
            else:
                wanted = [entry for entry in wanted if entry["depth"] == 1] or wanted
            parent, depth = wanted[-1]["number"], wanted[-1]["depth"] + 1
        key = (document, section, source_row["code"], source_row["display"])
        code, name = REPAIRS.get((*key, seen[key]), (source_row["code"], source_row["display"]))
        seen[key] += 1
        code = code.replace("HDSDOO", "HDSD00")
        name = repaired_name(name or catalogue.get(code, ""))
        kind = {"organizer": "CLUSTER", "procedure": "PROC", "substanceAdministration": "SBADM", "act": "ACT"}.get(source_row["act"], "OBS")
        value_type, table = source_row["value_type"], ""
        if source_row["act"] == "procedure":
            code, name, value_type, table = "", name or "手术(操作)", "", source_row["code_system"] if "2.3." in source_row["code_system"] else ""
        if name == "血压" and source_row["act"] == "organizer":
            kind = "BATTERY"
        if not value_type and source_row["act"] == "observation" and code:
            value_type = "CD" if code in TABLES else "ST"
        evidence = "both" if source_row["second_source"] == "yes" else "one"
        if (*key, seen[key] - 1) in REPAIRS or code != source_row["code"] and source_row["act"] != "procedure":
            evidence = "repaired"
        placed.append(dict(number=len(placed) + 1, parent=parent, relation=relation, act=source_row["act"], kind=kind, code=code,
                           name=name, type=value_type, table=table, unit=source_row["unit"], evidence=evidence, depth=depth,
                           repeats=source_row["act"] in REPEATED_ACTS or source_row["act"] == "organizer" and document in ("C0052", "C0006")))
    for _, _, under, relation, code, name, value_type in added[document, section]:
        parent = next((entry["number"] for entry in placed if entry["code"] == under), 0) if under else 0
        placed.append(dict(number=len(placed) + 1, parent=parent, relation=relation, act="observation", kind="OBS", code=code,
                           name=name, type=value_type, table="", unit="", evidence="one", repeats=False))
    entries += [(document, section, entry) for entry in placed]

# One table per data element: what the sources say most often unless it is chosen by hand above.
votes, names = collections.defaultdict(collections.Counter), {}
for row in rows("wst500_cda_template_entries.csv"):
    if row["value_type"] == "CD" and row["value_code_system"]:
        votes[row["code"]][row["value_code_system"].replace("2016.156", "2.16.156")] += 1
        names.setdefault(row["code"], row["value_code_system_name"])
tables = {}
for _, _, entry in entries:
    code = entry["code"]
    if entry["type"] != "CD" or not code:
        continue
    system, name = TABLES.get(code) or (votes[code].most_common(1)[0][0] if votes[code] else "", names.get(code, ""))
    entry["table"] = system
    tables[code] = (code, system, name, " ".join(ACCEPTED.get(system, [])))
for code in ("DE06.00.134.00", "DE08.50.011.00"):
    tables[code] = (code, *TABLES[code], "")

oids = {}
for code, system, name, accepted in tables.values():
    for one in [system, *accepted.split()]:
        if one:
            oids.setdefault(one, name)
for row in rows("wst500_cda_oids.csv"):
    if row["oid"].startswith("2.16."):
        oids.setdefault(row["oid"], row["names"].split(" | ")[0])
oids.update({"2.16.156.10011.2.3.3.6": "学历代码表(GB/T 4658)", "2.16.156.10011.2.3.3.7": "职业分类与代码(GB/T 6565)",
             "2.16.156.10011.2.3.3.8": "家庭关系代码表(GB/T 4761)", "2.16.156.10011.2.3.1.271": "患者类型代码表",
             "2.16.156.10011.2.3.1.270": "入院途径代码表"})

write("documents.tsv", ("code", "standard", "part", "template", "title"),
      [(row["doc_code"], row["standard"], row["part"], row["template_oid"], row["title"]) for row in documents])
write("sections.tsv", ("document", "section", "code", "system", "name"), section_lines)
write("entries.tsv", ("document", "section", "number", "parent", "relation", "act", "class", "code", "name", "type", "table", "unit",
                      "repeats", "evidence"),
      [(document, section, entry["number"], entry["parent"] or "", entry["relation"], entry["act"], entry["kind"], entry["code"],
        entry["name"], entry["type"], entry["table"], entry["unit"], "yes" if entry["repeats"] else "", entry["evidence"])
       for document, section, entry in entries])
write("value_tables.tsv", ("element", "system", "name", "accepted"), sorted(tables.values()))
write("code_systems.tsv", ("system", "name"), sorted(oids.items(), key=lambda pair: [int(part) for part in pair[0].split(".")]))
write("element_names.tsv", ("id", "name"), sorted({**catalogue, **internal}.items()))
