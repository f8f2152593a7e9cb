#!/usr/bin/env python3
"""compare.py RECORDS.csv TRUTH.csv --work DIR [--kangmai PROGRAM] [--regions FILE] [--weight 4]

Links one file with Splink 5 and with `kangmai empi link`, one after the other in one run, and prints accuracy, CPU time and memory of both.
Without a program that knows `empi link` the peer runs alone. CPU is user + system of the process and its children; memory is its highest resident set."""
import argparse
import csv
import json
import os
import subprocess
import sys
import time

import score

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, log):
    """Runs a command; returns exit code, CPU seconds, peak memory in MB, wall seconds."""
    start = time.time()
    with open(log, "w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, time.time() - start


def peer(given):
    """Splink: cleaning and linking in processes of their own, so that the memory of one is not counted for the other."""
    cleaned, out = os.path.join(given.work, "cleaned.parquet"), os.path.join(given.work, "splink")
    clean = run([sys.executable, f"{HERE}/clean.py", given.records, cleaned], os.path.join(given.work, "clean.log"))
    weights = ",".join(sorted({"0", "2", "4", "6", "8", "10", str(given.weight)}, key=float)) if given.all else str(given.weight)
    # The lowest weight bounds the pairs that are kept; with one weight only, Splink does no more than it must.
    link = run([sys.executable, f"{HERE}/splink_peer.py", cleaned, out, f"--weights={weights}"], os.path.join(given.work, "splink.log"))
    if clean[0] or link[0]:
        sys.exit(f"the peer failed; see {given.work}/clean.log and splink.log")
    with open(os.path.join(out, "phases.json")) as file:
        phases = json.load(file)
    one = f"cluster {float(given.weight):g}"
    linking = sum(cpu for phase, cpu in phases["cpu_seconds"].items() if not phase.startswith("cluster") or phase == one)
    files = {float(name[9:-4]): os.path.join(out, name) for name in os.listdir(out) if name.startswith("clusters_")}
    wanted = {float(weight) for weight in weights.split(",")}
    return {"clean cpu": clean[1], "link cpu": linking, "peak": link[2], "clean peak": clean[2], "wall": clean[3] + link[3],
            "files": {weight: path for weight, path in files.items() if weight in wanted}, "pairs": phases["pairs"]}


def product(given):
    """`kangmai empi link`, from the raw file to clusters and queue."""
    if not given.kangmai or run([given.kangmai, "empi", "link", "--help"], os.devnull)[0] != 0:
        return None
    clusters, queue = (os.path.join(given.work, name) for name in ("kangmai_clusters.csv", "kangmai_queue.csv"))
    command = [given.kangmai, "empi", "link", given.records, "--out", clusters, "--review", queue]
    command += ["--regions", given.regions] if given.regions else []
    code, cpu, peak, wall = run(command, os.path.join(given.work, "kangmai.log"))
    if code:
        sys.exit(f"kangmai failed; see {given.work}/kangmai.log")
    return {"cpu": cpu, "peak": peak, "wall": wall, "clusters": clusters, "queue": queue}


def answered(truth, clusters, queue):
    """Clusters after every row of the queue was answered by the truth, and how many rows there are (document conflicts apart)."""
    parent = {}

    def root(cluster):
        while parent.get(cluster, cluster) != cluster:
            cluster = parent[cluster]
        return cluster

    counts = {"conflicts": 0, "others": 0}
    with open(queue, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            counts["conflicts" if row["kind"] == "document_conflict" else "others"] += 1
            one, other = row["rec_id_a"], row["rec_id_b"]
            if truth[one] == truth[other]:
                one, other = root(clusters[one]), root(clusters[other])
                parent[one] = other
    return {record: root(cluster) for record, cluster in clusters.items()}, counts


def line(name, scored):
    return (f"| {name} | {scored['f1']:.4f} | {scored['precision']:.4f} | {scored['recall']:.4f} | {scored['mixed']} "
            f"({scored['mixed per 100 k clusters']:.0f}) | {scored['largest']} |")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("records")
    arguments.add_argument("truth")
    arguments.add_argument("--work", required=True)
    arguments.add_argument("--kangmai")
    arguments.add_argument("--regions")
    arguments.add_argument("--weight", default="4", help="threshold of the peer, bits; 4 is the best on the development set")
    arguments.add_argument("--all", action="store_true", help="the peer at other thresholds, too")
    given = arguments.parse_args()
    os.makedirs(given.work, exist_ok=True)
    truth = score.read(given.truth, "person_id")
    theirs, ours = peer(given), product(given)
    print(f"\n{len(truth):,} registrations, {len(set(truth.values())):,} persons\n")
    print("| | F1 | precision | recall | mixed persons (per 100 k clusters) | largest |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for weight in sorted(theirs["files"]):
        print(line(f"Splink 5, weight ≥ {weight:g}", score.score(truth, score.read(theirs["files"][weight], "cluster_id"))))
    if ours:
        clusters = score.read(ours["clusters"], "cluster_id")
        print(line("kangmai", score.score(truth, clusters)))
        after, counts = answered(truth, clusters, ours["queue"])
        print(line("kangmai, queue answered", score.score(truth, after)))
        share = 100 / len(truth)
        print(f"\nqueue: {counts['others']} rows ({counts['others'] * share:.2f} %), document conflicts {counts['conflicts']} ({counts['conflicts'] * share:.2f} %)")
    all_cpu = theirs["clean cpu"] + theirs["link cpu"]
    print("\n| | CPU-s | of these cleaning | peak MB | wall s |\n| --- | ---: | ---: | ---: | ---: |")
    print(f"| Splink 5 | {all_cpu:.1f} | {theirs['clean cpu']:.1f} | {theirs['peak']:.0f} | {theirs['wall']:.0f} |")
    if ours:
        print(f"| kangmai | {ours['cpu']:.1f} | (inside) | {ours['peak']:.0f} | {ours['wall']:.0f} |")
        print(f"\nratio: CPU {all_cpu / ours['cpu']:.1f} ({theirs['link cpu'] / ours['cpu']:.1f} without the peer's cleaning), memory {theirs['peak'] / ours['peak']:.1f}")
    else:
        print("\nno program with `empi link`: the peer ran alone")


if __name__ == "__main__":
    main()
