#!/usr/bin/env python3
"""Differential search oracle: the server's index answers against a naive scan over the same data.

    tests/search/oracle.py --url http://127.0.0.1:8080/fhir/R4 --token km_… --bundles samples/synthea --queries 400 --seed 1

Needs an empty server (a fresh data folder). With `--restricted-token` and `--restricted-types A,B` the same questions are also asked
by an account whose grants name only those types. Prints each disagreement with the query shrunk as far as it still disagrees;
exit code 1 when there is one. Standard library only (plus the `zstd` command for compressed bundles).
"""

import argparse
import collections
import itertools
import random
import sys
import threading
import time

import knowledge
from client import Server
from clauses import Plain, Query
from generate import Generator
from load import Loader
from world import FOREVER, YES, Number, World, fold

FULL_MAX = 600          # larger results are mostly compared by total
SORT_HITS_MAX = 10_000  # above this the server may answer too-costly
DISAGREEMENTS_MAX = 40


class Found:
    """A whole result set: matches in order, included keys, totals seen, pages."""

    def __init__(self):
        self.matches, self.included, self.totals, self.resources, self.page_count = [], set(), set(), {}, 0


def gather(server, first, ignore):
    found = Found()
    for bundle in server.pages(first):
        found.page_count += 1
        if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "searchset":
            raise ValueError(f"not a searchset: {str(bundle)[:200]}")
        found.totals.add(bundle.get("total"))
        here = set()
        for entry in bundle.get("entry", []):
            resource, mode = entry["resource"], entry.get("search", {}).get("mode", "match")
            if mode == "outcome":
                continue
            key = f"{resource['resourceType']}/{resource['id']}"
            if key in here:
                raise ValueError(f"{key} twice on one page")
            here.add(key)
            if ignore(key):
                continue
            found.resources[key] = resource
            if mode == "match":
                found.matches.append(key)
            else:
                found.included.add(key)
    return found


class Oracle:
    """Asks the server and the scan, and says where they differ."""

    def __init__(self, server, world, churning=False):
        self.server, self.world, self.churning = server, world, churning

    def ignore(self, key):
        return "/churn-" in key

    def now_ms(self):
        return int(time.time() * 1000)

    def check(self, query):
        """None when server and scan agree, else what differs."""
        hidden = self.world.allowed is not None and query.type_name not in self.world.allowed
        answer = self.server.search(query)
        if self.world.allowed is not None and answer.status == 403:
            touched = set(itertools.chain.from_iterable(c.types() for c in query.clauses)) | {query.type_name} | include_types(query)
            return None if hidden or touched - self.world.allowed or reaches(query) - self.world.allowed else f"403 although every type is granted: {answer.outcome()}"
        if hidden:
            return f"type is not granted, yet {answer.status}" if answer.status != 403 else None
        expected = {k: v for k, v in query.evaluate(self.world, self.now_ms()).items() if not self.ignore(k)}
        controls = dict(query.controls)
        if answer.status != 200:
            if "_sort" in controls and len(expected) > SORT_HITS_MAX and "too-costly" in answer.body.decode():
                return None
            return f"status {answer.status}: {answer.outcome()} (expected {len(expected)} matches)"
        try:
            return self.compare(query, controls, expected, gather(self.server, answer.json(), self.ignore))
        except (ValueError, KeyError) as error:
            return f"{type(error).__name__}: {error}"

    def compare(self, query, controls, expected, found):
        must = {k for k, v in expected.items() if v == YES}
        exact = controls.get("_summary") == "count" or controls.get("_total") == "accurate"
        if (not self.churning or query.type_name not in ("Patient", "Observation")) and controls.get("_total") != "none":
            # without being asked for, a total may be left out; one that is there must be right
            bad = [t for t in found.totals if t is not None and not len(must) <= t <= len(expected)]
            if bad or (exact and found.totals == {None}):
                return f"total {sorted(found.totals, key=str)}, expected {len(must)}" + (f"…{len(expected)}" if len(expected) != len(must) else "")
        if controls.get("_summary") == "count":
            return "entries in a count" if found.matches else None
        if controls.get("_total") == "none" and found.totals != {None}:
            return f"_total=none answered totals {found.totals}"
        twice = [k for k, n in collections.Counter(found.matches).items() if n > 1]
        if twice:
            return f"listed more than once over {found.page_count} pages: {twice[:5]}"
        got = set(found.matches)
        missing, extra = sorted(must - got), sorted(got - set(expected))
        if missing or extra:
            return f"{len(got)} found, {len(must)} expected; missing {missing[:4]}, extra {extra[:4]}"
        return (self.check_versions(found, controls) or self.check_order(query, controls, found) or self.check_includes(query, found)
                or self.check_elements(query, controls, found))

    def check_versions(self, found, controls):
        for key, resource in found.resources.items():
            version = str(self.world.get(key).version) if self.world.get(key) else None
            if version is None:
                return f"{key} is shown, but was deleted or is not visible"
            if resource.get("meta", {}).get("versionId") != version:
                return f"{key} shown in version {resource.get('meta', {}).get('versionId')}, current is {version}"
        return None

    # ------------------------------------------------------------ order

    def check_order(self, query, controls, found):
        if "_sort" not in controls:
            if query.type_name != "Observation" or "_revinclude" in controls:
                return None
            dates = [self.world.get(k).values("date", self.world.base) for k in found.matches]
            if any("effectiveDateTime" not in self.world.get(k).resource for k in found.matches):
                return None
            lows = [d[0][0] for d in dates]
            return None if all(a >= b for a, b in zip(lows, lows[1:])) else f"default order is not by date descending: {lows[:6]}"
        fields = [(f.lstrip("-"), f.startswith("-")) for f in controls["_sort"].split(",")]
        options = [list(self.sort_keys(query.type_name, name, found.matches, down)) for name, down in fields]
        for pick in itertools.product(*options):
            if monotone(pick, [down for _, down in fields]):
                return None
        shown = [[option[0][i] for option in options] for i in range(min(8, len(found.matches)))]
        return f"not in the order of _sort={controls['_sort']}: {list(zip(found.matches, shown))}"

    def sort_keys(self, type_name, name, keys, down):
        """Readings of a sort key that R4 leaves open: the lowest or the highest value, a period's start or end."""
        kind = knowledge.PARAMETERS[type_name][name].kind
        pick = max if down else min
        # the open end of a period: before or after everything, or no value to sort by
        dates = (lambda v: v[0], lambda v: v[1], lambda v: v[0] if abs(v[0]) < FOREVER else None, lambda v: v[1] if abs(v[1]) < FOREVER else None)
        readings = {"date": dates, "string": (fold, str), "quantity": (lambda v: v[0],)}.get(kind, (lambda v: v[1],))
        if name == "_id":
            yield [k.split("/")[1] for k in keys]
            return
        for reading in readings:
            for choose in (pick, min, max, lambda found: list(found)[0]):
                yield [choose(readable) if readable else None for readable in (
                    [r for r in map(reading, self.world.get(k).values(name, self.world.base)) if r is not None] for k in keys)]

    # ------------------------------------------------------------ included resources

    def check_includes(self, query, found):
        directives = [(n, v) for n, v in query.controls if n.startswith(("_include", "_revinclude"))]
        if not directives:
            return "entries marked include without _include" if found.included else None
        matches, expected = set(found.matches), set()
        for name, value in directives:
            expected |= self.follow(name, value, matches)
        while True:
            more = set()
            for name, value in directives:
                if name.endswith(":iterate"):
                    more |= self.follow(name, value, matches | expected)
            if more <= expected:
                break
            expected |= more
        got, expected = found.included - matches, {k for k in expected - matches if not self.ignore(k)}
        if got != expected:
            return f"includes: {len(got)} found, {len(expected)} expected; missing {sorted(expected - got)[:4]}, extra {sorted(got - expected)[:4]}"
        return None

    def follow(self, name, value, keys):
        parts = value.split(":")
        type_name, parameter, only = parts[0], parts[1], parts[2] if len(parts) > 2 else None
        if name.startswith("_include"):
            sources = [self.world.get(k) for k in keys if k.startswith(type_name + "/")]
            return {t.key for s in sources if s for t in self.world.targets(s, parameter, only)}
        return {s.key for s in self.world.of_type(type_name).values()
                if any(t.key in keys for t in self.world.targets(s, parameter, only))}

    # ------------------------------------------------------------ _elements

    def check_elements(self, query, controls, found):
        if "_elements" not in controls:
            return self.check_bodies(found) if "_summary" not in controls else None
        wanted = set(controls["_elements"].split(","))
        allowed = wanted | {"resourceType", "id", "meta"} | knowledge.MANDATORY[query.type_name]
        for key in found.matches[:50]:
            shown, whole = found.resources[key], self.world.get(key).resource
            names = {n.lstrip("_") for n in shown}
            if names - allowed:
                return f"{key}: _elements shows also {sorted(names - allowed)}"
            if [n for n in wanted - {"meta"} if differs(whole.get(n), shown.get(n), n)]:
                return f"{key}: _elements lost or changed {sorted(wanted)}: {str(shown)[:200]}"
            if not any(t.get("code") == "SUBSETTED" for t in shown.get("meta", {}).get("tag", [])):
                return f"{key}: a shortened resource without the SUBSETTED tag"
        return None

    def check_bodies(self, found):
        for key in list(found.resources)[:3]:
            difference = differs(self.world.get(key).resource, found.resources[key])
            if difference:
                return f"{key}: body differs at {difference}"
        return None

    # ------------------------------------------------------------ shrinking

    def shrink(self, query, why):
        """The smallest query that still disagrees."""
        for _ in range(60):
            for smaller in query.simpler():
                reason = self.check(smaller)
                if reason:
                    query, why = smaller, reason
                    break
            else:
                break
        return query, why


def include_types(query):
    found = set()
    for name, value in query.controls:
        if name.startswith(("_include", "_revinclude")):
            found.add(value.split(":")[0])
            found.update(value.split(":")[2:])
    return found


def reaches(query):
    """Every type that a chain or include of the query could touch."""
    found, types = set(), {query.type_name} | set(itertools.chain.from_iterable(c.types() for c in query.clauses)) | include_types(query)
    for clause in query.clauses:
        inner = clause
        while hasattr(inner, "inner"):
            name = getattr(inner, "name", None)
            for type_name in types | found:
                if name and name in knowledge.PARAMETERS[type_name]:
                    found |= set(knowledge.PARAMETERS[type_name][name].targets)
            inner = inner.inner
    for name, value in query.controls:
        if name.startswith(("_include", "_revinclude")):
            source, parameter = value.split(":")[:2]
            found |= set(knowledge.PARAMETERS[source][parameter].targets)
    return found


def monotone(columns, downs):
    """Rows ordered by the columns; resources without a value may stand together at either end."""
    rows = list(zip(*columns))
    if not rows:
        return True
    gaps = [row[0] is None for row in rows]
    if sum(a != b for a, b in zip(gaps, gaps[1:])) > 1:
        return False
    for above, below in zip(rows, rows[1:]):
        for one, two, down in zip(above, below, downs):
            if one is None or two is None:
                break
            if one != two:
                if (one < two) == down:
                    return False
                break
    return True


def digits(value):
    """A number as it is written, anything else as it is."""
    number = isinstance(value, Number) or (isinstance(value, int) and not isinstance(value, bool))
    return ("number", str(value)) if number else ("", value)


def differs(one, two, path=""):
    """Where two bodies differ, ignoring what the server owns (version, lastUpdated); None when equal, decimals by their digits."""
    if isinstance(one, dict) and isinstance(two, dict):
        if path == "":
            one, two = ({k: v for k, v in b.items() if k != "meta"} | {"meta": {k: v for k, v in b.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}}
                        for b in (one, two))
        for name in one.keys() | two.keys():
            if name not in one or name not in two:
                return f"{path}.{name} ({'lost' if name in one else 'added'})"
            found = differs(one[name], two[name], f"{path}.{name}")
            if found:
                return found
        return None
    if isinstance(one, list) and isinstance(two, list):
        if len(one) != len(two):
            return f"{path} ({len(one)} became {len(two)})"
        return next((d for d in (differs(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(one, two))) if d), None)
    same = digits(one) == digits(two) and isinstance(one, bool) == isinstance(two, bool)
    return None if same else f"{path}: {one!r} became {two!r}"


# ---------------------------------------------------------------- refusals: what must not be answered with a result

REFUSED = [
    ("Patient?unknown=1", 400), ("Patient?name:foo=x", 400), ("Patient?birthdate=yesterday", 400), ("Patient?birthdate=2020-13", 400), ("Patient?birthdate:exact=2020", 400),
    ("Observation?value-quantity=abc", 400), ("Observation?subject:Patient.unknown=1", 400), ("Observation?subject:Encounter.status=finished", 400),
    ("Observation?patient.name.family=x", 400), ("Patient?_has:Observation:nothing:code=1", 400), ("Patient?_has:Nothing:patient:code=1", 400),
    ("Patient?_has:Observation:code:status=final", 400), ("Location?near=36.6|117.0|10|km", 400), ("Patient?_text=x", 400), ("Patient?_content=x", 400), ("Patient?_query=x", 400),
    ("Observation?_include=Observation:nothing", 400), ("Observation?_include=Nothing:patient", 400), ("Observation?_revinclude=Encounter:nothing", 400), ("Observation?_sort=nothing", 400),
    ("Patient?_count=-1", 400), ("Patient?_count=abc", 400), ("Patient?gender:missing=maybe", 400), ("Patient?_summary=perhaps", 400), ("Patient?_total=perhaps", 400),
    ("Observation?code-value-quantity=8480-6", 400), ("Patient?identifier:of-type=MR", 400), ("Patient?_lastUpdated=xx", 400), ("Patient?gender:contains=x", 400),
    ("Observation?code-value-quantity:exact=true", 400), ("Observation?code:in=http://example.org/vs", 400), ("Observation?code:not-in=http://example.org/vs", 400), ("Nothing?name=x", 404),
]


def check_refusals(server, report):
    for text, status in REFUSED:
        answer = server.get("/" + text.replace("|", "%7C"))
        if answer.status != status or "OperationOutcome" not in answer.body.decode("utf-8", "replace"):
            report(f"GET {text}", f"expected {status} with an OperationOutcome, got {answer.status} {answer.body[:120]!r}")
    for token, what in (("", "no token"), ("km_wrong", "a wrong token")):
        answer = Server(server.base, token).get("/Patient?_count=1")
        if answer.status != 401:
            report(f"GET Patient with {what}", f"expected 401, got {answer.status}")


# ---------------------------------------------------------------- special questions

def check_stored(server, world, rng, report, count):
    """Read back: what was sent is what is stored, digit by digit."""
    records = [r for t in knowledge.TYPES for r in world.records[t].values()]
    for record in rng.sample(records, min(count, len(records))):
        answer = server.get("/" + record.key)
        if answer.status != 200:
            report("GET " + record.key, f"status {answer.status} {answer.outcome()}")
            continue
        difference = differs(record.resource, answer.json())
        if difference:
            report("GET " + record.key, "body differs at " + difference)


def check_across_types(server, world, rng, report):
    """Search without a type: `_type`, `_id`, `_tag`, `_lastUpdated` over several types."""
    types = rng.sample(knowledge.TYPES, 3)
    records = [r for t in types for r in world.records[t].values() if r.id.startswith("k-")]
    if not records:
        return
    picked = rng.sample(records, min(3, len(records)))
    query = f"?_type={','.join(types)}&_id={','.join(r.id for r in picked)}"
    answer = server.get(query)
    if answer.status == 400 and b"not-supported" in answer.body:
        return  # an explicit refusal: nothing was left out silently
    if answer.status != 200:
        report("GET " + query, f"status {answer.status} {answer.outcome()}")
        return
    got = set(gather(server, answer.json(), lambda key: False).matches)
    if got != {r.key for r in picked}:
        report("GET " + query, f"got {sorted(got)}, expected {sorted(r.key for r in picked)}")


def check_person_wide(server, world, rng, report):
    """`patient:mdm=`: the registrations that one Person links are searched together."""
    persons = [p for p in world.records["Person"].values()]
    if not persons:
        return
    # by what the links say: a registration that was deleted is still named by them
    links = [{"Patient/" + v.id for v in p.values("patient", world.base)} for p in persons]
    patients = sorted(set().union(*links))
    if not patients:
        return
    patient = rng.choice(patients)
    near = {patient}.union(*(keys for keys in links if patient in keys))
    wide = near
    while any(keys & wide and not keys <= wide for keys in links):
        wide = wide.union(*(keys for keys in links if keys & wide))
    query = f"/Observation?patient:mdm={patient}"
    answer = server.get(query)
    if answer.status != 200:
        report("GET " + query, f"status {answer.status} {answer.outcome()}")
        return
    got = {k for k in gather(server, answer.json(), lambda key: "/churn-" in key).matches}
    near, wide = ({o.key for o in world.records["Observation"].values() if any("Patient/" + v.id in keys for v in o.values("patient", world.base))} for keys in (near, wide))
    if not near <= got <= wide:
        report("GET " + query, f"{len(got)} found, expected {len(near)}…{len(wide)}; missing {sorted(near - got)[:3]}, extra {sorted(got - wide)[:3]}")


def shaped(generator, rng, world):
    """A query with the controls of its kind: plain, counted, sorted, paged, including, shortened."""
    query = generator.matching()
    roll = rng.random()
    size = len(query.evaluate(world, int(time.time() * 1000)))
    if size > FULL_MAX and rng.random() < 0.93 or roll < 0.06:
        query.controls = [("_summary", "count")]
    elif roll < 0.18:
        query.controls = [("_sort", generator.sort(query.type_name)), ("_count", str(rng.choice((3, 10, 50, 200))))]
    elif roll < 0.30:
        query.controls = [("_count", str(rng.choice((1, 2, 5, 17)) if size <= 100 else rng.choice((50, 100))))]
    elif roll < 0.42:
        query.controls = generator.includes(query) + [("_count", "200")]
    elif roll < 0.46 and query.type_name in knowledge.MANDATORY:
        records = list(world.of_type(query.type_name).values())
        names = sorted(set(rng.choice(records).resource) - {"resourceType", "id", "meta", "contained"}) if records else []
        query.controls = [("_elements", ",".join(rng.sample(names, min(2, len(names)))))] if names else []
    elif roll < 0.49:
        query.controls = [("_total", rng.choice(("none", "accurate"))), ("_count", rng.choice(("3", "200")))]
    if not query.controls or query.controls[0][0] == "_elements":
        query.controls = query.controls + [("_count", "200")]
    return query


class Churn(threading.Thread):
    """Writes beside the questions: patients and observations of its own, which the comparison leaves out."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.rng, self.stop, self.writes = server, random.Random(seed), threading.Event(), 0

    def run(self):
        from crafted import Maker
        ids = {t: [f"churn-{t}-{n}" for n in range(12)] for t in ("Patient", "Observation")}
        maker = Maker(self.rng, ids, self.server.base)
        while not self.stop.is_set():
            type_name = self.rng.choice(("Patient", "Observation"))
            key = f"{type_name}/{self.rng.choice(ids[type_name])}"
            if self.rng.random() < 0.3:
                self.server.request("DELETE", "/" + key)
            else:
                self.server.request("PUT", "/" + key, maker.make(type_name, key.split("/")[1]))
            self.writes += 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="FHIR base, for example http://127.0.0.1:8080/fhir/R4")
    parser.add_argument("--token", required=True, help="machine account with system/*.cruds")
    parser.add_argument("--restricted-token", help="machine account that may read only --restricted-types")
    parser.add_argument("--restricted-types", default="Patient,Observation,Encounter,Organization")
    parser.add_argument("--bundles", help="folder with Synthea bundles; without it only crafted resources are loaded")
    parser.add_argument("--bundle-limit", type=int, help="how many patient bundles, the smallest first")
    parser.add_argument("--crafted", type=float, default=1.0, help="scale of the crafted data")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--custom", action="store_true", help="the search parameters of tests/search/parameters are defined: ask about them as well")
    parser.add_argument("--quiet-writes", action="store_true", help="no concurrent writer")
    parser.add_argument("--stop-after", type=int, default=DISAGREEMENTS_MAX, help="give up after so many disagreements")
    return parser.parse_args()


class Report:
    def __init__(self, limit):
        self.count, self.limit, self.kinds = 0, limit, collections.Counter()

    def __call__(self, question, why):
        self.count += 1
        print(f"DISAGREEMENT {self.count}\n  {question}\n  {why}", flush=True)
        if self.count >= self.limit:
            print("too many disagreements, giving up")
            sys.exit(1)


def main():
    options = arguments()
    rng, report = random.Random(options.seed), Report(options.stop_after)
    server = Server(options.url, options.token)
    first = server.get("/Patient?_summary=count")
    if first.status != 200 or first.json().get("total") != 0:
        sys.exit(f"the oracle needs an empty server: {first.status} {first.body[:200]!r}")
    if options.custom:
        knowledge.add_custom()
        # The index of an empty server is built at once, but by a thread of its own.
        while server.get("/Patient?official-family=x").status == 503:
            time.sleep(0.1)
    world = World(server.base)
    loader, started = Loader(server, world, rng), time.time()
    if options.bundles:
        loader.bundles(options.bundles, options.bundle_limit)
    maker = loader.crafted(options.crafted)
    print(f"seed {options.seed}: {world.count()} resources loaded in {time.time() - started:.1f} s", flush=True)
    check_stored(server, world, rng, report, 300)
    check_refusals(server, report)

    churn = Churn(Server(options.url, options.token), options.seed)
    if not options.quiet_writes:
        churn.start()
    views = [Oracle(server, world, churning=not options.quiet_writes)]
    if options.restricted_token:
        views.append(Oracle(Server(options.url, options.restricted_token), world.restricted(options.restricted_types.split(",")), not options.quiet_writes))
    generator, started, hits, empty = Generator(rng, world), time.time(), 0, 0
    for number in range(options.queries):
        if number % 20 == 19:
            for _ in range(rng.randint(1, 6)):
                loader.change(maker)
        if number % 50 == 49:
            check_across_types(server, world, rng, report)
            check_person_wide(server, world, rng, report)
        query = shaped(generator, rng, world)
        view = views[-1] if rng.random() < 0.25 else views[0]
        matched = len(query.evaluate(view.world, view.now_ms()))
        hits, empty = hits + matched, empty + (matched == 0)
        why = view.check(query)
        if why:
            original, (query, why) = str(query), view.shrink(query, why)
            who = "restricted account: " if view.world.allowed else ""
            report(f"{who}{query}", why + (f"\n  first seen as {original}" if original != str(query) else "") + f"\n  (query {number} of seed {options.seed})")
    churn.stop.set()
    took = time.time() - started
    print(f"seed {options.seed}: {options.queries} queries in {took:.1f} s, {hits} expected hits, {empty} empty answers, {churn.writes} writes beside them, "
          f"{report.count} disagreements", flush=True)
    sys.exit(1 if report.count else 0)


if __name__ == "__main__":
    main()
