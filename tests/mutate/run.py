#!/usr/bin/env python3
"""Plants faults into clean messages and asks `kangmai validate` for them. See README.md."""

import argparse
import json
import random
import secrets
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import clean
import faults
import legal

SHARE_MIN = 0.90
NEAR = {"cda": faults.CDA_NEAR, "hl7": 0, "table": 0}


def validate(binary, folder):
    """Every issue by the name of its file."""
    files = sorted(path for path in folder.iterdir())
    found = defaultdict(list)
    for start in range(0, len(files), 200):
        done = subprocess.run([binary, "validate", "--format", "json", *map(str, files[start:start + 200])],
                              capture_output=True, text=True, timeout=600, check=False)
        if done.returncode not in (0, 1, 2):
            sys.exit(f"{binary} ended with {done.returncode}: {done.stderr[-2000:]}")
        for line in done.stdout.splitlines():
            said = json.loads(line)
            found[Path(said["file"]).name].append(said)
    return found


def speaks_of(said, planted, form):
    """Whether an issue names the fault: family of rules, record, and element."""
    issue = said["issue"]
    if not any(issue["rule"].startswith(family) for family in planted.families):
        return False
    if planted.record and said["record"] and not (said["record"] + " ").startswith(planted.record):
        return False
    if not planted.lines and not planted.words:
        return True
    near = any(abs(issue.get("line", -99) - line) <= NEAR[form] for line in planted.lines)
    return near or any(word in issue["path"] for word in planted.words)


def messages(count, seed, forms):
    for number in range(count):
        for form in forms:
            dice = random.Random(f"{seed}/{form}/{number}")
            yield form, number, clean.MAKERS[form](dice), dice


def plant(kinds, count, seed, forms, folder):
    """Writes one file for each kind, form and number; what was planted, by file."""
    planted = {}
    for kind, function in kinds.items():
        for form, number, message, dice in messages(count, f"{seed}/{kind}", forms):
            try:
                result = function(faults.Message(message, dice))
            except faults.NotHere:
                continue
            file = f"{len(planted):06d}-{message.name}"
            data = result.data if isinstance(result, faults.Planted) else result
            (folder / file).write_bytes(data)
            planted[file] = (kind, form, result, number)
    return planted


def report_faults(planted, found, keep):
    shares, missed = defaultdict(Counter), defaultdict(list)
    for file, (kind, form, result, _) in planted.items():
        hit = any(speaks_of(said, result, form.split("-")[0]) for said in found[file])
        shares[kind][form, hit] += 1
        if not hit:
            missed[kind].append((file, result))
    below = []
    print(f"{'kind':34}{'planted':>8}{'found':>8}{'share':>8}  missed in")
    for kind, counts in sorted(shares.items()):
        total = sum(counts.values())
        hits = sum(count for (_, hit), count in counts.items() if hit)
        where = Counter({form: count for (form, hit), count in counts.items() if not hit})
        print(f"{kind:34}{total:8}{hits:8}{hits / total:8.1%}  {', '.join(f'{form} {count}' for form, count in where.items())}")
        if hits / total < SHARE_MIN:
            below.append(kind)
            for file, result in missed[kind][:keep]:
                said = sorted({said["issue"]["rule"] for said in found[file]})
                print(f"    {file}: {result.what}, lines {result.lines}; spoke: {said}")
    return below


def report_legal(planted, found):
    errors, warnings = defaultdict(list), defaultdict(Counter)
    totals = Counter()
    for file, (kind, form, _, _) in planted.items():
        totals[kind] += 1
        for said in found[file]:
            if said["issue"]["severity"] in ("error", "fatal"):
                errors[kind].append((form, said))
            elif said["issue"]["severity"] == "warning":
                warnings[kind][form, said["issue"]["rule"]] += 1
    print(f"\n{'odd but legal':34}{'written':>8}{'errors':>8}  warnings")
    for kind, total in sorted(totals.items()):
        rules = ", ".join(f"{form} {rule} {count}" for (form, rule), count in warnings[kind].most_common(4))
        print(f"{kind:34}{total:8}{len(errors[kind]):8}  {rules}")
        for form, said in errors[kind][:3]:
            issue = said["issue"]
            print(f"    {form}: {issue['rule']} at {issue['path']}, found {issue.get('found', '')}")
    return [kind for kind in errors if errors[kind]]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=str(Path(__file__).parents[2] / "target/release/kangmai"))
    parser.add_argument("--seed", default=None, help="for a run that can be repeated; without it a new one is taken and printed")
    parser.add_argument("--count", type=int, default=20, help="messages of every form for each kind")
    parser.add_argument("--keep", type=int, default=3, help="missed faults that are shown for a kind below the mark")
    arguments = parser.parse_args()
    seed = arguments.seed or secrets.token_hex(4)
    forms = list(clean.MAKERS)
    print(f"seed {seed}, {arguments.count} messages of each of {len(forms)} forms for each kind\n")
    untouched = {"clean": lambda message: message.data()}
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        planted = plant(faults.KINDS, arguments.count, seed, forms, Path(one))
        below = report_faults(planted, validate(arguments.binary, Path(one)), arguments.keep)
        odd = plant({**untouched, **legal.KINDS}, arguments.count, seed, forms, Path(other))
        wrong = report_legal(odd, validate(arguments.binary, Path(other)))
    if below or wrong:
        print(f"\nbelow {SHARE_MIN:.0%}: {', '.join(below) or 'none'}; errors on legal records: {', '.join(wrong) or 'none'}")
        return 1
    print(f"\nevery kind at {SHARE_MIN:.0%} or above; no error on {len(odd)} odd but legal files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
