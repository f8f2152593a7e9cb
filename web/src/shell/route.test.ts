import { describe, expect, it } from "vitest";

import { href, personHref, readPath } from "./route.ts";

describe("paths", () => {
  it.each<[string, readonly string[] | undefined]>([
    ["", []],
    ["#/", []],
    ["#/persons", ["persons"]],
    ["#/persons/057a-e3", ["persons", "057a-e3"]],
    ["#/persons/a%2Fb/access", ["persons", "a/b", "access"]],
    ["#//persons//x", ["persons", "x"]],
    ["#/persons/%E0%A4%A", undefined],
  ])("%s", (hash, path) => expect(readPath(hash)).toEqual(path));

  it("come back from the address that they make", () => {
    for (const path of [[], ["persons", "a/ü", "access"], ["sources", "x y", "receipts"]])
      expect(readPath(href(...path))).toEqual(path);
    expect(readPath(personHref("a/b"))).toEqual(["persons", "a/b"]);
    expect(readPath(personHref("a", "medicines"))).toEqual(["persons", "a", "medicines"]);
  });
});
