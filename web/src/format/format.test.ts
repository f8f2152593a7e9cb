import { describe, expect, it } from "vitest";

import { speakIn } from "../words/index.ts";
import { ageOfPerson, ageOn, ageText } from "./age.ts";
import { day, instantMs, minute, readTypedDate, second, timeOfDay } from "./date.ts";
import { newestFirst } from "./order.ts";
import { mark, markOfResult, numeric, rangeText, unitText, unusualStatus, valueText } from "./result.ts";

const zh = speakIn("zh");

describe("dates", () => {
  it.each([
    ["2024-03-05", "2024-03-05", "2024-03-05"],
    ["2024-03", "2024-03", "2024-03"],
    ["2024", "2024", "2024"],
    ["2024-03-05T16:05:09Z", "2024-03-06", "2024-03-06 00:05"],
    ["2024-03-05T08:05:09.120+08:00", "2024-03-05", "2024-03-05 08:05"],
    ["1959-07-30T11:21:06+01:00", "1959-07-30", "1959-07-30 18:21"],
    ["2024-03-05T08:05:00", "2024-03-05", "2024-03-05 08:05"],
    // China kept summer time in 1986–91: this instant was 09:05 on the wall.
    ["1988-07-01T00:05:00Z", "1988-07-01", "1988-07-01 09:05"],
    ["不详", "不详", "不详"],
    ["", "", ""],
  ])("%s is shown as %s and %s", (value, asDay, asMinute) => {
    expect(day(value)).toBe(asDay);
    expect(minute(value)).toBe(asMinute);
  });

  it("says nothing where nothing is known", () => {
    expect(day(null)).toBe("");
    expect(minute(undefined)).toBe("");
    expect(timeOfDay("2024-03-05")).toBe("");
    expect(timeOfDay("2024-03-05T00:00:00+08:00")).toBe("");
    expect(timeOfDay("2024-03-05T08:05:00+08:00")).toBe("08:05");
    expect(second(0)).toBe("1970-01-01 08:00:00");
  });

  it.each([
    ["19680312", "1968-03-12"],
    ["1968-3-12", "1968-03-12"],
    ["1968/03/12", "1968-03-12"],
    ["1968.3.12", "1968-03-12"],
    ["1968年3月12日", "1968-03-12"],
    ["１９６８０３１２", "1968-03-12"],
    [" 2024-02-29 ", "2024-02-29"],
    ["1968", "1968"],
    ["1968-3", "1968-03"],
    ["1968年3月", "1968-03"],
    ["2023-02-29", undefined],
    ["1968-13-01", undefined],
    ["1968-13", undefined],
    ["1968-00", undefined],
    ["0001-01-01", undefined],
    ["03/12/1968", undefined],
    ["一九六八", undefined],
  ])("typed %s is read as %s", (typed, read) => expect(readTypedDate(typed)).toBe(read));

  it("places partial dates at their beginning on an axis", () => {
    expect(instantMs("2024")).toBe(Date.parse("2024-01-01T00:00:00+08:00"));
    expect(instantMs("2024-03")).toBe(Date.parse("2024-03-01T00:00:00+08:00"));
    expect(instantMs("2024-03-05")).toBe(Date.parse("2024-03-05T00:00:00+08:00"));
    expect(instantMs("2024-03-05T00:00:00Z")).toBe(Date.parse("2024-03-05T08:00:00+08:00"));
  });
});

describe("ages", () => {
  it.each([
    ["1968-03-12", "2026-03-11", "57 岁"],
    ["1968-03-12", "2026-03-12", "58 岁"],
    ["2004-02-29", "2026-02-28", "21 岁"],
    ["2024-11-22", "2026-11-21", "23 个月"],
    ["2024-11-21", "2026-11-21", "2 岁"],
    ["2026-11-01", "2026-11-21", "20 天"],
    ["2026-11-21", "2026-11-21", "0 天"],
    ["2026-10-20", "2026-11-21", "1 个月"],
    ["1949", "2026-11-21", "77 岁"],
    ["1949-10", "2026-09-30", "76 岁"],
    ["2027-01-01", "2026-11-21", ""],
    ["", "2026-11-21", ""],
    ["不详", "2026-11-21", ""],
  ])("born %s, on %s: %s", (birth, on, text) => expect(ageText(ageOn(birth, on), zh)).toBe(text));

  it("stops at death", () => {
    expect(ageOfPerson({ birth_date: "1940-01-01", deceased: "2020-06-01T00:00:00Z" }, "2026-11-21", zh)).toBe(
      "终年 80 岁",
    );
    expect(ageOfPerson({ birth_date: "1940-01-01", deceased: true }, "2026-11-21", zh)).toBe("");
    expect(ageOfPerson({ birth_date: "1940-01-01", deceased: false }, "2026-11-21", zh)).toBe("86 岁");
  });
});

describe("order", () => {
  it("is by day, newest first, then by name, and leaves the list alone", () => {
    const list = [
      { title: "乙", date: "2024-03-05T08:00:00+08:00" },
      { title: "甲", date: "2024-03-05T07:00:00+08:00" },
      { title: "undated" },
      { title: "old", date: "2023" },
      { title: "new", date: "2024-03-06" },
    ];
    expect(newestFirst(list).map((one) => one.title)).toEqual(["new", "甲", "乙", "old", "undated"]);
    expect(list[0]?.title).toBe("乙");
  });
});

describe("what the laboratory judged", () => {
  it("stands, a normal value outside its printed range included", () => {
    const of = (flag: "N" | "H" | "HH" | "LL" | "AA" | null) => markOfResult({ flag, value: "9", low: "1", high: "5" });
    expect(of("N")).toBeUndefined();
    expect([of("H"), of("HH"), of("LL"), of("AA")]).toEqual(["high", "critical-high", "critical-low", "critical"]);
    expect(of(null)).toBe("high");
  });

  it("is not made up for a bound", () => {
    expect(markOfResult({ value: "<0.5", low: "1", high: "5" })).toBeUndefined();
    expect(markOfResult({ flag: "H", value: ">1000", high: "10" })).toBe("high");
  });

  it("goes without saying only when it is final", () => {
    expect(["final", null, undefined].map(unusualStatus)).toEqual([undefined, undefined, undefined]);
    expect(["preliminary", "corrected"].map(unusualStatus)).toEqual(["preliminary", "corrected"]);
  });
});

describe("results", () => {
  it.each([
    ["6.0", "6.0"],
    ["120", "120"],
    ["27.915384615384614", "27.915"],
    ["0.00004213", "0.0000421"],
    ["1.2e-7", "1.2e-7"],
    ["<0.5", "<0.5"],
    ["阴性(-)", "阴性(-)"],
    [5, "5"],
    [true, "true"],
    [null, ""],
  ])("%s is shown as %s", (value, text) => expect(valueText(value)).toBe(text));

  it.each([
    ["3.5", 3.5],
    ["-1", -1],
    ["+2.50", 2.5],
    ["1e3", 1000],
    ["<0.5", undefined],
    ["3.5~9.5", undefined],
    ["", undefined],
    [" 7 ", 7],
    [Number.NaN, undefined],
  ])("the number in %s is %s", (value, number) => expect(numeric(value)).toBe(number));

  it.each([
    ["mm[Hg]", "mmHg"],
    ["10*3/uL", "10³/µL"],
    ["10^9/L", "10⁹/L"],
    ["umol/L", "µmol/L"],
    ["u[IU]/mL", "uIU/mL"],
    ["{score}", "score"],
    ["/min", "/min"],
    ["kg/m2", "kg/m²"],
    ["mL/min/{1.73_m2}", "mL/min/1.73 m²"],
    ["Cel", "℃"],
    ["1", ""],
    [null, ""],
    ["单位", "单位"],
  ])("the unit %s is shown as %s", (unit, text) => expect(unitText(unit)).toBe(text));

  it.each([
    ["3.5", "9.5", "3.5–9.5"],
    ["90", null, "≥ 90"],
    [undefined, "5.18", "≤ 5.18"],
    [null, undefined, ""],
  ])("the range %s to %s is shown as %s", (low, high, text) => expect(rangeText(low, high)).toBe(text));

  it.each([
    ["10", "3.5", "9.5", "high"],
    ["9.5", "3.5", "9.5", undefined],
    ["3.5", "3.5", "9.5", undefined],
    ["3.4", "3.5", "9.5", "low"],
    ["3.4", null, "9.5", undefined],
    ["99", null, null, undefined],
    ["阳性", "3.5", "9.5", undefined],
    [">20", "3.5", "9.5", undefined],
  ])("%s in %s to %s is marked %s", (value, low, high, expected) => expect(mark(value, low, high)).toBe(expected));
});
