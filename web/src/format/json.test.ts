import { describe, expect, it } from "vitest";

import { asText, layOut, metaOf } from "./json.ts";

const PLAIN = {
  resourceType: "Observation",
  id: "a",
  tags: [],
  none: {},
  list: [1, [true, null]],
  text: 'a "quoted" {brace}, [bracket]: \\ 中文',
};

describe("source JSON", () => {
  it("is laid out as JSON.stringify lays it out", () => {
    expect(asText(layOut(JSON.stringify(PLAIN)))).toBe(JSON.stringify(PLAIN, null, 2));
    expect(asText(layOut(JSON.stringify(PLAIN, null, 7)))).toBe(JSON.stringify(PLAIN, null, 2));
  });

  it("keeps every digit", () => {
    const text = '{"value":6.00,"big":12345678901234567890.10,"small":1.0E-7}';
    expect(asText(layOut(text))).toBe('{\n  "value": 6.00,\n  "big": 12345678901234567890.10,\n  "small": 1.0E-7\n}');
  });

  it("tells names from texts", () => {
    const kinds = layOut('{"a":"b"}').flatMap((line) => line.tokens.map((token) => token.kind));
    expect(kinds).toEqual(["mark", "name", "mark", "text", "mark"]);
  });

  it("shows what is no JSON as it is", () => {
    expect(asText(layOut("Bad Gateway\n<html>"))).toBe("Bad Gateway\n<html>");
  });

  it("finds version and time", () => {
    expect(metaOf('{"meta":{"versionId":"3","lastUpdated":"2026-06-18T02:11:09.120Z"}}')).toEqual({
      version: "3",
      updated: "2026-06-18T02:11:09.120Z",
    });
    expect(metaOf("{}")).toEqual({});
    expect(metaOf("not json")).toEqual({});
  });
});
