import { describe, expect, it } from "vitest";

import { hrefOf, readRoute, type Route } from "./route.ts";

describe("routes", () => {
  it.each<[string, Route]>([
    ["", { page: "search" }],
    ["#/", { page: "search" }],
    ["#/persons", { page: "search" }],
    ["#/persons/057a-e3", { page: "record", person: "057a-e3" }],
    ["#/persons/a%2Fb/access", { page: "access", person: "a/b" }],
    ["#/persons/x/nothing", { page: "missing" }],
    ["#/persons/x/access/more", { page: "missing" }],
    ["#/persons/%E0%A4%A", { page: "missing" }],
    ["#/other", { page: "missing" }],
  ])("%s", (hash, route) => expect(readRoute(hash)).toEqual(route));

  it("come back from the address that they make", () => {
    for (const route of [
      { page: "search" },
      { page: "record", person: "a/ü" },
      { page: "access", person: "x y" },
    ] as const)
      expect(readRoute(hrefOf(route))).toEqual(route);
  });
});
