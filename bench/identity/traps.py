#!/usr/bin/env python3
"""traps.py --kangmai PROGRAM [--background DIR]: every folder of tests/identity through `kangmai empi link`, against its expected.csv.

With --background, the registrations of DIR/records.csv (made by `registrations`) stand around each trap, so that frequencies are those of a city and not of a
dozen rows. Ends with 1 when an outcome is not the expected one."""
import argparse
import csv
import os
import subprocess
import sys
import tempfile

import score

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TRAPS = os.path.join(ROOT, "tests", "identity")


def rows(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def outcome(clusters, queue, one, other):
    """What became of two registrations: one person, a kind of queue row, or nothing."""
    one, other = clusters[one], clusters[other]
    if one == other:
        return "link"
    return queue.get(frozenset((one, other)), "apart")


def fits(wanted, seen):
    return {
        "link": seen == "link",
        "link_or_review": seen != "apart",
        "document_conflict": seen == "document_conflict",
        "separate": seen not in ("link", "document_conflict"),
    }[wanted]


def run(program, regions, records, folder):
    out, review = os.path.join(folder, "clusters.csv"), os.path.join(folder, "queue.csv")
    command = [program, "empi", "link", records, "--out", out, "--review", review, "--regions", regions]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    clusters = score.read(out, "cluster_id")
    queue = {}
    for row in rows(review):
        pair = frozenset((clusters[row["rec_id_a"]], clusters[row["rec_id_b"]]))
        # A conflict says more than another kind for the same two people.
        if queue.get(pair) != "document_conflict":
            queue[pair] = row["kind"]
    return clusters, queue


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kangmai", required=True)
    arguments.add_argument("--background")
    arguments.add_argument("--regions", default=os.path.join(ROOT, "bench/registrations/data/regions.csv"))
    given = arguments.parse_args()
    background = []
    if given.background:
        with open(os.path.join(given.background, "records.csv"), encoding="utf-8") as file:
            background = file.read().splitlines()[1:]
    wrong = total = 0
    for trap in sorted(os.listdir(TRAPS)):
        folder = os.path.join(TRAPS, trap)
        if not os.path.isdir(folder):
            continue
        with tempfile.TemporaryDirectory() as work:
            records = os.path.join(work, "records.csv")
            with open(os.path.join(folder, "records.csv"), encoding="utf-8") as source, open(records, "w", encoding="utf-8") as file:
                file.write(source.read())
                file.writelines(line + "\n" for line in background)
            clusters, queue = run(given.kangmai, given.regions, records, work)
        for row in rows(os.path.join(folder, "expected.csv")):
            total += 1
            seen = outcome(clusters, queue, row["rec_id_a"], row["rec_id_b"])
            if not fits(row["outcome"], seen):
                wrong += 1
                print(f"{trap}: {row['rec_id_a']} {row['rec_id_b']} is {seen}, expected {row['outcome']} ({row['why']})")
    print(f"{total - wrong} of {total} outcomes as expected")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
