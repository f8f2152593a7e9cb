"""Seeded random queries, drawn from the data so that most of them find something."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import knowledge
from clauses import Chain, Has, Plain, Query
from world import BARE, EPOCH, FOREVER, LOCAL, Number, date_interval, extract, select

DATE_PREFIXES = ("", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
NUMBER_PREFIXES = ("", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
WEIGHTS = {"Observation": 8, "Patient": 5, "Encounter": 4, "Condition": 3, "MedicationRequest": 3, "DiagnosticReport": 3, "Procedure": 2}


def escape(text):
    return text.replace("\\", "\\\\").replace(",", "\\,").replace("$", "\\$").replace("|", "\\|")


class Generator:
    """Makes queries over a world. The same seed over the same world makes the same queries."""

    def __init__(self, rng, world):
        self.rng, self.world = rng, world

    # ------------------------------------------------------------ choices

    def type_name(self):
        names = [t for t in knowledge.TYPES if self.world.records[t]]
        return self.rng.choices(names, [WEIGHTS.get(t, 1) for t in names])[0]

    def record(self, type_name):
        records = self.world.records[type_name]
        crafted = [r for k, r in records.items() if k.startswith("k-")]
        # crafted resources hold the edge cases: ask about them as often as about the bulk
        pool = crafted if crafted and self.rng.random() < 0.5 else list(records.values())
        return self.rng.choice(pool) if pool else None

    def parameter(self, record, kinds=None):
        """A parameter of the record's type, mostly one that it has a value for."""
        table = knowledge.PARAMETERS[record.type]
        names = sorted(n for n in table if kinds is None or table[n].kind in kinds)
        if not names:
            return None
        filled = [n for n in names if record.values(n, self.world.base)]
        if filled and self.rng.random() < 0.8:
            names = filled
        if len(names) > 4 and self.rng.random() < 0.8:
            names = [n for n in names if not n.startswith("_")]
        return table[self.rng.choice(names)]

    # ------------------------------------------------------------ clauses

    def clause(self, record, depth=0):
        roll = self.rng.random()
        if depth < 3 and roll < (0.16 if depth == 0 else 0.25):
            made = self.chain(record, depth)
        elif depth < 2 and roll < (0.24 if depth == 0 else 0.30):
            made = self.has(record, depth)
        elif roll < 0.30 and record.type in knowledge.COMPOSITES:
            made = self.composite(record)
        else:
            made = None
        return made or self.plain(record)

    def chain(self, record, depth):
        parameter = self.parameter(record, {"reference"})
        if parameter is None or not parameter.targets:
            return None
        targets = list(self.world.targets(record, parameter.name))
        if not targets:
            return None
        target = self.rng.choice(targets)
        inner = self.clause(target, depth + 1)
        typed = len(parameter.targets) > 1 and (self.rng.random() < 0.7 or not isinstance(inner, Plain) or inner.name.startswith("_"))
        return Chain(parameter.name, target.type if typed else None, inner)

    def has(self, record, depth):
        sources = [(t, p) for t in knowledge.TYPES for p in knowledge.PARAMETERS[t].values()
                   if p.kind == "reference" and record.type in p.targets and self.world.records[t]]
        if not sources:
            return None
        for _ in range(6):
            type_name, parameter = self.rng.choice(sources)
            source = self.record(type_name)
            if any(v.type == record.type for v in source.values(parameter.name, self.world.base)):
                return Has(type_name, parameter.name, self.clause(source, depth + 1))
        return None

    def composite(self, record):
        name = self.rng.choice(sorted(knowledge.COMPOSITES[record.type]))
        roots, first, second = knowledge.COMPOSITES[record.type][name]
        values = []
        for candidate in [record] + [self.record(record.type) for _ in range(12)]:
            for root in roots:
                for node in ([candidate.resource] if not root else [e for e, _ in select(candidate.resource, root)]):
                    one = extract(node, first[0], first[1], self.world.base)
                    two = extract(node, second[0], second[1], self.world.base)
                    if one and two:
                        pair = (self.value(first[0], self.rng.choice(one), ""), self.value(second[0], self.rng.choice(two), ""))
                        if None not in pair:
                            values.append((pair[0][0] + "$" + pair[1][0], (pair[0][1], pair[1][1])))
        if not values:
            return None
        return Plain(record.type, name, "", self.some(values))

    def some(self, values):
        count = self.rng.choices((1, 2, 3), (75, 18, 7))[0]
        return [self.rng.choice(values) for _ in range(min(count, len(values)))]

    def plain(self, record):
        for _ in range(20):
            made = self._plain(record)
            if made is not None:
                return made
        return Plain(record.type, "_id", "", [(record.id, ("code", record.id))])

    def _plain(self, record):
        parameter = self.parameter(record)
        kind, name = parameter.kind, parameter.name
        if self.rng.random() < 0.07 and name not in ("_id", "_lastUpdated", "deceased"):
            flag = self.rng.random() < 0.5
            return Plain(record.type, name, "missing", [("true" if flag else "false", flag)])
        pool = []
        for candidate in [record] + [self.record(record.type) for _ in range(4)]:
            values = candidate.values(name, self.world.base)
            pool.extend(self.rng.sample(values, min(3, len(values))))
        if not pool:
            return None
        modifier = self.modifier(kind, name, pool)
        made = [self.value(kind, value, modifier) for value in self.some(pool)]
        made = [m for m in made if m is not None]
        return Plain(record.type, name, self.shown_modifier(kind, modifier, made, parameter), made) if made else None

    def modifier(self, kind, name, pool):
        roll = self.rng.random()
        if kind == "token" and name != "_id":
            if roll < 0.12:
                return "not"
            if roll < 0.3 and any(kinds for _, _, kinds in pool):
                return "of-type"
        if kind == "string":
            return "exact" if roll < 0.2 else "contains" if roll < 0.45 else ""
        if kind == "reference" and roll < 0.35:
            return "identifier" if any(v.identifiers for v in pool) and roll < 0.25 else "typed"
        return ""

    def shown_modifier(self, kind, modifier, made, parameter):
        if modifier != "typed":
            return modifier
        # `subject:Patient=1`: only when every alternative is of one type
        types = {query[1] for _, query in made if query[0] == "local"}
        if len(types) != 1 or any(query[0] != "local" for _, query in made) or not types <= set(parameter.targets):
            return ""
        for index, (_, query) in enumerate(made):
            made[index] = (query[2], query)
        return types.pop()

    # ------------------------------------------------------------ values

    def value(self, kind, value, modifier):
        """One query value near a value that exists: (text, meaning) or None."""
        return getattr(self, "_" + kind)(value, modifier)

    def _token(self, value, modifier):
        system, code, kinds = value
        roll = self.rng.random()
        if modifier == "of-type":
            if not kinds or code is None:
                return None
            type_system, type_code = self.rng.choice(kinds)
            if not type_system or not type_code:
                return None
            return (f"{escape(type_system)}|{escape(type_code)}|{escape(code)}", ("of-type", type_system, type_code, code))
        if code is None or (system and roll < 0.06):
            return (escape(system) + "|", ("system", system)) if system else None
        if roll < 0.1:
            code = code + "x"
        if kinds == BARE or (roll < 0.55 and not (roll > 0.5 and not system)):
            return (escape(code), ("code", code))
        if not system or roll < 0.6:
            return ("|" + escape(code), ("no-system", code))
        return (f"{escape(system)}|{escape(code)}", ("system-code", system, code))

    def _string(self, value, modifier):
        text = value.strip()
        if not text:
            return None
        roll = self.rng.random()
        if modifier == "exact":
            text = value if roll < 0.75 else value.swapcase()
        elif modifier == "contains":
            start = self.rng.randrange(len(text))
            text = text[start:start + self.rng.randint(1, 8)]
        elif roll < 0.8:
            text = text[:self.rng.randint(1, max(1, min(len(text), 12)))]
        if modifier != "exact":
            text = text.upper() if roll < 0.2 else text.lower() if roll < 0.4 else text
            text = text.strip()
        return (escape(text), text) if text else None

    def _uri(self, value, _modifier):
        text = value if self.rng.random() < 0.9 else value + "/x"
        return (escape(text), text)

    def _date(self, value, _modifier):
        bounds = [b for b in value if abs(b) < FOREVER]
        if not bounds:
            return None
        at_ms = self.rng.choice(bounds) + self.rng.choice((0, 0, 0, -1, 1, 1000, -60_000, 3_600_000, -86_400_000, 40 * 86_400_000))
        moment = EPOCH + timedelta(milliseconds=at_ms)
        text = self.date_text(moment)
        prefix = self.rng.choice(DATE_PREFIXES)
        try:
            return (prefix + text, (prefix, date_interval(text)))
        except ValueError:
            return None

    def date_text(self, moment):
        local = moment.astimezone(LOCAL)
        shape = self.rng.choices(("year", "month", "day", "minute", "second", "millisecond", "floating"), (2, 3, 5, 2, 3, 2, 1))[0]
        if shape == "year":
            return f"{local.year:04}"
        if shape == "month":
            return f"{local.year:04}-{local.month:02}"
        if shape == "day":
            return local.date().isoformat()
        if shape == "floating":
            return local.strftime("%Y-%m-%dT%H:%M:%S")
        zone = self.rng.choice((timezone.utc, timezone(timedelta(hours=8)), timezone(timedelta(hours=-5, minutes=-30))))
        there = moment.astimezone(zone)
        clock = {"minute": there.strftime("%H:%M"), "second": there.strftime("%H:%M:%S"),
                 "millisecond": there.strftime("%H:%M:%S.") + f"{there.microsecond // 1000:03}"}[shape]
        offset = there.strftime("%z")
        return f"{there.date().isoformat()}T{clock}" + ("Z" if zone is timezone.utc else offset[:3] + ":" + offset[3:])

    def _quantity(self, value, _modifier):
        number, system, code, unit = value
        step = Decimal(1).scaleb(number.as_tuple().exponent) if number.as_tuple().exponent <= 0 else Decimal(1)
        shown = number + self.rng.choice((0, 0, 0, 0, 1, -1, Decimal("0.5"))) * step
        if self.rng.random() < 0.25:
            shown = shown.quantize(Decimal(1)) if self.rng.random() < 0.5 else round(shown, 1)
        text = format(shown, "f")
        prefix = self.rng.choice(NUMBER_PREFIXES)
        roll = self.rng.random()
        if roll < 0.5 or not code:
            return (prefix + text, (prefix, text, None, None))
        if roll < 0.8 and system:
            return (f"{prefix}{text}|{escape(system)}|{escape(code)}", (prefix, text, system, code))
        shown_unit = unit if unit and self.rng.random() < 0.3 else code
        return (f"{prefix}{text}||{escape(shown_unit)}", (prefix, text, None, shown_unit))

    def _reference(self, value, modifier):
        if modifier == "identifier":
            if not value.identifiers:
                return None
            text, meaning = self._token(self.rng.choice(value.identifiers), "") or (None, None)
            return (text, ("identifier", meaning)) if text else None
        if value.type is None:
            return (escape(value.url), ("url", value.url)) if value.url else None
        roll = self.rng.random()
        if modifier != "typed" and roll < 0.3:
            return (value.id, ("id", value.id))
        meaning = ("local", value.type, value.id)
        if modifier != "typed" and roll > 0.9:
            return (f"{self.world.base}/{value.type}/{value.id}", meaning)
        return (f"{value.type}/{value.id}", meaning)

    # ------------------------------------------------------------ queries

    def matching(self, type_name=None):
        """Clauses only."""
        type_name = type_name or self.type_name()
        pivot = self.record(type_name)
        count = self.rng.choices((0, 1, 2, 3, 4), (2, 45, 33, 15, 5))[0]
        made = [self.clause(pivot if self.rng.random() < 0.85 else self.record(type_name)) for _ in range(count)]
        return Query(type_name, made, post=self.rng.random() < 0.08)

    def sort(self, type_name):
        table = knowledge.PARAMETERS[type_name]
        names = [n for n, p in table.items() if p.kind in ("date", "string", "quantity") or n in ("_id", "status", "gender")]
        names = [n for n in names if not n.startswith("address") and n != "name" and n != "udi-carrier"]
        picked = self.rng.sample(sorted(names), self.rng.choice((1, 1, 2)) if len(names) > 1 else 1)
        return ",".join(self.rng.choice(("", "-")) + n for n in picked)

    def includes(self, query):
        """`_include` and `_revinclude` directives that exist for the type, perhaps iterated."""
        controls, type_name = [], query.type_name
        own = [n for n, p in knowledge.PARAMETERS[type_name].items() if p.kind == "reference" and p.targets]
        reverse = [(t, n) for t in knowledge.TYPES for n, p in knowledge.PARAMETERS[t].items()
                   if p.kind == "reference" and type_name in p.targets and self.world.records[t]]
        for _ in range(self.rng.choice((1, 1, 2))):
            if own and (self.rng.random() < 0.6 or not reverse):
                name = self.rng.choice(own)
                targets = knowledge.PARAMETERS[type_name][name].targets
                typed = self.rng.random() < 0.3
                target = self.rng.choice(targets)
                controls.append(("_include", f"{type_name}:{name}" + (":" + target if typed else "")))
                if self.rng.random() < 0.3:
                    further = [n for n, p in knowledge.PARAMETERS[target].items() if p.kind == "reference" and p.targets]
                    if further:
                        controls.append(("_include:iterate", f"{target}:{self.rng.choice(further)}"))
            elif reverse:
                source, name = self.rng.choice(reverse)
                controls.append(("_revinclude", f"{source}:{name}"))
        return controls


__all__ = ["Generator", "Number"]
