"""The oracle's own copy of the data and its own idea of what matches: a naive scan, three-valued.

NO, MAYBE and YES: where R4 leaves a case to the server (`ap` near its border, a reference that carries only a display text) the
scan says MAYBE and the comparison accepts both answers. Everything else must agree exactly.
"""

import unicodedata
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import knowledge

NO, MAYBE, YES = 0, 1, 2
LOCAL = ZoneInfo("Asia/Shanghai")  # times without offset
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FOREVER = 10**18


class Number(str):
    """A JSON decimal with the digits it was written with."""


def fold(text):
    """Case and accents away: what an unmodified string search compares."""
    split = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in split if not unicodedata.combining(c))).casefold()


def to_ms(moment):
    return round((moment - EPOCH) / timedelta(milliseconds=1))


def date_interval(text):
    """FHIR date, dateTime or instant of any precision -> [low, high) in UTC milliseconds."""
    date, _, time = text.partition("T")
    parts = [int(p) for p in date.split("-")]
    if not time:
        year, month, day = parts + [1] * (3 - len(parts))
        low = datetime(year, month, day, tzinfo=LOCAL)
        if len(parts) == 1:
            high = datetime(year + 1, 1, 1, tzinfo=LOCAL)
        elif len(parts) == 2:
            high = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=LOCAL)
        else:
            following = datetime(year, month, day) + timedelta(days=1)
            high = following.replace(tzinfo=LOCAL)
        return to_ms(low.astimezone(timezone.utc)), to_ms(high.astimezone(timezone.utc))
    zone, clock = LOCAL, time
    if time.endswith("Z"):
        zone, clock = timezone.utc, time[:-1]
    elif time[-6:-5] in "+-" and len(time) > 6:
        sign = 1 if time[-6] == "+" else -1
        zone = timezone(sign * timedelta(hours=int(time[-5:-3]), minutes=int(time[-2:])))
        clock = time[:-6]
    clock, _, fraction = clock.partition(".")
    hms = [int(p) for p in clock.split(":")]
    width = 60_000 if len(hms) == 2 else (1000 if not fraction else max(1, 1000 // 10 ** len(fraction)))
    hour, minute, second = hms + [0] * (3 - len(hms))
    low = datetime(*parts, hour, minute, second, tzinfo=zone).astimezone(timezone.utc)
    start = to_ms(low) + (int((fraction + "000")[:3]) if fraction else 0)
    return start, start + width


def _timing_interval(timing):
    spans = [date_interval(event) for event in timing.get("event", [])]
    bounds = timing.get("repeat", {}).get("boundsPeriod")
    if bounds:
        spans.append(_period_interval(bounds))
    return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None


def _period_interval(period):
    low = date_interval(period["start"])[0] if "start" in period else -FOREVER
    high = date_interval(period["end"])[1] if "end" in period else FOREVER
    return low, high


# ---------------------------------------------------------------- finding elements

def _split(path):
    """`a.b[X].c(system=v)` -> steps (name, filter)"""
    steps = []
    for step in path.split("."):
        name, _, condition = step.partition("(")
        if "[" in name:
            stem, choice = name[:-1].split("[")
            name = stem + choice
        steps.append((name, condition[:-1].split("=") if condition else None))
    return steps


_PATHS = {}


def select(node, path):
    """All elements at a path (arrays flattened); yields (element, wanted reference type or None)."""
    if path not in _PATHS:
        _PATHS[path] = [(_split(alternative.partition("->")[0]), alternative.partition("->")[2] or None)
                        for alternative in (p.strip() for p in path.split("|"))]
    for steps, wanted in _PATHS[path]:
        found = [node]
        for name, condition in steps:
            following = []
            for item in found:
                value = item.get(name) if isinstance(item, dict) else None
                if value is None:
                    continue
                members = value if isinstance(value, list) else [value]
                following.extend(m for m in members if m is not None and (
                    condition is None or (isinstance(m, dict) and m.get(condition[0]) == condition[1])))
            found = following
        for item in found:
            yield item, wanted


# ---------------------------------------------------------------- values of elements

BARE = ()  # in place of an identifier's types: the value stands alone, no system could go with it


def _tokens(element, path):
    """(system, code, types of an identifier) triples"""
    if isinstance(element, bool):
        return [(None, "true" if element else "false", BARE)]
    if isinstance(element, str):
        return [(None, element, BARE)]
    if "coding" in element or set(element) <= {"text", "id", "extension"}:
        return [(c.get("system"), c.get("code"), None) for c in element.get("coding", [])]
    if "telecom" in path:
        return [(None, element.get("value"), BARE)]
    if "value" in element:
        kinds = [(c.get("system"), c.get("code")) for c in element.get("type", {}).get("coding", [])]
        return [(element.get("system"), element["value"], kinds)]
    return [(element.get("system"), element.get("code"), None)]


_NAME_PARTS = ("family", "given", "prefix", "suffix", "text")
_ADDRESS_PARTS = ("line", "city", "district", "state", "postalCode", "country", "text")


def _strings(element, path):
    if isinstance(element, str):
        return [element]
    parts = _ADDRESS_PARTS if "address" in path else _NAME_PARTS
    found = []
    for part in parts:
        value = element.get(part, [])
        found.extend(value if isinstance(value, list) else [value])
    return found


class Reference:
    """What a Reference element says: a local type and id, or a URL; perhaps an identifier; perhaps nothing searchable."""

    __slots__ = ("type", "id", "url", "identifiers", "vague")

    def __init__(self, element, base):
        self.type = self.id = self.url = None
        self.identifiers, self.vague = [], False
        text = element if isinstance(element, str) else element.get("reference")
        if isinstance(element, dict) and "identifier" in element:
            self.identifiers = _tokens(element["identifier"], "identifier")
        if text is None:
            self.vague = not self.identifiers
            return
        if text.startswith("#"):
            self.vague = True
            return
        local = text[len(base) + 1:] if text.startswith(base + "/") else text
        parts = local.split("/")
        if not isinstance(element, str) and "://" not in local and not local.startswith("urn:") and len(parts) >= 2:
            self.type, self.id = parts[0], parts[1]
        else:
            self.url = text


class Record:
    """One current resource with its version, and its search values as they are first asked for."""

    __slots__ = ("type", "id", "resource", "version", "last_updated_ms", "last_updated", "cache")

    def __init__(self, resource, version, last_updated):
        self.type, self.id = resource["resourceType"], resource["id"]
        self.resource, self.version, self.last_updated = resource, version, last_updated
        self.last_updated_ms = date_interval(last_updated)[0] if last_updated else 0
        self.cache = {}

    @property
    def key(self):
        return self.type + "/" + self.id

    def elements(self, parameter):
        return list(select(self.resource, parameter.path))

    def values(self, name, base):
        """The values of a parameter: token triples, strings, intervals, quantities, URIs or `Reference`s."""
        if name not in self.cache:
            parameter = knowledge.PARAMETERS[self.type][name]
            self.cache[name] = self._extract(parameter, base)
        return self.cache[name]

    def _extract(self, parameter, base):
        if parameter.name == "_lastUpdated":
            return [date_interval(self.last_updated)]
        if parameter.path == "special:deceased":
            alive = "deceasedDateTime" not in self.resource and not self.resource.get("deceasedBoolean", False)
            return [(None, "false" if alive else "true", BARE)]
        return extract(self.resource, parameter.kind, parameter.path, base)


def extract(node, kind, path, base):
    """The values of one parameter of one kind below `node`."""
    found = []
    for element, wanted in select(node, path):
        if kind == "token":
            found.extend(_tokens(element, path))
        elif kind == "string":
            found.extend(_strings(element, path))
        elif kind == "uri":
            found.append(element)
        elif kind == "date":
            if isinstance(element, str):
                found.append(date_interval(element))
            elif "event" in element or "repeat" in element:
                interval = _timing_interval(element)
                found.extend([interval] if interval else [])
            else:
                found.append(_period_interval(element))
        elif kind == "quantity":
            if "value" in element:
                found.append((Decimal(str(element["value"])), element.get("system"), element.get("code"), element.get("unit")))
        elif kind == "reference":
            reference = Reference(element, base)
            if wanted is None or reference.type == wanted:
                found.append(reference)
    return found


# ---------------------------------------------------------------- matching one value

def match_token(query, tokens):
    form = query[0]
    for system, code, kinds in tokens:
        if form == "code" and code == query[1]:
            return YES
        if form == "system-code" and (system, code) == query[1:]:
            return YES
        if form == "no-system" and not system and code == query[1]:
            return YES
        if form == "system" and system == query[1]:
            return YES
        if form == "of-type" and code == query[3] and kinds and (query[1], query[2]) in kinds:
            return YES
    return NO


def match_string(query, modifier, strings):
    for text in strings:
        if modifier == "exact":
            hit = text == query
        elif modifier == "contains":
            hit = fold(query) in fold(text)
        else:
            hit = fold(text).startswith(fold(query))
        if hit:
            return YES
    return NO


def match_date(prefix, interval, targets, now_ms):
    """R4 §3.1.1.4.7 word for word: containment for eq/ne, overlap with the range above or below for the others."""
    low, high = interval
    best = NO
    for target_low, target_high in targets:
        contained = low <= target_low and target_high <= high
        if prefix in ("", "eq"):
            hit = contained
        elif prefix == "ne":
            hit = not contained
        elif prefix == "gt":
            hit = target_high > high
        elif prefix == "lt":
            hit = target_low < low
        elif prefix == "ge":
            hit = target_high > high or contained
        elif prefix == "le":
            hit = target_low < low or contained
        elif prefix == "sa":
            hit = target_low >= high
        elif prefix == "eb":
            hit = target_high <= low
        else:  # ap
            if target_low < high and low < target_high:
                return YES
            slack = abs(now_ms - low) // 4 + 86_400_000
            if target_low < high + slack and low - slack < target_high:
                best = max(best, MAYBE)
            continue
        if hit:
            return YES
    return best


def half_step(text):
    """Half a unit of the last digit written: 5.4 -> 0.05, 100 -> 0.5."""
    return Decimal(1).scaleb(Decimal(text).as_tuple().exponent) / 2


def match_quantity(query, quantities):
    """query = (prefix, number text, system or None, code or None); a code without system also meets the printed unit."""
    prefix, text, system, code = query
    wanted, best = Decimal(text), NO
    for value, target_system, target_code, unit in quantities:
        if system is not None:
            if (target_system, target_code) != (system, code):
                continue
        elif code is not None and code not in (target_code, unit):
            continue
        half = half_step(text)
        within = wanted - half <= value < wanted + half
        if prefix in ("", "eq"):
            hit = within
        elif prefix == "ne":
            hit = not within
        elif prefix in ("gt", "sa"):
            hit = value > wanted
        elif prefix in ("lt", "eb"):
            hit = value < wanted
        elif prefix == "ge":
            hit = value >= wanted
        elif prefix == "le":
            hit = value <= wanted
        else:  # ap
            distance, tenth = abs(value - wanted), abs(wanted) / 10
            if distance < tenth or distance == 0:
                return YES
            best = max(best, MAYBE if distance <= tenth + half * 2 else NO)
            continue
        if hit:
            return YES
    return best


def match_reference(query, references):
    """query = ("id", id) | ("local", Type, id) | ("url", url) | ("identifier", token form)"""
    best = NO
    for reference in references:
        form = query[0]
        if form == "id" and reference.id == query[1]:
            return YES
        if form == "local" and (reference.type, reference.id) == query[1:]:
            return YES
        if form == "url" and reference.url == query[1]:
            return YES
        if form == "identifier" and match_token(query[1], reference.identifiers) == YES:
            return YES
    return best


# ---------------------------------------------------------------- the world

class World:
    """Every current resource, by type and id, as one caller may see it."""

    def __init__(self, base):
        self.base = base
        self.records = {name: {} for name in knowledge.TYPES}
        self.allowed = None  # None: all types

    def restricted(self, allowed):
        """The same data seen by a caller whose grants name only these types."""
        view = World(self.base)
        view.records, view.allowed = self.records, set(allowed)
        return view

    def of_type(self, type_name):
        if self.allowed is not None and type_name not in self.allowed:
            return {}
        return self.records.get(type_name, {})

    def get(self, key):
        type_name, _, identity = key.partition("/")
        return self.of_type(type_name).get(identity)

    def put(self, record):
        self.records[record.type][record.id] = record

    def remove(self, key):
        type_name, _, identity = key.partition("/")
        self.records[type_name].pop(identity, None)

    def count(self):
        return sum(len(records) for records in self.records.values())

    def targets(self, record, name, only=None):
        """The stored resources that a reference parameter of `record` points at."""
        for reference in record.values(name, self.base):
            if reference.type and (only is None or reference.type == only):
                target = self.of_type(reference.type).get(reference.id)
                if target is not None:
                    yield target
