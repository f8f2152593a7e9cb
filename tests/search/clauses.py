"""Search clauses as the oracle sees them: each can write itself as a query parameter and can test one record."""

import itertools
from urllib.parse import quote

import knowledge
from world import MAYBE, NO, YES, extract, match_date, match_quantity, match_reference, match_string, match_token, select


class Context:
    """What one evaluation shares: the view, the moment, and answers about chain targets already given."""

    def __init__(self, world, now_ms):
        self.world, self.now_ms, self.memo = world, now_ms, {}


def match_one(kind, modifier, query, values, context):
    """Does any of `values` meet one query value?"""
    if kind == "token":
        return match_token(query, values)
    if kind == "string":
        return match_string(query, modifier, values)
    if kind == "uri":
        return YES if query in values else NO
    if kind == "date":
        return match_date(query[0], query[1], values, context.now_ms)
    if kind == "quantity":
        return match_quantity(query, values)
    return match_reference(query, values)


class Plain:
    """`name:modifier=value,value`. `values` are pairs of the text sent and the meaning tested."""

    def __init__(self, type_name, name, modifier, values):
        self.type_name, self.name, self.modifier, self.values = type_name, name, modifier, values

    def key(self):
        return self.name + (":" + self.modifier if self.modifier else "")

    def text(self):
        return ",".join(text for text, _ in self.values)

    def simpler(self):
        """The same clause with one alternative less."""
        if len(self.values) > 1:
            for index in range(len(self.values)):
                yield Plain(self.type_name, self.name, self.modifier, self.values[:index] + self.values[index + 1:])

    def applies_to(self, type_name):
        return self.name in knowledge.PARAMETERS[type_name] or self.name in knowledge.COMPOSITES.get(type_name, {})

    def types(self):
        return set()

    def test(self, record, context):
        if self.name in knowledge.COMPOSITES.get(record.type, {}):
            return self._test_composite(record, context)
        parameter = knowledge.PARAMETERS[record.type][self.name]
        if self.modifier == "missing":
            missing = _missing(record, parameter, context.world.base)
            return missing if self.values[0][1] else YES - missing
        values = record.values(self.name, context.world.base)
        best = max((match_one(parameter.kind, self.modifier, query, values, context) for _, query in self.values), default=NO)
        return YES - best if self.modifier == "not" else best

    def _test_composite(self, record, context):
        roots, first, second = knowledge.COMPOSITES[record.type][self.name]
        nodes = list(itertools.chain.from_iterable(
            [record.resource] if not root else [element for element, _ in select(record.resource, root)] for root in roots))
        best = NO
        for node in nodes:
            one = extract(node, first[0], first[1], context.world.base)
            two = extract(node, second[0], second[1], context.world.base)
            for _, (query_one, query_two) in self.values:
                best = max(best, min(match_one(first[0], "", query_one, one, context), match_one(second[0], "", query_two, two, context)))
        return best


def _missing(record, parameter, base):
    values = record.values(parameter.name, base)
    if parameter.kind == "reference":
        if any(v.type or v.url or v.identifiers for v in values):
            return NO
        # a display text or a contained target is an element, yet nothing that an index could hold
        return MAYBE if values or record.elements(parameter) else YES
    if values:
        return NO
    if parameter.path.startswith("special:"):
        return NO
    return MAYBE if record.elements(parameter) else YES


class Chain:
    """`name:Type.inner`"""

    def __init__(self, name, only, inner):
        self.name, self.only, self.inner = name, only, inner

    def key(self):
        return f"{self.name}{':' + self.only if self.only else ''}.{self.inner.key()}"

    def text(self):
        return self.inner.text()

    def simpler(self):
        for inner in self.inner.simpler():
            yield Chain(self.name, self.only, inner)

    def applies_to(self, type_name):
        return self.name in knowledge.PARAMETERS[type_name]

    def types(self):
        return ({self.only} if self.only else set()) | self.inner.types()

    def test(self, record, context):
        best = NO
        for target in context.world.targets(record, self.name, self.only):
            if not self.inner.applies_to(target.type):
                continue
            mark = (id(self), target.key)
            if mark not in context.memo:
                context.memo[mark] = self.inner.test(target, context)
            best = max(best, context.memo[mark])
            if best == YES:
                break
        return best


class Has:
    """`_has:Type:reference:inner`"""

    def __init__(self, type_name, reference, inner):
        self.type_name, self.reference, self.inner = type_name, reference, inner

    def key(self):
        return f"_has:{self.type_name}:{self.reference}:{self.inner.key()}"

    def text(self):
        return self.inner.text()

    def simpler(self):
        for inner in self.inner.simpler():
            yield Has(self.type_name, self.reference, inner)

    def applies_to(self, type_name):
        return True

    def types(self):
        return {self.type_name} | self.inner.types()

    def test(self, record, context):
        mark = id(self)
        if mark not in context.memo:
            found = {}
            for source in context.world.of_type(self.type_name).values():
                hit = self.inner.test(source, context)
                if hit == NO:
                    continue
                for reference in source.values(self.reference, context.world.base):
                    if reference.type:
                        key = reference.type + "/" + reference.id
                        found[key] = max(found.get(key, NO), hit)
            context.memo[mark] = found
        return context.memo[mark].get(record.key, NO)


class Query:
    """A search: type, clauses, and the control parameters that shape the answer without changing what matches."""

    def __init__(self, type_name, clauses, controls=(), post=False):
        self.type_name, self.clauses, self.controls, self.post = type_name, list(clauses), list(controls), post

    def parameters(self):
        return [(c.key(), c.text()) for c in self.clauses] + list(self.controls)

    def encoded(self):
        return "&".join(f"{quote(k, safe=':')}={quote(v, safe='')}" for k, v in self.parameters())

    def __str__(self):
        text = "&".join(f"{k}={v}" for k, v in self.parameters())
        return ("POST " if self.post else "GET ") + f"{self.type_name}?{text}"

    def evaluate(self, world, now_ms):
        """What must and may match: key -> YES or MAYBE."""
        context, hits = Context(world, now_ms), {}
        for record in world.of_type(self.type_name).values():
            worst = YES
            for clause in self.clauses:
                worst = min(worst, clause.test(record, context))
                if worst == NO:
                    break
            if worst != NO:
                hits[record.key] = worst
        return hits

    def simpler(self):
        """Queries with one clause, one control or one alternative less: what the shrinker tries."""
        for index in range(len(self.clauses)):
            if len(self.clauses) > 1:
                yield Query(self.type_name, self.clauses[:index] + self.clauses[index + 1:], self.controls, self.post)
        for index in range(len(self.controls)):
            yield Query(self.type_name, self.clauses, self.controls[:index] + self.controls[index + 1:], self.post)
        if self.post:
            yield Query(self.type_name, self.clauses, self.controls, False)
        for index, clause in enumerate(self.clauses):
            for smaller in clause.simpler():
                yield Query(self.type_name, self.clauses[:index] + [smaller] + self.clauses[index + 1:], self.controls, self.post)
