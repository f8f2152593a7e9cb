#!/usr/bin/env python3
"""The oracle's own rules against examples of the R4 search page, by hand: python3 tests/search/test_world.py"""

import unittest

from world import MAYBE, NO, YES, Record, World, date_interval, fold, match_date, match_quantity, match_reference, match_string, match_token
from decimal import Decimal

DAY = 86_400_000


def date(prefix, query, target, now_ms=0):
    return match_date(prefix, date_interval(query), [date_interval(target)], now_ms)


class Dates(unittest.TestCase):
    def test_precision_and_offset(self):
        self.assertEqual(date_interval("1970-01-01T08:00:00+08:00"), (0, 1000))
        self.assertEqual(date_interval("1970-01-01T00:00Z"), (0, 60_000))
        self.assertEqual(date_interval("1970-01-01T00:00:00.120Z"), (120, 121))
        self.assertEqual(date_interval("1970-01-01"), (-8 * 3_600_000, 16 * 3_600_000))  # Asia/Shanghai
        self.assertEqual(date_interval("2000")[1] - date_interval("2000")[0], 366 * DAY)
        # summer time of 1986: the day of the change has 23 hours
        low, high = date_interval("1986-05-04")
        self.assertEqual(high - low, DAY - 3_600_000)

    def test_prefixes(self):
        # R4: eq2013-01-14 meets an instant on that day, and not a period that is wider than the day
        self.assertEqual(date("", "2013-01-14", "2013-01-14T10:00:00+08:00"), YES)
        self.assertEqual(date("", "2013-01-14", "2013-01"), NO)
        self.assertEqual(date("ne", "2013-01-14", "2013-01"), YES)
        self.assertEqual(date("lt", "2013-01-14T10:00:00+08:00", "2013-01-14"), YES)
        self.assertEqual(date("gt", "2013-01-14T10:00:00+08:00", "2013-01-14"), YES)
        self.assertEqual(date("ge", "2013-03-14", "2013-03-14"), YES)
        self.assertEqual(date("sa", "2013-03-14", "2013-03-14"), NO)
        self.assertEqual(date("sa", "2013-03-14", "2013-03-15"), YES)
        self.assertEqual(date("eb", "2013-03-14", "2013-03-13"), YES)
        self.assertEqual(date("ap", "2013-03-14", "2013-03-14"), YES)
        self.assertEqual(date("ap", "2013-03-14", "2013-03-15", now_ms=date_interval("2026")[0]), MAYBE)
        self.assertEqual(date("ap", "2013-03-14", "1950", now_ms=date_interval("2026")[0]), NO)

    def test_open_periods(self):
        record = Record({"resourceType": "Encounter", "id": "1", "period": {"start": "2020-01-01"}}, 1, None)
        values = record.values("date", "")
        self.assertEqual(match_date("gt", date_interval("2050"), values, 0), YES)
        self.assertEqual(match_date("", date_interval("2020"), values, 0), NO)


class Values(unittest.TestCase):
    def test_quantities(self):
        target = [(Decimal("5.40"), "http://unitsofmeasure.org", "mg", "milligram")]
        for query, hit in (("5.4", YES), ("5.40", YES), ("5.400", YES), ("5.3", NO), ("5", YES), ("6", NO)):
            self.assertEqual(match_quantity(("", query, None, None), target), hit, query)
        self.assertEqual(match_quantity(("gt", "5.4", None, None), target), NO)
        self.assertEqual(match_quantity(("ge", "5.4", None, "milligram"), target), YES)
        self.assertEqual(match_quantity(("", "5.4", "http://other", "mg"), target), NO)
        self.assertEqual(match_quantity(("ap", "5.5", None, None), target), YES)
        # 100 stands for 99.5 up to, and without, 100.5
        self.assertEqual([match_quantity(("", "100", None, None), [(Decimal(v), None, None, None)]) for v in ("99.5", "100.4", "100.5")], [YES, YES, NO])

    def test_strings(self):
        self.assertEqual(fold("Müller"), fold("MULLER"))
        self.assertEqual(match_string("mul", "", ["Müller"]), YES)
        self.assertEqual(match_string("ller", "", ["Müller"]), NO)
        self.assertEqual(match_string("ller", "contains", ["Müller"]), YES)
        self.assertEqual(match_string("muller", "exact", ["Müller"]), NO)
        self.assertEqual(match_string("小", "", ["小明"]), YES)

    def test_tokens(self):
        tokens = [("s", "a", None), (None, "b", None), ("s", "c", [("t", "MR")])]
        for query, hit in ((("code", "a"), YES), (("system-code", "s", "b"), NO), (("no-system", "b"), YES), (("no-system", "a"), NO), (("system", "s"), YES),
                           (("of-type", "t", "MR", "c"), YES), (("of-type", "t", "NI", "c"), NO)):
            self.assertEqual(match_token(query, tokens), hit, query)

    def test_references_and_missing(self):
        resource = {"resourceType": "Observation", "id": "1", "subject": {"reference": "http://here/fhir/Patient/7/_history/2"},
                    "performer": [{"reference": "http://other/fhir/Practitioner/1"}, {"display": "somebody"}]}
        record = Record(resource, 1, None)
        self.assertEqual(match_reference(("local", "Patient", "7"), record.values("patient", "http://here/fhir")), YES)
        self.assertEqual(match_reference(("id", "1"), record.values("performer", "http://here/fhir")), NO)
        self.assertEqual(match_reference(("url", "http://other/fhir/Practitioner/1"), record.values("performer", "http://here/fhir")), YES)
        self.assertEqual(Record({"resourceType": "Patient", "id": "1"}, 1, None).values("deceased", "")[0][1], "false")
        self.assertEqual(World("").count(), 0)


if __name__ == "__main__":
    unittest.main()
