"""Synthea bundles in PUT form, and any number of copies of them with other ids: what the import benchmark sends.

PUT form (for a fair comparison with servers that have no conditional references): every entry becomes `PUT Type/id`, references by
`urn:uuid:` and by condition become literal ones, a second entry of the same id is dropped. Copies are deterministic: copy n turns
every id of a patient bundle into another one, so the same command always makes the same data.
"""

import glob
import hashlib
import json
import os
import re
import subprocess

UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def read(path):
    if path.endswith(".zst"):
        return json.loads(subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout)
    with open(path, "rb") as file:
        return json.load(file)


def files(directory):
    found = sorted(glob.glob(os.path.join(directory, "*.json")) + glob.glob(os.path.join(directory, "*.json.zst")))
    first = [f for f in found if os.path.basename(f).startswith("0-")]
    return first, [f for f in found if f not in first]


class Bundle:
    """One PUT-form transaction as bytes, cut at its own ids so that a copy is one join."""

    __slots__ = ("entries", "pieces", "ids", "order", "facts")

    def __init__(self, body, entries, own_ids, facts):
        self.entries, self.facts = entries, facts
        self.pieces, self.order, names, last = [], [], {}, 0
        for hit in UUID.finditer(body):
            if hit.group() in own_ids:
                self.pieces.append(body[last:hit.start()])
                self.order.append(names.setdefault(hit.group(), len(names)))
                last = hit.end()
        self.pieces.append(body[last:])
        self.ids = list(names)

    def copy(self, number):
        """The bytes of copy `number`; 0 is the original."""
        ids = self.ids if number == 0 else [renamed(identity, number) for identity in self.ids]
        parts = [None] * (2 * len(self.order) + 1)
        parts[0::2] = self.pieces
        parts[1::2] = [ids[index] for index in self.order]
        return b"".join(parts)


def renamed(identity, number):
    """Another id of the same shape, the same every time."""
    digest = hashlib.md5(identity + b"/" + str(number).encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}".encode()


def rewrite(node, names):
    if isinstance(node, dict):
        return {k: names.get(v, v) if k == "reference" and isinstance(v, str) else rewrite(v, names) for k, v in node.items()}
    if isinstance(node, list):
        return [rewrite(v, names) for v in node]
    return node


def facts_of(resources):
    """What the query benchmarks sample from: ids, and patients with the codes that they have."""
    patients = {r["id"]: r for r in resources if r["resourceType"] == "Patient"}
    pairs = sorted({(r["subject"]["reference"].split("/")[1], r["code"]["coding"][0]["code"]) for r in resources if r["resourceType"] == "Observation"})
    return {"patients": [{"id": p["id"], "identifier": p["identifier"][0]["system"] + "|" + p["identifier"][0]["value"],
                          "family": p["name"][0]["family"], "birthdate": p["birthDate"]} for p in patients.values()],
            "keys": [f"{r['resourceType']}/{r['id']}" for r in resources], "pairs": pairs}


def load(directory):
    """(shared bundles to send first, patient bundles), all in PUT form."""
    first, rest = files(directory)
    shared, patients, by_identifier = [], [], {}
    for path in first + rest:
        source = read(path)
        names = {e["fullUrl"]: f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in source["entry"]}
        literal, resources, seen = names | by_identifier, [], set()
        for entry in source["entry"]:
            resource = entry["resource"]
            if (resource["resourceType"], resource["id"]) not in seen:
                seen.add((resource["resourceType"], resource["id"]))
                resources.append(rewrite(resource, literal))
        if path in first:
            for resource in resources:
                for identifier in resource.get("identifier", []):
                    key = f"{resource['resourceType']}?identifier={identifier['system']}|{identifier['value']}"
                    by_identifier.setdefault(key, f"{resource['resourceType']}/{resource['id']}")
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"fullUrl": f"urn:uuid:{r['id']}", "resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources]}
        body = json.dumps(bundle, separators=(",", ":"), ensure_ascii=False).encode()
        own = set() if path in first else {r["id"].encode() for r in resources}
        (shared if path in first else patients).append(Bundle(body, len(resources), own, facts_of(resources) if path not in first else None))
    return shared, patients
