import { describe, expect, it } from "vitest";
import { rules, tables } from "virtual:rules";

import type { Problem, Receipt } from "../api/road.ts";
import type { Review } from "../api/audit.ts";
import type { AccessEntry } from "../api/types.ts";
import { launchOf } from "../launch.ts";
import { papersFirst } from "../parts/PersonLine.tsx";
import { speakIn } from "../words/index.ts";
import { withJudged } from "./audit/Reviews.tsx";
import { merged } from "./resident/Access.tsx";
import { moneyText, tagOf } from "./resident/Lists.tsx";
import { byInstitution } from "./road/Institutions.tsx";
import { gravestFirst } from "./road/Issues.tsx";
import { countByRule } from "./road/Problems.tsx";
import { today } from "./road/Uploads.tsx";
import { lagText, messageWords, sizeText, titleOfRule } from "./road/words.ts";

const zh = speakIn("zh");
const en = speakIn("en");

describe("the review of emergencies", () => {
  it("keeps what was judged just now in its place, once", () => {
    const review = (id: string, at: string, status: Review["status"]): Review =>
      ({ id, at, status, actor: "li", person: { id: "p" } }) as Review;
    const open = [review("a", "2026-11-20T08:00:00+08:00", "open"), review("c", "2026-11-22T08:00:00+08:00", "open")];
    const judged = [review("b", "2026-11-21T08:00:00+08:00", "justified")];
    expect(withJudged(open, judged).map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(withJudged([...open, ...judged], judged).map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });
});

describe("a prescription in the resident's list", () => {
  it("says when it was taken back, stopped or is over, and nothing when it holds", () => {
    expect(tagOf({ status: "active" }, zh)).toBeUndefined();
    expect(tagOf({ status: "completed" }, zh)).toBeUndefined();
    expect(tagOf({ status: "entered-in-error", standing: "entered-in-error" }, zh)).toBe("误录");
    expect(tagOf({ status: "cancelled", standing: "cancelled" }, zh)).toBe("已取消");
    expect(tagOf({ status: "stopped" }, zh)).toBe("已停");
    expect(tagOf({ status: "active", over: "supply" }, zh)).toBe("疗程已过");
  });
});

describe("what institutions send", () => {
  it("is named as the catalogue of rules and tables names it", () => {
    expect(Object.keys(rules).length).toBeGreaterThan(100);
    expect(tables["charge"]).toBe("收退费明细");
    expect(titleOfRule("table.empty", zh)).toBe("文件为空");
    expect(titleOfRule("table.empty", en)).toBe("The file is empty");
    expect(titleOfRule("somebody.elses.rule", zh)).toBe("somebody.elses.rule");
    expect(messageWords("table:charge", zh)).toBe("数据表 收退费明细");
    expect(messageWords("hl7v2:ORU^R01", en)).toBe("HL7 message ORU^R01");
    expect(messageWords("", zh)).toBe("类型不明");
  });

  it("is counted by the day in the place of the platform", () => {
    const receipt = (at: string, records: number): Receipt =>
      ({ received_ms: Date.parse(at), counts: { records, set_aside: 1, findings: 2 } }) as unknown as Receipt;
    const counted = today(
      [receipt("2026-11-22T00:10:00+08:00", 5), receipt("2026-11-21T23:50:00+08:00", 7)],
      "2026-11-22",
    );
    expect(counted).toEqual({ messages: 1, records: 5, setAside: 1, findings: 2 });
  });

  it("counts a rule once per record and lists the most frequent first", () => {
    const problem = (...names: string[]): Problem =>
      ({ issues: names.map((rule) => ({ rule, severity: "warning", path: "" })) }) as unknown as Problem;
    expect(countByRule([problem("a", "a"), problem("b", "a"), problem("b", "c"), problem("b")])).toEqual([
      ["b", 3],
      ["a", 2],
      ["c", 1],
    ]);
  });

  it("shows the gravest issue first and keeps the reader's order otherwise", () => {
    const issue = (severity: "information" | "error" | "fatal", path: string) => ({ rule: "r", severity, path });
    const sorted = gravestFirst([
      issue("information", "1"),
      issue("error", "2"),
      issue("fatal", "3"),
      issue("error", "4"),
    ]);
    expect(sorted.map((one) => one.path)).toEqual(["3", "2", "4", "1"]);
  });

  it("puts the sources of one institution together", () => {
    const found = byInstitution([
      { name: "b", institution: "2" },
      { name: "a", institution: "1", institution_name: "甲" },
      { name: "c", institution: "2" },
    ]);
    expect(found.map((one) => [one.name, one.sources.map((source) => source.name).join()])).toEqual([
      ["2", "b,c"],
      ["甲", "a"],
    ]);
  });

  it.each([
    [5, "5 秒"],
    [150, "3 分钟"],
    [7_200, "2 小时"],
    [259_200, "3 天"],
    [null, "—"],
  ])("%s seconds are %s", (seconds, text) => expect(lagText(seconds, zh)).toBe(text));

  it("has sizes that people read", () =>
    expect([12, 34_000, 5_600_000].map(sizeText)).toEqual(["12 B", "33 KB", "5.3 MB"]));
});

describe("what a resident sees", () => {
  const entry = (actor: string, minute: number, action: string, more: Partial<AccessEntry> = {}): AccessEntry => ({
    at: Date.UTC(2026, 10, 22, 7, minute),
    actor,
    action,
    outcome: "success",
    ...more,
  });

  it("tells requests of one person in a row as one look, and nothing else", () => {
    const looks = merged([
      entry("zhang", 30, "trend"),
      entry("zhang", 29, "summary"),
      entry("zhang", 29, "trend"),
      entry("zhang", 28, "summary", { emergency: true }),
      entry("zhang", 27, "summary", { outcome: "denied" }),
      entry("li", 26, "summary"),
      entry("zhang", 25, "summary"),
      entry("zhang", 1, "summary"),
    ]);
    expect(looks.map((look) => `${look.entry.actor} ${look.actions.join("+")}`)).toEqual([
      "zhang trend+summary",
      "zhang summary",
      "zhang summary",
      "li summary",
      "zhang summary",
      "zhang summary",
    ]);
  });

  it.each([
    ["60.00", "¥60.00"],
    [-25.8, "−¥25.80"],
    ["0", "¥0.00"],
    ["见明细", "见明细"],
    [null, ""],
  ])("money %s is %s", (amount, text) => expect(moneyText(amount)).toBe(text));

  it("names papers before the numbers of institutions", () => {
    const systems = [
      "urn:kangmai:institution:1:patient",
      "urn:oid:2.16.156.10011.1.3",
      "urn:kangmai:institution:2:card",
    ];
    const sorted = papersFirst(systems.map((system) => ({ system, masked: "*" })));
    expect(sorted.map((one) => one.system)).toEqual([systems[1], systems[0], systems[2]]);
  });
});

describe("a signed launch", () => {
  it("is read from its address, and only from one", () => {
    const search = "?institution=990100001&staff=1001&department=NK&visit=V1&at=1795330243&signature=ab";
    expect(launchOf({ pathname: "/launch", search })).toEqual({
      institution: "990100001",
      staff: "1001",
      department: "NK",
      visit: "V1",
      at: "1795330243",
      signature: "ab",
    });
    expect(launchOf({ pathname: "/", search: "" })).toBeUndefined();
    expect(launchOf({ pathname: "/", search: "?signature=x" })?.visit).toBe("");
  });
});
