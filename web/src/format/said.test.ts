import { describe, expect, it } from "vitest";

import { speakIn } from "../words/index.ts";
import { bloodText } from "./blood.ts";
import { saidText } from "./said.ts";

const zh = speakIn("zh");
const en = speakIn("en");
const line = { id: "1", type: "Condition", date: "2026-11-07" };

describe("a line that many sources say", () => {
  it("says where, how often and since when", () => {
    const institutions = [
      { institution_name: "云岫市中心医院（演示）", count: 14 },
      { institution: "99012116-6", count: 2 },
    ];
    const many = { ...line, count: 16, first: "2023-12-11T08:00:00+08:00", institutions };
    expect(saidText(many, zh)).toBe("云岫市中心医院（演示）等 2 家机构 · 16 次记录 · 2023-12-11 起");
    expect(saidText({ ...many, institutions: institutions.slice(1) }, en)).toBe("99012116-6 · 16 entries · since 2023-12-11");
  });

  it("says no more of one entry than its institution", () => {
    expect(saidText({ ...line, count: 1, first: "2026-11-07", institutions: [] }, zh)).toBe("");
    expect(saidText(line, zh)).toBe("");
  });
});

describe("a blood group", () => {
  it("is said in the language of the page", () => {
    const blood = { abo: ["AB型"], rh: ["阳性"], disagree: false };
    expect(bloodText(blood, zh)).toBe("AB型 Rh 阳性");
    expect(bloodText(blood, en)).toBe("AB Rh positive");
    expect(bloodText(null, zh)).toBe("");
  });

  it("is not known where the sources disagree", () => {
    expect(bloodText({ abo: ["A型", "O型"], rh: [], disagree: true }, zh)).toBe("A型 / O型（来源不一致）");
  });
});
