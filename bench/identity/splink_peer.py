#!/usr/bin/env python3
"""splink_peer.py CLEANED.parquet OUT_FOLDER [--weights 0,2,4,...]: Splink 5, tuned for Chinese registrations, from training to clusters.

Writes clusters_W.csv (rec_id,cluster_id) for every threshold W (match weight, bits) and phases.json (CPU seconds, peak memory, pairs)."""
import argparse
import json
import os
import resource
import time

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on


def level(condition, label, frequency=None, weight=1.0):
    made = cll.CustomLevel(condition, label)
    return made.configure(tf_adjustment_column=frequency, tf_adjustment_weight=weight) if frequency else made


def null(condition):
    return cll.CustomLevel(condition, "empty").configure(is_null_level=True)


def compare(name, *levels):
    return cl.CustomComparison(output_column_name=name, comparison_levels=[*levels, cll.ElseLevel()])


# A near number is a typing error only when one of the two fails its check; two proven numbers are two people.
NEAR = "(id_valid_l = 0 or id_valid_r = 0) and damerau_levenshtein(id_l, id_r) <= 2"
# The number contains the birth date, and a desk copies it from there: one comparison, so that it does not count twice.
# Telephone and address belong to a family: one comparison, too.
PHONE = "phone_l = phone_r"
HOME = "addr_num_l = addr_num_r and length(addr_num_l) >= 4 and coalesce(addr_tail_l = addr_tail_r, true)"
VILLAGE = "addr_num_l = addr_num_r and addr_tail_l = addr_tail_r"
CHARACTER = "length(name_l) >= 3 and length(name_r) >= 3 and levenshtein(name_l, name_r) = 1"
COMPARISONS = [
    compare(
        "number_and_birth",
        null("(id_l is null or id_r is null) and (doc_l is null or doc_r is null) and (birth_l is null or birth_r is null) and (byear_l is null or byear_r is null)"),
        level("(id_l = id_r or doc_l = doc_r) and birth_l = birth_r", "one number, one birth date"),
        level("id_l = id_r or doc_l = doc_r", "one number"),
        level(NEAR, "one of two numbers typed wrong"),
        level("birth_l = birth_r and id_l <> id_r and id_valid_l = 1 and id_valid_r = 1", "same birth date, two proven numbers"),
        level("birth_l = birth_r", "same birth date", "birth", 0.5),
        level("id_l <> id_r and id_valid_l = 1 and id_valid_r = 1", "two proven numbers"),
        level("(birth_l is null or birth_r is null) and byear_l = byear_r", "year of a partial date"),
        level("byear_l = byear_r and right(bmd_l, 2) = left(bmd_r, 2) and left(bmd_l, 2) = right(bmd_r, 2)", "month and day exchanged"),
        level("levenshtein(birth_l, birth_r) = 1", "a digit"),
        level("abs(datediff('day', try_cast(birth_l as date), try_cast(birth_r as date))) between 14 and 56", "a lunar month apart"),
        level("byear_l = byear_r and (bmd_l = '01-01' or bmd_r = '01-01')", "first of January"),
        level("bmd_l = bmd_r and abs(cast(byear_l as int) - cast(byear_r as int)) <= 10", "month and day"),
        level("byear_l = byear_r", "year"),
    ),
    compare(
        "name",
        null("name_l is null or name_r is null or baby_l <> baby_r"),
        level("name_l = name_r", "same", "name"),
        level("py_l = py_r", "same sound", "py"),
        level("py_l like replace(py_r, '?', '%') or py_r like replace(py_l, '?', '%')", "same but for an unknown character"),
        level("least(length(name_l), length(name_r)) >= 3 and (starts_with(name_l, name_r) or starts_with(name_r, name_l))", "one begins the other"),
        level(CHARACTER + " and levenshtein(py_l, py_r) <= 2 and birth_l is distinct from birth_r", "a character, near sounds"),
        level(CHARACTER, "a character"),
        level("levenshtein(name_l, name_r) = 1 and substr(name_l, 1, 1) = substr(name_r, 1, 1) and length(name_l) <> length(name_r)", "a character more"),
        level("substr(name_l, 1, 1) = substr(name_r, 1, 1)", "surname"),
    ),
    compare("sex", null("sex_l is null or sex_r is null"), level("sex_l = sex_r", "same")),
    compare(
        "contact",
        null("(phone_l is null or phone_r is null) and (addr_num_l is null or addr_num_r is null) and (county_l is null or county_r is null)"),
        level(f"{PHONE} and {VILLAGE}", "telephone and home"),
        level(PHONE, "telephone", "phone"),
        level("length(phone_l) = 11 and damerau_levenshtein(phone_l, phone_r) = 1", "a digit of the telephone"),
        level(f"{HOME}", "home"),
        level(VILLAGE, "house in a village"),
        level("county_l = county_r", "county"),
    ),
]
BLOCKS = [
    block_on("id"),
    block_on("doc"),
    block_on("py", "birth"),
    block_on("phone", "birth"),
    block_on("py", "phone"),
    block_on("py", "byear"),
    block_on("py", "bmd"),
    block_on("addr_num", "addr_tail", "birth"),
    block_on("addr_num", "addr_tail", "py"),
    block_on("name", "byear", "county"),
    block_on("surname_py", "birth", "county"),
    block_on("surname_py", "phone", "sex"),
    block_on("left(id, 14)", "surname_py"),
    block_on("right(id, 12)", "surname_py"),
    block_on("birth", "given_tail", "sex"),
    block_on("mother", "birth"),
]


def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("cleaned")
    arguments.add_argument("out")
    arguments.add_argument("--weights", default="-2,0,2,4,6,8,10,12,15,20")
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    os.makedirs(given.out, exist_ok=True)
    phases, last = {}, seconds()

    def phase(name):
        nonlocal last
        now = seconds()
        phases[name] = round(now - last, 2)
        last = now
        print(f"{name}: {phases[name]} CPU-s", flush=True)

    connection = duckdb.connect()
    connection.execute(f"set threads to {given.threads}")
    connection.execute(f"create table cleaned as select * from read_parquet('{given.cleaned}')")
    rows = connection.sql("select count(*) from cleaned").fetchall()[0][0]
    database = DuckDBAPI(connection)
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=COMPARISONS,
        blocking_rules_to_generate_predictions=BLOCKS,
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
        max_iterations=20,
    )
    linker = Linker(database.register(connection.table("cleaned")), settings, log_level=None)
    phase("read")
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on("id"), block_on("name", "birth", "sex")], recall=0.85)
    training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in (block_on("id"), block_on("py", "birth"), block_on("py", "phone")):
        training.estimate_parameters_using_expectation_maximisation(rule)
    phase("train")
    weights = [float(weight) for weight in given.weights.split(",")]
    edges = linker.inference.predict(threshold_match_weight=min(weights))
    phase("predict")
    pairs = connection.sql(f"select count(*) from {edges.physical_name}").fetchall()[0][0]
    for weight in weights:
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(edges, threshold_match_weight=weight)
        path = os.path.join(given.out, f"clusters_{weight:g}.csv")
        connection.execute(f"copy (select unique_id as rec_id, cluster_id from {clusters.physical_name}) to '{path}' (header)")
        phase(f"cluster {weight:g}")
    connection.execute(f"copy (select * from {edges.physical_name}) to '{given.out}/edges.parquet' (format parquet)")
    linker.misc.save_model_to_json(os.path.join(given.out, "model.json"), overwrite=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with open(os.path.join(given.out, "phases.json"), "w") as file:
        json.dump({"rows": rows, "pairs": pairs, "cpu_seconds": phases, "peak_mb": round(peak)}, file, indent=1)


if __name__ == "__main__":
    start = time.time()
    main()
    print(f"wall {time.time() - start:.0f} s")
