#!/usr/bin/env python3
"""Would the oracle notice? It is run against a server that is itself a naive scan, first honest, then wrong in one way at a time."""

import random
import time
import unittest

import knowledge
from client import Answer, Server, encode
from clauses import Query
from crafted import Maker
from generate import Generator
from load import COUNTS
from oracle import Oracle, shaped
from world import Record, World

BASE = "http://test/fhir/R4"


def make_world():
    world, ids = World(BASE), {t: [f"k-{t}-{n}" for n in range(COUNTS.get(t, 20))] for t in knowledge.TYPES}
    maker = Maker(random.Random(3), ids, BASE)
    for type_name in knowledge.TYPES:
        for identity in ids[type_name]:
            world.put(Record(maker.make(type_name, identity), 1, "2026-11-21T08:00:00.000Z"))
    return world


class Scan(Server):
    """Answers searches from a world; `fault` changes the answer."""

    def __init__(self, world, fault=None):
        super().__init__(BASE, "")
        self.world, self.fault, self.later = world, fault or (lambda keys, total: (keys, total)), {}
        self.oracle = Oracle(self, world)

    def search(self, query):
        controls = dict(query.controls)
        keys = sorted(k for k, v in query.evaluate(self.world, int(time.time() * 1000)).items() if v)
        if query.type_name == "Observation":
            keys.sort(key=lambda k: -(self.world.get(k).values("date", BASE) or [(0, 0)])[0][0])
        for field in reversed(controls.get("_sort", "").split(",") if "_sort" in controls else []):
            down, name = field.startswith("-"), field.lstrip("-")
            column = dict(zip(keys, next(self.oracle.sort_keys(query.type_name, name, keys, down))))
            have = sorted((k for k in keys if column[k] is not None), key=lambda k: column[k], reverse=down)
            keys = have + [k for k in keys if column[k] is None]
        keys, total = self.fault(keys, len(keys))
        included = set()
        for name, value in query.controls:
            if name.startswith(("_include", "_revinclude")):
                included |= self.oracle.follow(name, value, set(keys))
        for _ in range(6):
            for name, value in query.controls:
                if name.endswith(":iterate"):
                    included |= self.oracle.follow(name, value, set(keys) | included)
        return self.page(query, controls, keys, sorted(included - set(keys)), total, 0)

    def page(self, query, controls, keys, included, total, start):
        count = int(controls.get("_count", 50))
        here, shown = keys[start:start + count], controls.get("_elements")
        entries = [{"resource": self.shown(k, shown), "search": {"mode": "match"}} for k in here]
        if start == 0:
            entries += [{"resource": self.shown(k, shown), "search": {"mode": "include"}} for k in included]
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": []}
        if controls.get("_total") != "none":
            bundle["total"] = total
        if controls.get("_summary") != "count":
            bundle["entry"] = entries
            if start + count < len(keys):
                self.later[f"/{len(self.later)}"] = (query, controls, keys, included, total, start + count)
                bundle["link"] = [{"relation": "next", "url": f"{BASE}/{len(self.later) - 1}"}]
        return Answer(200, {}, encode(bundle).encode())

    def absolute(self, method, target, body=None, headers=None):
        return self.page(*self.later[target.removeprefix("/fhir/R4")])

    def shown(self, key, elements):
        record = self.world.get(key)
        resource = dict(record.resource)
        meta = dict(resource.get("meta", {})) | {"versionId": str(record.version), "lastUpdated": record.last_updated}
        if elements:
            kept = set(elements.split(",")) | {"resourceType", "id"} | knowledge.MANDATORY[record.type]
            resource = {k: v for k, v in resource.items() if k in kept}
            meta["tag"] = meta.get("tag", []) + [{"code": "SUBSETTED"}]
        return resource | {"meta": meta}


class WouldItNotice(unittest.TestCase):
    world = make_world()

    def disagreements(self, fault=None, world=None, count=250):
        rng, oracle = random.Random(11), Oracle(Scan(world or self.world, fault), self.world)
        generator = Generator(rng, self.world)
        return [(q, why) for q, why in ((q, oracle.check(q)) for q in (shaped(generator, rng, self.world) for _ in range(count))) if why]

    def test_honest_server_agrees(self):
        self.assertEqual([f"{q}: {why}" for q, why in self.disagreements(count=1500)], [])

    def test_faults_are_found(self):
        faults = {"loses one": lambda keys, total: (keys[:-1], total - 1 if keys else 0), "adds a stranger": lambda keys, total: (keys + ["Patient/k-Patient-0"], total + 1),
                  "wrong total": lambda keys, total: (keys, total + 1), "lists twice": lambda keys, total: (keys + keys[:1], total),
                  "turned round": lambda keys, total: (keys[::-1], total)}
        for name, fault in faults.items():
            self.assertTrue(self.disagreements(fault), name)

    def test_stale_version_is_found(self):
        stale = World(BASE)
        stale.records = {t: {i: Record(r.resource, 2, r.last_updated) for i, r in found.items()} for t, found in self.world.records.items()}
        self.assertTrue(self.disagreements(world=stale))

    def test_leak_is_found_and_shrunk(self):
        view = self.world.restricted(["Patient", "Observation"])
        oracle, generator = Oracle(Scan(self.world), view), Generator(random.Random(5), self.world)
        found = [(q, why) for q, why in ((q, oracle.check(q)) for q in (generator.matching("Observation") for _ in range(400))) if why]
        self.assertTrue(found, "chains through hidden types must differ")
        small, why = oracle.shrink(*found[0])
        self.assertTrue(why and isinstance(small, Query) and len(small.clauses) == 1)


if __name__ == "__main__":
    unittest.main()
