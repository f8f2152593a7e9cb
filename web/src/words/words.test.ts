import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { dictionaries, fill, speakIn } from "./index.ts";

const holesIn = (sentence: string): string[] =>
  [...sentence.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? "").sort();

/** The statuses of FHIR R4 that a page may show, by value set. */
const STATUSES: Readonly<Record<string, string>> = {
  "observation-status": "registered preliminary final amended corrected cancelled entered-in-error unknown",
  "diagnostic-report-status":
    "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown",
  "encounter-status": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
  "medicationrequest-status": "active on-hold cancelled completed entered-in-error stopped draft unknown",
  "event-status": "preparation in-progress not-done on-hold stopped completed entered-in-error unknown",
  "condition-clinical": "active recurrence relapse inactive remission resolved",
  "condition-ver-status": "unconfirmed provisional differential confirmed refuted entered-in-error",
  "document-reference-status": "current superseded entered-in-error",
  "imagingstudy-status": "registered available cancelled entered-in-error unknown",
  "chargeitem-status": "planned billable not-billable aborted billed entered-in-error unknown",
  "request-status": "draft active on-hold revoked completed entered-in-error unknown",
  "care-team-status": "proposed active suspended inactive entered-in-error",
};

describe("the dictionary", () => {
  const { zh, en } = dictionaries;

  it("is complete in both languages", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    for (const [key, sentence] of [...Object.entries(zh), ...Object.entries(en)])
      expect(sentence.trim(), key).not.toBe("");
  });

  it("has the same holes in both languages", () => {
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) expect(holesIn(en[key]), key).toEqual(holesIn(zh[key]));
  });

  it("speaks Chinese in Chinese and not in English", () => {
    for (const [key, sentence] of Object.entries(en)) {
      if (key !== "language.switch") expect(sentence, key).not.toMatch(/\p{Script=Han}/u);
    }
    for (const [key, sentence] of Object.entries(zh)) {
      if (!["language.switch", "none.mark", "comma"].includes(key)) expect(sentence, key).toMatch(/\p{Script=Han}/u);
    }
  });

  it("avoids words that the field has given up or that would mislead", () => {
    const avoided = /(?<!电子)健康码|隔离|卫生计生|人口健康平台|国家级|首个|等保|密评/;
    for (const [key, sentence] of Object.entries(zh)) expect(sentence, key).not.toMatch(avoided);
  });

  it("has a word for every route of the server, which is what the lists of who looked call an act", () => {
    const routes = readFileSync(new URL("../../../crates/server/src/routes.rs", import.meta.url), "utf8");
    const names = [...routes.matchAll(/^\s+(?:Get|Post|Put|Patch|Delete|Any)\s+"[^"]+"\s+"([^"]+)"/gm)].map(
      (one) => one[1],
    );
    expect(names.length).toBeGreaterThan(30);
    const without = names.filter((name) => !Object.hasOwn(zh, `action.${name}`));
    expect([...new Set(without)]).toEqual([]);
  });

  it.each(Object.entries(STATUSES))("has a word for every code of %s", (_, codes) => {
    expect(codes.split(" ").filter((code) => !Object.hasOwn(zh, `status.${code}`))).toEqual([]);
  });

  it("fills holes and leaves those visible that nobody fills", () => {
    expect(fill("{n} 岁", { n: 58 })).toBe("58 岁");
    expect(fill("{a} and {b}", { a: "one" })).toBe("one and {b}");
  });

  it("knows codes, whatever their spelling, and shows unknown codes as they are", () => {
    const speak = speakIn("zh");
    expect(speak.code("role", "SystemAdministrator")).toBe("系统管理员");
    expect(speak.code("role", "system-administrator")).toBe("系统管理员");
    expect(speak.code("type", "Observation")).toBe("检验检查结果");
    expect(speak.code("type", "Basic")).toBe("Basic");
    expect(speak.code("gender", null)).toBe("未记录");
    expect(speak.code("action", "constructor")).toBe("constructor");
  });
});
