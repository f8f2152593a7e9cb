import { describe, expect, it } from "vitest";

import type { Side } from "../../api/identity.ts";
import { speakIn } from "../../words/index.ts";
import { actOf } from "./chosen.ts";
import { bitsText, handlesOf, reasonText, rowsOf } from "./compare.ts";

const zh = speakIn("zh");
const side = (part: Partial<Side>): Side => ({
  registration: "Patient/1",
  person: "Person/1",
  names: [],
  telecom: [],
  address: [],
  identifiers: [],
  ...part,
});

describe("two registrations side by side", () => {
  it("mark what differs, not what one side does not say", () => {
    const rows = rowsOf(
      side({ names: ["汤*云"], gender: "female", birth_date: "1970-07-25", telecom: ["100***29"] }),
      side({ person: "Person/2", names: ["汤*晨"], gender: "male", birth_date: "1970-07-25" }),
      zh,
    );
    const differing = rows.filter((row) => row.differs).map((row) => row.title);
    expect(differing).toEqual(["identity.name", "identity.gender"]);
    expect(rows.find((row) => row.title === "identity.gender")?.left).toEqual(["女"]);
  });

  it("agree when one of several values does", () => {
    const rows = rowsOf(side({ telecom: ["a", "b"] }), side({ telecom: ["b", "c"] }), zh);
    expect(rows.find((row) => row.title === "identity.phone")?.differs).toBe(false);
  });

  it("show papers before numbers of institutions", () => {
    const identifiers = [
      { system: "urn:kangmai:institution:1:patient", masked: "A1" },
      { system: "urn:oid:2.16.156.10011.1.3", masked: "990***1" },
    ];
    const row = rowsOf(side({ identifiers }), side({}), zh).find((one) => one.title === "identity.documents");
    expect(row?.left).toEqual(["990***1", "A1"]);
    // Each institution numbers its patients itself: that says nothing.
    const other = [{ system: "urn:kangmai:institution:2:patient", masked: "B1" }];
    const papers = (right: Side): boolean =>
      rowsOf(side({ identifiers }), right, zh).some((one) => one.title === "identity.documents" && one.differs);
    expect(papers(side({ identifiers: other }))).toBe(false);
    expect(papers(side({ identifiers: [{ system: "urn:oid:2.16.156.10011.1.3", masked: "990***2" }] }))).toBe(true);
  });
});

describe("evidence", () => {
  it("carries its sign", () => {
    expect([12.34, -4, 0.04, -0.04].map(bitsText)).toEqual(["+12.3", "−4", "0", "0"]);
  });

  it("is told in the language of the page", () => {
    const reason = { field_zh: "姓名", field_en: "name", level_zh: "同音", level_en: "sounds the same", bits: 3 };
    expect(reasonText(reason, zh)).toEqual({ field: "姓名", level: "同音" });
    expect(reasonText(reason, speakIn("en"))).toEqual({ field: "name", level: "sounds the same" });
  });
});

describe("handles", () => {
  it("are taken as they are pasted", () => {
    expect(handlesOf(" Patient/a\nb，Patient/a ; \n", "Patient")).toEqual(["Patient/a", "Patient/b"]);
    expect(handlesOf("  ", "Person")).toEqual([]);
  });
});

describe("what is chosen among found registrations", () => {
  const side = (registration: string) => ({ registration, person: "", names: [], telecom: [], address: [], identifiers: [] });
  const found = [
    { person: "Person/1", registrations: [side("Patient/a"), side("Patient/b")] },
    { person: "Person/2", registrations: [side("Patient/c")] },
    { person: "Person/3", registrations: [side("Patient/d")] },
  ];
  const act = (...chosen: string[]) => actOf(found, new Set(chosen));

  it("merges two persons, whichever of their registrations stand for them", () => {
    expect(act("Patient/c", "Patient/a")).toEqual({ kind: "merge", persons: ["Person/1", "Person/2"] });
    expect(act("Patient/a", "Patient/b", "Patient/d")).toEqual({ kind: "merge", persons: ["Person/1", "Person/3"] });
  });

  it("splits a part of one person, and never all of it", () => {
    expect(act("Patient/b")).toEqual({ kind: "split", person: "Person/1", registrations: ["Patient/b"] });
    expect(act("Patient/a", "Patient/b")).toBeUndefined();
    expect(act("Patient/c")).toBeUndefined();
  });

  it("does nothing with three persons or none", () => {
    expect(act("Patient/a", "Patient/c", "Patient/d")).toBeUndefined();
    expect(act()).toBeUndefined();
  });
});
