"""Clusters against the truth: pairs of registrations, and clusters that hold more than one person."""
import csv
from collections import Counter


def read(path, column):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return {row["rec_id"]: row[column] for row in csv.DictReader(file)}


def pairs(counts):
    return sum(count * (count - 1) // 2 for count in counts)


def score(truth, clusters):
    """Precision, recall, F1 over pairs; clusters with two or more people; the largest cluster. A registration without a cluster stands alone."""
    of_cluster, both, of_person = Counter(), Counter(), Counter()
    for record, person in truth.items():
        cluster = clusters.get(record, ("alone", record))
        of_cluster[cluster] += 1
        both[person, cluster] += 1
        of_person[person] += 1
    hits = pairs(both.values())
    precision = hits / max(1, pairs(of_cluster.values()))
    recall = hits / max(1, pairs(of_person.values()))
    people_in = Counter(cluster for _, cluster in both)
    mixed = sum(1 for count in people_in.values() if count > 1)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-12, precision + recall),
        "mixed": mixed,
        "mixed per 100 k clusters": mixed / len(of_cluster) * 1e5,
        "clusters": len(of_cluster),
        "people": len(of_person),
        "largest": max(of_cluster.values()),
    }
