#!/usr/bin/env python3
"""clean.py RECORDS.csv OUT.parquet: what somebody who knows Chinese registrations would do to the columns before giving them to Splink.

Nothing here is shared with the product: the peer is cleaned by its own rules, so that a mistake of ours does not become a mistake of both."""
import csv
import re
import sys
import unicodedata
from collections import defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
from pypinyin import Style, lazy_pinyin, load_single_dict

# Surnames whose reading differs from the usual one.
SURNAME_READING = {
    "单": "shan", "仇": "qiu", "解": "xie", "查": "zha", "曾": "zeng", "盖": "ge", "任": "ren", "区": "ou", "朴": "piao", "缪": "miao", "覃": "qin",
    "葛": "ge", "华": "hua", "燕": "yan", "翟": "zhai", "柏": "bai", "尹": "yin", "种": "chong", "折": "she", "黑": "he", "冼": "xian", "那": "na",
    "谌": "chen", "牟": "mou", "过": "guo", "纪": "ji", "哈": "ha", "臧": "zang", "乐": "yue", "员": "yun", "晁": "chao", "宓": "fu",
}
RARE_READING = {0x36C3: "jiè", 0x4DAE: "yǎn", 0x2C35B: "zān", 0x2B5AF: "fǔ", 0x2CB4E: "hóng"}
load_single_dict(RARE_READING)
SURNAMES = set(
    "wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he gao lin luo zheng liang xie song tang deng han feng cao peng zeng xiao tian dong "
    "yuan pan yu jiang cai du ye cheng su wei lv ding ren shen yao lu fu zhong cui tan liao fan wang jin shi dai jia xia qiu fang hou zou xiong meng qin bai yan "
    "xue yin lei li long tao gu mao hao gong shao wan qian qi dai mo kong xiang chang".split()
)
BIRTH = re.compile(r"^(\d{4})[-/年.]?(\d{1,2})?[-/月.]?(\d{1,2})?日?$")
BABY = re.compile(r"之?(?:[大小长次三双幺]?[子女]|婴|[男女]婴)$")
DIGITS = re.compile(r"\d+")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
COLUMNS = (
    "unique_id id doc id_valid name py surname_py sex birth byear bmd phone addr_num addr_tail county rdate baby mother given_tail".split()
)


def check(number):
    return "10X98765432"[sum(int(d) * w for d, w in zip(number, WEIGHTS)) % 11]


def clean_id(text):
    """Number, 1 when it is proven (check character), 0 when it may be typed wrong; and whether it is made like a resident's."""
    text = unicodedata.normalize("NFKC", text).upper()
    text = re.sub(r"[\s\-_]", "", text)
    if len(text) < 6 or not re.search(r"\d{4}", text):
        return None, 0, False
    if re.fullmatch(r"\d{15}", text):
        long = text[:6] + "19" + text[6:]
        return long + check(long), 1, True
    if re.fullmatch(r"\d{17}[\dX]", text):
        if len(set(text[:17])) <= 3 or text.startswith(("123456", "990000")):
            return None, 0, False
        month, day = int(text[10:12]), int(text[12:14])
        good = check(text) == text[17] and 1 <= month <= 12 and 1 <= day <= 31 and "1900" <= text[6:10] <= "2030"
        return text, int(good), True
    if re.fullmatch(r"\d{16,19}X?", text) or re.fullmatch(r"\d{14}", text):
        return (text, 0, True) if len(set(text)) > 3 else (None, 0, False)
    if re.fullmatch(r"\d\.\d+E\+\d+", text):
        return None, 0, False
    if re.fullmatch(r"[HM]\d{10}", text):
        return text[:9], 1, False
    return (text, 1, False) if len(set(text)) > 3 else (None, 0, False)


def clean_name(text):
    """Name without decorations, and its sounds with the surname first."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"[(\[【<].*?[)\]】>]", "", text).strip()
    text = re.sub(r"(?<=[\u3400-\u9fff])[\d*.A-Z]$", "", text) if not re.search(r"\*.*$", text[:-1]) else text
    if re.search(r"[\u3400-\u9fff\U00020000-\U0003ffff]", text):
        text = re.sub(r"[\s·•・‧.．]", "", text)
        return text.upper(), sounds(text)
    words = re.findall(r"[A-Za-z]+", text)
    if not words:
        return None, None
    first, last = words[0].lower(), words[-1].lower()
    if len(words) > 1 and (first not in SURNAMES or (last in SURNAMES and words[-1] != words[0].upper() and not words[0].isupper() and words[0] != first)):
        words = [words[-1]] + words[:-1]
    return " ".join(words).upper(), "".join(words).lower()


def sounds(text):
    parts = []
    for place, piece in enumerate(re.findall(r"[a-zA-Z]+|.", text)):
        if piece in "?□*" or "\ue000" <= piece <= "\uf8ff":
            parts.append("?")
        elif place == 0 and piece in SURNAME_READING:
            parts.append(SURNAME_READING[piece])
        else:
            parts.append(lazy_pinyin(piece, style=Style.NORMAL)[0].lower())
    return "".join(parts).replace("ü", "v")


def clean_birth(text):
    found = BIRTH.match(text.strip())
    if not found:
        return None, None, None
    year, month, day = found[1], int(found[2] or 0), int(found[3] or 0)
    if not "1901" <= year <= "2030":
        return None, None, None
    if month == 0 or day == 0:
        return None, year, None
    return f"{year}-{month:02}-{day:02}", year, f"{month:02}-{day:02}"


def clean_phone(text):
    text = re.sub(r"\D", "", unicodedata.normalize("NFKC", text))
    text = text.removeprefix("86") if len(text) == 13 else text
    text = text[1:] if len(text) == 12 and text[0] == "0" else text
    return text if len(text) >= 7 and len(set(text)) > 2 else None


def clean_address(text):
    text = unicodedata.normalize("NFKC", text)
    numbers = "-".join(DIGITS.findall(text))
    tail = re.split(r"[省市区县旗]", text)[-1]
    tail = re.sub(r"\d.*$", "", tail)
    county = re.search(r"([^省市]{2,5}?[县区市旗])(?!.*[县区市旗])", text)
    return numbers or None, tail[-3:] or None, county[1][-4:-1] if county else None


def main(source, target):
    with open(source, encoding="utf-8-sig", newline="") as file:
        records = list(csv.DictReader(file))
    ids, phones = defaultdict(set), defaultdict(set)
    rows = []
    for record in records:
        number, valid, resident = clean_id(record["id_no"])
        name, py = clean_name(record["name"])
        phone = clean_phone(record["phone"])
        birth = clean_birth(record["birth_date"])
        if number:
            ids[number].add(py)
        if phone:
            phones[phone].add(py)
        rows.append((record, number, valid, resident, name, py, phone, birth))
    # What stands on more than so many names is a placeholder; a family has fewer.
    placeholders = {number for number, names in ids.items() if len(names) > 12}
    placeholders |= {phone for phone, names in phones.items() if len(names) > 24}
    columns = {column: [] for column in COLUMNS}
    for record, number, valid, resident, name, py, phone, (birth, year, monthday) in rows:
        baby = bool(name and len(name) > 3 and BABY.search(name) and "之" in name)
        mother = name.split("之")[0] if baby else None
        if number in placeholders:
            number = None
        if number and resident and valid and (baby or guardians(number, birth, record["reg_date"])):
            number = None
        own = number if number and resident else None
        if own and valid and len(own) == 18 and birth is None:
            birth = f"{own[6:10]}-{own[10:12]}-{own[12:14]}"
            year, monthday = own[6:10], birth[5:]
        addr_num, addr_tail, county = clean_address(record["address"])
        sex = {"1": "1", "2": "2", "男": "1", "女": "2"}.get(record["sex"].strip())
        values = (
            record["rec_id"], own, None if own else number, valid if own else None, name, py, py[:4] if py else None, sex, birth, year, monthday,
            None if phone in placeholders else phone, addr_num, addr_tail, county, record["reg_date"], int(baby), mother, name[-1] if name else None,
        )
        for column, value in zip(COLUMNS, values):
            columns[column].append(value)
    integers = {"id_valid", "baby"}
    schema = pa.schema([(column, pa.int32() if column in integers else pa.string()) for column in COLUMNS])
    pq.write_table(pa.table(columns, schema=schema), target)


def guardians(number, birth, registered):
    """The number of somebody 14 or more years older than the person who is registered, while that person is a minor."""
    if not birth or not registered[:4].isdigit():
        return False
    born = int(birth[:4])
    return born - int(number[6:10]) >= 14 and int(registered[:4]) - born < 18


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
