"""Odd but legal: what feeds hold and nobody may take amiss. Each returns changed bytes; the product must find no error in them."""

import re
from datetime import timedelta

from clean import check_digit, number_of
from faults import Message, NotHere, any_time


def dashed_times(message):
    place = any_time(message)
    old = message.get(place)
    form = message.random.choice(["{0}-{1}-{2} {3}:{4}:{5}", "{0}/{1}/{2} {3}:{4}", "{0}{1}{2}T{3}{4}{5}", "{0}{1}{2}{3}:{4}:{5}",
                                  "{0}-{1}-{2}T{3}:{4}:{5}+08:00", "{0}{1}{2}"])
    message.put(place, form.format(old[:4], old[4:6], old[6:8], old[8:10], old[10:12], old[12:14]))
    return message.data()


def dashed_birth(message):
    old = message.get("birth")
    message.put("birth", message.random.choice(["{}-{}-{}", "{}/{}/{}", "{}年{}月{}日"]).format(old[:4], old[4:6], old[6:]))
    return message.data()


def small_x(message):
    old = message.get("identity")
    for sequence in range(1000):
        if (sequence % 2 == 1) == message.who.male:
            body = f"{old[:14]}{sequence:03d}"
            if check_digit(body) == "X":
                message.put("identity", body + "x")
                return message.data()
    raise NotHere("X")


def fifteen_digits(message):
    old = message.get("identity")
    if not old[6:8] == "19":
        raise NotHere("born in this century")
    message.put("identity", old[:6] + old[8:17])
    return message.data()


def from_taiwan(message):
    who = message.who
    if who is None:
        raise NotHere("person")
    message.get("identity")
    message.put("identity", number_of(who.birth, who.male, message.random, message.random.choice(["810000", "820000", "830000"])))
    return message.data()


def district_that_is_gone(message):
    who = message.who
    if who is None:
        raise NotHere("person")
    message.get("identity")
    message.put("identity", number_of(who.birth, who.male, message.random, message.random.choice(["110103", "320803", "440103"])))
    return message.data()


def permanent_resident(message):
    who = message.who
    if who is None:
        raise NotHere("person")
    message.get("identity")
    message.put("identity", number_of(who.birth, who.male, message.random, "911840"))
    return message.data()


def passport(message):
    message.get("identity")
    if message.form == "table":
        message.rows[message.row][message.rows[0].index("证件类型代码")] = "03"
    message.put("identity", f"E{message.random.randrange(10**8):08d}")
    return message.data()


def identity_not_known(message):
    message.get("identity")
    message.put("identity", message.random.choice(["", "-", "无", "不详"]))
    return message.data()


def sex_not_known(message):
    message.put("sex", {"cda": "9", "hl7": "U", "table": "0"}[message.form])
    return message.data()


def name_with_dot(message):
    message.put("name", "阿依" + message.random.choice("·•．") + "古丽")
    return message.data()


def rare_name(message):
    message.put("name", message.random.choice(["王珅", "李玘", "赵玕", "㛃一"]))
    return message.data()


def newborn(message):
    """A child under its mother's number, as it is called before it has a name."""
    who = message.who
    message.get("identity")
    mother = who.birth - timedelta(days=365 * 27 + 100)
    message.put("name", "李红之" + message.random.choice(["子", "大子"] if who.male else ["女", "大女"]))
    message.put("identity", number_of(mother, False, message.random))
    return message.data()


def full_width(message):
    if message.form == "cda":
        raise NotHere("attributes")
    place = message.random.choice(["identity", "birth"])
    old = message.get(place)
    message.put(place, "".join(chr(ord(one) + 0xFEE0) for one in old))
    return message.data()


def result_in_words(message):
    if message.form != "table":
        raise NotHere("typed results")
    message.put("value", message.random.choice(["阴性(-)", "见报告", "<0.5", "＜0.5", ">1000", "3.5~9.5", "1:80"]))
    return message.data()


def in_gb18030(message):
    text = message.data().decode()
    if message.form == "cda":
        text = text.replace('encoding="UTF-8"', 'encoding="GB18030"')
    if message.form == "hl7":
        text = text.replace("UNICODE UTF-8", "GB 18030-2000")
    return text.encode("gb18030")


def byte_order_mark(message):
    return b"\xef\xbb\xbf" + message.data()


def other_line_ends(message):
    text = message.data().decode()
    if message.form == "hl7":
        return text.replace("\r", message.random.choice(["\n", "\r\n"])).encode()
    return text.replace("\n", "\r\n").encode()


def charset_not_said(message):
    if message.form == "cda":
        return re.sub(r"<\?xml[^>]*\?>\n", "", message.text).encode()
    if message.form == "hl7":
        return message.text.replace("||||||UNICODE UTF-8", "").encode()
    raise NotHere("declaration")


def comments_and_blanks(message):
    if message.form == "cda":
        text = message.text.replace("<author ", "<!-- 医师 -->\n   <author ").replace("\n<section>", "\n\n      <section>")
        return text.encode()
    if message.form == "table":
        return message.data() + b"\n\n"
    raise NotHere("comments")


def prefix_of_namespace(message):
    if message.form != "cda":
        raise NotHere("namespace")
    text = re.sub(r"<(/?)([A-Za-z])", r"<\1v3:\2", message.text)
    return text.replace("xmlns=", "xmlns:v3=").encode()


def single_quotes(message):
    if message.form != "cda":
        raise NotHere("quotes")
    return re.sub(r'="([^"\']*)"', r"='\1'", message.text.split("\n", 1)[1]).encode()


def quoted_fields(message):
    if message.form != "table":
        raise NotHere("fields")
    message.rows = [[f'"{field}"' for field in row] for row in message.rows]
    return message.data()


def tabs_between(message):
    if message.form != "table":
        raise NotHere("fields")
    return "\n".join("\t".join(row) for row in message.rows).encode()


def other_order_and_case(message):
    if message.form != "table":
        raise NotHere("columns")
    order = list(range(len(message.rows[0])))
    message.random.shuffle(order)
    message.rows = [[row[at] for at in order] for row in message.rows]
    message.rows[0] = [name.lower() for name in message.rows[0]]
    return message.data()


def more_columns(message):
    if message.form == "table":
        for position, row in enumerate(message.rows):
            row.append("YLYL1" if position == 0 else "")
        return message.data()
    if message.form == "hl7":
        return (message.text + "ZZZ|1|院内扩展\r").encode()
    raise NotHere("columns")


def words_for_nothing(message):
    if message.form != "table":
        raise NotHere("fields")
    for name in ("联系电话", "证件类型代码", "单位", "科室名称", "病案号"):
        if name in message.rows[0]:
            message.rows[message.row][message.rows[0].index(name)] = message.random.choice(["NULL", "", "-", "无", "不详", "/"])
    return message.data()


def refund(message):
    """Money that goes back is negative, or has flag 2."""
    old = message.get("amount")
    if message.random.random() < 0.5:
        message.put("amount", "-" + old)
    else:
        message.rows[message.row][message.rows[0].index("TFBZ")] = "2"
    return message.data()


def extremes_that_people_survive(message):
    message.put("temperature", message.random.choice(["34.2", "41.9", "37", "36.50"]))
    message.put("pulse", message.random.choice(["34", "190", "72.0"]))
    message.put("systolic", "235")
    message.put("diastolic", "130")
    return message.data()


def mllp_frame(message):
    if message.form != "hl7":
        raise NotHere("frame")
    return b"\x0b" + message.data() + b"\x1c\r"


KINDS = {name.replace("_", " "): function for name, function in list(globals().items())
         if callable(function) and function.__module__ == __name__}

__all__ = ["KINDS", "Message"]
