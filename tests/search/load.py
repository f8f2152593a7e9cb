"""Puts the same data into the server and into the oracle's memory: bundles as they come, bundles in PUT form, crafted resources."""

import glob
import os
import subprocess
import uuid

import knowledge
from client import decode
from crafted import Maker
from world import Record

ADDED_ONLY = {"AuditEvent"}  # the server takes new ones and never changes or deletes them
COUNTS = {"Patient": 16, "Observation": 120, "Encounter": 30, "Condition": 40}  # others: 20


def read_bundle(path):
    data = subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout if path.endswith(".zst") else open(path, "rb").read()
    return decode(data)


def bundle_files(directory, limit=None):
    """Hospital and practitioner files first; then patients, the smallest first."""
    files = sorted(glob.glob(os.path.join(directory, "*.json")) + glob.glob(os.path.join(directory, "*.json.zst")), key=os.path.getsize)
    first = [f for f in files if os.path.basename(f).startswith("0-")]
    rest = [f for f in files if f not in first]
    return first + rest[:limit]


def rewrite(node, replace):
    """A copy in which every literal reference is passed through `replace`."""
    if isinstance(node, dict):
        return {k: replace(v) if k == "reference" and isinstance(v, str) else rewrite(v, replace) for k, v in node.items()}
    if isinstance(node, list):
        return [rewrite(v, replace) for v in node]
    return node


class Loader:
    """Loads through `server`, remembers in `world`."""

    def __init__(self, server, world, rng):
        self.server, self.world, self.rng = server, world, rng
        self.by_identifier = {}  # (type, system|value) -> id, for conditional references

    def fail(self, what, answer):
        raise SystemExit(f"load failed: {what}: {answer.status} {answer.outcome()}")

    def remember(self, resource, response):
        """Notes what the server acknowledged: version from the location, lastUpdated from lastModified."""
        version = int(response["location"].rstrip("/").rsplit("/", 1)[1]) if "_history" in response.get("location", "") else int(response["etag"].split('"')[1])
        self.world.put(Record(resource, version, response.get("lastModified")))
        for identifier in resource.get("identifier", []) if isinstance(resource.get("identifier"), list) else []:
            self.by_identifier[(resource["resourceType"], f"{identifier.get('system', '')}|{identifier.get('value')}")] = resource["id"]

    def resolve(self, names):
        def replace(text):
            if text in names:
                return names[text]
            if "?identifier=" in text:
                type_name, _, value = text.partition("?identifier=")
                return f"{type_name}/{self.by_identifier[(type_name, value)]}"
            return text
        return replace

    def send(self, bundle, what):
        answer = self.server.request("POST", "", bundle)
        if answer.status != 200:
            self.fail(what, answer)
        entries = answer.json()["entry"]
        if len(entries) != len(bundle["entry"]):
            raise SystemExit(f"load failed: {what}: {len(bundle['entry'])} entries sent, {len(entries)} answered")
        for sent, got in zip(bundle["entry"], entries):
            if not got["response"]["status"].startswith("2"):
                raise SystemExit(f"load failed: {what}: {sent['request']} answered {got['response']}")
        return [e["response"] for e in entries]

    def as_it_comes(self, path):
        """POST entries, urn:uuid and conditional references: the server chooses the ids."""
        bundle = read_bundle(path)
        responses = self.send(bundle, os.path.basename(path))
        names, fresh = {}, []
        for entry, response in zip(bundle["entry"], responses):
            type_name, identity = response["location"].split("/_history")[0].rstrip("/").split("/")[-2:]
            names[entry["fullUrl"]] = f"{type_name}/{identity}"
            fresh.append((entry["resource"], identity, response))
        replace = self.resolve(names)
        for resource, identity, response in fresh:
            copy = rewrite(resource, replace)
            copy["id"] = identity
            self.remember(copy, response)

    def put_form(self, path):
        """PUT Type/id with literal references, as a transaction."""
        bundle, names = read_bundle(path), {}
        for entry in bundle["entry"]:
            names[entry["fullUrl"]] = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        replace, resources, seen = self.resolve(names), [], set()
        for entry in bundle["entry"]:
            key = names[entry["fullUrl"]]
            if key not in seen:
                seen.add(key)
                resources.append(rewrite(entry["resource"], replace))
        self.put_all(resources, os.path.basename(path))

    def put_all(self, resources, what):
        entries = [{"fullUrl": f"{self.server.base}/{r['resourceType']}/{r['id']}", "resource": r,
                    "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources]
        for entry in entries:
            if entry["resource"]["resourceType"] in ADDED_ONLY:
                entry |= {"fullUrl": f"urn:uuid:{uuid.UUID(int=self.rng.getrandbits(128), version=4)}",
                          "request": {"method": "POST", "url": entry["resource"]["resourceType"]}}
        responses = self.send({"resourceType": "Bundle", "type": "transaction", "entry": entries}, what)
        for resource, response in zip(resources, responses):
            self.remember(resource | {"id": response["location"].split("/_history")[0].rsplit("/", 1)[1]}, response)

    def bundles(self, directory, limit):
        for path in bundle_files(directory, limit):
            if os.path.basename(path).startswith("0-") or self.rng.random() < 0.5:
                self.as_it_comes(path)
            else:
                self.put_form(path)

    def crafted(self, scale=1.0):
        """Every type, small vocabulary; returns the maker for later changes."""
        ids = {t: [f"k-{t}-{n}" for n in range(max(2, int(COUNTS.get(t, 20) * scale)))] for t in knowledge.TYPES}
        maker = Maker(self.rng, ids, self.server.base)
        resources = [maker.make(t, i) for t in knowledge.TYPES for i in ids[t]]
        for start in range(0, len(resources), 200):
            self.put_all(resources[start:start + 200], "crafted resources")
        return maker

    # ------------------------------------------------------------ while data changes

    def change(self, maker):
        """One random act on crafted resources: update, delete, bring back, or a transaction of several."""
        changing = [t for t in knowledge.TYPES if t not in ADDED_ONLY]
        type_name = self.rng.choice(changing)
        identity = self.rng.choice(maker.ids[type_name])
        key, roll = f"{type_name}/{identity}", self.rng.random()
        if roll < 0.25 and self.world.get(key):
            answer = self.server.request("DELETE", "/" + key)
            if answer.status not in (200, 204):
                self.fail("DELETE " + key, answer)
            self.world.remove(key)
        elif roll < 0.75:
            resource = maker.make(type_name, identity)
            answer = self.server.request("PUT", "/" + key, resource, {"Prefer": "return=representation"})
            if answer.status not in (200, 201):
                self.fail("PUT " + key, answer)
            meta = answer.json()["meta"]
            self.world.put(Record(resource, int(meta["versionId"]), meta["lastUpdated"]))
        else:
            keys = {(t, self.rng.choice(maker.ids[t])) for t in self.rng.sample(changing, 4)}
            self.put_all([maker.make(t, i) for t, i in sorted(keys)], "transaction of updates")
