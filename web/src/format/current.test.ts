import { describe, expect, it } from "vitest";

import { isCurrent } from "./current.ts";

describe("what is current", () => {
  it("is what a source says is so, and what it says nothing about", () => {
    for (const status of ["active", "recurrence", "relapse", "on-hold", null, undefined]) expect(isCurrent({ status })).toBe(true);
    for (const status of ["stopped", "completed", "resolved", "refuted"]) expect(isCurrent({ status })).toBe(false);
  });

  it("is no course of treatment whose days have passed, and no cold of years ago", () => {
    expect(isCurrent({ status: "active", over: "supply" })).toBe(false);
    expect(isCurrent({ status: "active", over: "acute" })).toBe(false);
    expect(isCurrent({ status: "active", over: null })).toBe(true);
  });
});
