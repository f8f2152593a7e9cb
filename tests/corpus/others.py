#!/usr/bin/env python3
"""Structures of shared documents as other people's software makes them, filled with invented values, and what the reader says of
them, per type. Their files stay where they are: give the folders of checked-out templates (Thymeleaf or FreeMarker).

    tests/corpus/others.py --binary target/release/kangmai --out docs/reference/other-structures.md NAME=FOLDER …
"""

import argparse
import collections
import html
import json
import os
import re
import subprocess
import sys
import tempfile

TIMES = ("effectiveTime", "time", "low", "high", "birthTime", "center")


def value(element, attribute, count):
    """An invented value for a place: by what the place is, never by what a template says of itself."""
    if element == "birthTime":
        return "19680506"
    if attribute == "extension":
        return f"K{count:06}"
    if element in TIMES and attribute in ("value", None):
        return "20240305101500"
    if attribute == "value":
        return str(count % 90 + 1)
    if attribute == "code":
        return "1"
    if element == "telecom":
        return "10012345678"
    return f"内容{count}"


def filled(text):
    count = [0]

    def next_value(element, attribute):
        count[0] += 1
        return html.escape(value(element, attribute, count[0]), quote=True)

    text = re.sub(r"</?#[^>]*>|<@[^>]*>", "", text)
    out, at = [], 0
    for tag in re.finditer(r"<!--.*?-->|<(/?)([A-Za-z][\w:.-]*)([^<>]*?)(/?)>", text, re.S):
        between = text[at:tag.start()]
        out.append(re.sub(r"\$\{[^}]*\}", lambda _: next_value("text", None), between))
        at = tag.end()
        if tag.group(0).startswith("<!--"):
            continue
        close, element, attributes, empty = tag.groups()
        content = ""

        def thymeleaf(match):
            nonlocal content
            kind, body = match.group(1), match.group(2)
            if kind == "attr":
                names = re.findall(r"([\w:]+)\s*=\s*", re.sub(r"\$\{[^}]*\}", "", body))
                return " ".join(f'{name}="{next_value(element, name)}"' for name in names)
            if kind in ("text", "utext"):
                content = next_value(element, None)
                return ""
            if kind in ("value", "code", "extension"):
                return f'{kind}="{next_value(element, kind)}"'
            return ""

        attributes = re.sub(r'th:(\w+)="([^"]*)"', thymeleaf, attributes)
        attributes = re.sub(r'([\w:]+)="([^"]*\$\{[^"]*)"', lambda it: f'{it.group(1)}="{next_value(element, it.group(1))}"', attributes)
        if empty and content:
            out.append(f"<{element}{attributes}>{content}</{element}>")
        else:
            out.append(f"<{close}{element}{attributes}{empty}>{content}")
    out.append(text[at:])
    return "".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/kangmai")
    parser.add_argument("--out", required=True)
    parser.add_argument("folders", nargs="+", metavar="NAME=FOLDER")
    options = parser.parse_args()
    found, ended = collections.defaultdict(dict), collections.Counter()
    with tempfile.TemporaryDirectory() as scratch:
        for given in options.folders:
            name, folder = given.split("=", 1)
            for file in sorted(os.listdir(folder)):
                text = open(os.path.join(folder, file), encoding="utf-8", errors="replace").read()
                code = re.search(r'<code code="(C00\d\d)"', text)
                if "ClinicalDocument" not in text or not code:
                    continue
                path = os.path.join(scratch, f"{name}-{file}.xml".replace(" ", "_"))
                with open(path, "w", encoding="utf-8") as out:
                    out.write(filled(text))
                ran = subprocess.run([options.binary, "validate", "--format", "json", path], capture_output=True, text=True)
                ended[ran.returncode] += 1
                issues = [json.loads(line)["issue"] for line in ran.stdout.splitlines() if line.startswith("{") and '"issue"' in line]
                found[code.group(1)].setdefault(name, []).append((file, ran.returncode, issues))
    lines = ["# Structures from other people's software", "",
             "Templates of shared documents (WS/T 500) in public code bases, filled with invented values and read by `kangmai validate`",
             "(`tests/corpus/others.py`). Nothing of theirs is in this repository. Findings outside the last column are about the invented values (a `1` is no code of",
             "most tables); the rules below are about structure. Ended with: " + ", ".join(f"{count} × exit {code}" for code, count in sorted(ended.items())) +
             " (0 clean, 1 findings, 2 not readable; a panic would be another).", "",
             "| type | source | read | errors | warnings | findings about structure |", "|---|---|---|---|---|---|"]
    structural = re.compile(r"^cda\.(template|structure|body|section|element|attribute|oid|code-system|table|document|envelope|header|type|name|value\.type|version|namespace)")
    for code in sorted(found):
        for name in sorted(found[code]):
            for file, ended_with, issues in found[code][name]:
                rules = collections.Counter(it["rule"] for it in issues if structural.match(it["rule"]))
                severities = collections.Counter(it["severity"] for it in issues)
                words = ", ".join(f"`{rule}` {count}" for rule, count in rules.most_common(8)) or "none"
                read = "no" if ended_with == 2 else "yes"
                lines.append(f"| {code} | {name} | {read} | {severities['error'] + severities['fatal']} | {severities['warning']} | {words} |")
    with open(options.out, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    print(f"{sum(ended.values())} documents: {dict(ended)}")
    sys.exit(1 if any(code not in (0, 1, 2) for code in ended) else 0)


if __name__ == "__main__":
    main()
