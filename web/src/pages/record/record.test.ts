import { describe, expect, it } from "vitest";

import type { TimelineEntry, TrendPoint } from "../../api/types.ts";
import { markOfResult } from "../../format/result.ts";
import { speakIn } from "../../words/index.ts";
import { byDay } from "./days.ts";
import { detailOf, groupName, timesOf } from "./entries.ts";
import { kindsOf } from "./kinds.ts";
import { drawable, roundStep } from "./series.ts";

const entry = (type: string, date: string | null, id: string, detail?: string): TimelineEntry => ({
  type,
  date,
  id,
  ...(detail ? { detail } : {}),
});

describe("the timeline", () => {
  it("puts entries under years and days, encounters first, and loses none", () => {
    const entries = [
      entry("Observation", "2024-03-05T08:05:00+08:00", "a"),
      entry("Encounter", "2024-03-05T08:00:00+08:00", "b"),
      entry("Observation", "2024-03-05T07:05:00+08:00", "c"),
      entry("Observation", "2023-12-31T17:00:00Z", "d"),
      entry("Condition", "2022", "e"),
      entry("Procedure", null, "f"),
    ];
    const years = byDay(entries);
    expect(years.map((year) => [year.year, year.days.map((day) => day.date)])).toEqual([
      ["2024", ["2024-03-05", "2024-01-01"]],
      ["2022", ["2022"]],
      ["", [""]],
    ]);
    expect(years[0]?.days[0]?.groups.map((group) => group.entries.map((one) => one.id).join())).toEqual(["b", "a,c"]);
    const all = years.flatMap((year) => year.days.flatMap((day) => day.groups.flatMap((group) => group.entries)));
    expect(all.length).toBe(entries.length);
  });

  it("tidies quantities and names statuses", () => {
    const zh = speakIn("zh");
    expect(detailOf(entry("Observation", "", "a", "Systolic 120.0 mm[Hg] · Diastolic 80 mm[Hg]"), zh)).toBe(
      "Systolic 120.0 mmHg · Diastolic 80 mmHg",
    );
    expect(detailOf(entry("Observation", "", "a", "27.9153846 kg/m2"), zh)).toBe("27.915 kg/m²");
    expect(detailOf(entry("Observation", "", "a", "<0.5 mmol/L"), zh)).toBe("<0.5 mmol/L");
    expect(detailOf(entry("Observation", "", "a", "≥1000 10*9/L"), zh)).toBe("≥1000 10⁹/L");
    expect(detailOf(entry("Observation", "", "a", "Never smoker"), zh)).toBe("Never smoker");
    expect(detailOf(entry("Observation", "", "a", "true"), zh)).toBe("是");
    expect(detailOf(entry("DiagnosticReport", "", "a", "8"), zh)).toBe("8 项结果");
    expect(detailOf(entry("DiagnosticReport", "", "a", "0"), zh)).toBe("");
    expect(detailOf(entry("Procedure", "", "a", "completed"), zh)).toBe("");
    expect(detailOf(entry("Procedure", "", "a", "not-done"), zh)).toBe("未执行");
    expect(detailOf(entry("Condition", "", "a", "resolved"), zh)).toBe("已愈");
    expect(detailOf(entry("Procedure", "", "a", "每日一次"), zh)).toBe("每日一次");
    expect(detailOf(entry("Procedure", "", "a"), zh)).toBe("");
  });

  it("says a shared time once", () => {
    const entries = ["08:05", "08:05", "08:10"].map((time, at) =>
      entry("Observation", `2024-03-05T${time}:00+08:00`, String(at)),
    );
    expect([...timesOf(entries).values()]).toEqual(["08:05", "", "08:10"]);
  });

  it("keeps what was noted apart from what was measured", () => {
    const noted = { ...entry("Observation", "2024-03-05", "b"), kind: "notes" };
    const measured = { ...entry("Observation", "2024-03-05", "a"), kind: "results" };
    const groups = byDay([measured, noted, measured])[0]?.days[0]?.groups ?? [];
    expect(groups.map((group) => [group.kind, group.entries.length])).toEqual([
      ["results", 2],
      ["notes", 1],
    ]);
    expect(groups.map((group) => groupName(group, speakIn("zh")))).toEqual(["检验检查结果", "病史记述"]);
  });

  it("asks for kinds in one order", () => {
    expect(kindsOf(new Set())).toEqual([]);
    expect(kindsOf(new Set(["results", "encounters"]))).toEqual(["encounters", "results"]);
  });
});

describe("the trend", () => {
  it("draws the points of one unit, oldest first, and counts the rest", () => {
    const point = (date: string, value: string, unit: string | null) => ({ date, value, unit, id: date });
    const { drawn, otherUnits, words } = drawable({
      code: "x",
      unit: "mmol/L",
      points: [
        point("2024-03-05", "6.10", "mmol/L"),
        point("2023", "5.9", null),
        point("2022-01-01", "108", "mg/dL"),
        point("2021-01-01", "阴性", "mmol/L"),
        point("2020-01-01", "<0.5", "mmol/L"),
        point("不详", "5", "mmol/L"),
      ],
    });
    expect(drawn.map((one) => [one.date, one.number])).toEqual([
      ["2023", 5.9],
      ["2024-03-05", 6.1],
    ]);
    expect(otherUnits).toBe(1);
    expect(words, "negative and below a bound: in the table, not on the line").toBe(2);
  });

  it("is judged point by point as the results table judges", () => {
    const point: TrendPoint = { date: "2024-03-05", value: "9", high: "5", id: "a" };
    expect(markOfResult(point)).toBe("high");
    expect(markOfResult({ ...point, flag: "N" })).toBeUndefined();
    expect(markOfResult({ ...point, flag: "LL" })).toBe("critical-low");
    const { high: _, ...without } = point;
    expect(markOfResult(without), "no range of another institution's").toBeUndefined();
  });

  it.each([
    [0.3, 0.5],
    [0.07, 0.1],
    [1, 1],
    [1.1, 2],
    [17, 20],
    [60, 100],
  ])("counts in steps: %s becomes %s", (rough, step) => expect(roundStep(rough)).toBe(step));
});
