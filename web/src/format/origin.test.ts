import { describe, expect, it } from "vitest";

import { linesOf, markedLines, namedValues, type OriginPart } from "./origin.ts";

function read(part: OriginPart) {
  const lines = linesOf(part);
  const marked = markedLines(part, lines);
  return { lines, marked: [...marked], values: namedValues(part, lines, marked) };
}

describe("the place of a fact in its message", () => {
  it("is the row of a table, alone under its header or in the whole", () => {
    const part = { form: "table", path: "row[2]", is_whole: false, text: 'YLJGDM|XM|BZ\nA1|"周|岫"|' };
    expect(read(part).marked).toEqual([2]);
    expect(read(part).values).toEqual([
      { name: "YLJGDM", value: "A1" },
      { name: "XM", value: "周|岫" },
    ]);
    const whole = { ...part, is_whole: true, text: "\uFEFFa,b\r\n\r\n1,2\r\n3,4\r\n" };
    expect(read(whole).marked).toEqual([4]);
    expect(read(whole).values).toEqual([
      { name: "a", value: "3" },
      { name: "b", value: "4" },
    ]);
    expect(read({ ...whole, path: "row[9]" }).marked).toEqual([]);
  });

  it("is a segment of the message that the path names", () => {
    const text =
      "MSH|^~\\&|HIS\rPID|1||P1\rOBX|1|NM|GLU||5.6\rOBX|2|NM|K||4.1\rMSH|^~\\&|HIS\rOBX|1|NM|NA||140\rOBX|2|NM|CL||";
    expect(read({ form: "hl7v2", path: "message[1].OBX[2]-5", is_whole: true, text }).marked).toEqual([4]);
    expect(read({ form: "hl7v2", path: "message[2].OBX[1]", is_whole: true, text }).values.at(-1)).toEqual({
      name: "OBX-5",
      value: "140",
    });
    expect(read({ form: "hl7v2", path: "OBX[2]-5", is_whole: false, text }).marked).toEqual([4]);
    expect(read({ form: "hl7v2", path: "PID-3", is_whole: true, text }).marked).toEqual([2]);
    expect(read({ form: "hl7v2", path: "message[1]", is_whole: true, text }).values[0]).toEqual({
      name: "MSH-2",
      value: "^~\\&",
    });
    expect(read({ form: "hl7v2", path: "ZZZ[4]", is_whole: true, text }).marked).toEqual([]);
  });

  it("is the element of a document, from its first line to its last", () => {
    const text = [
      '<?xml version="1.0"?>',
      '<ClinicalDocument xmlns="urn:hl7-org:v3">',
      "  <!-- <section> -->",
      '  <component><section><title a=">">一</title></section></component>',
      "  <component>",
      "    <section>",
      '      <code code="x"/>',
      "    </section>",
      "  </component>",
      "</ClinicalDocument>",
    ].join("\n");
    const of = (path: string) => read({ form: "cda", path, is_whole: true, text }).marked;
    expect(of("/ClinicalDocument/component[2]/section")).toEqual([6, 7, 8]);
    expect(of("/ClinicalDocument/component[1]/section/title")).toEqual([4]);
    expect(of("/ClinicalDocument/component[2]/section/code")).toEqual([7]);
    expect(of("/ClinicalDocument/nothing")).toEqual([]);
  });

  it("lays out a document that was written in one line", () => {
    const long = `<a><b>${"x".repeat(400)}</b><c><d/></c></a>`;
    const { lines, marked } = read({ form: "cda", path: "/a/c", is_whole: true, text: long });
    expect(lines.map((line) => line.slice(0, 6).trimEnd())).toEqual([
      "<a>",
      "  <b>x",
      "  <c>",
      "    <d",
      "  </c>",
      "</a>",
    ]);
    expect(marked).toEqual([3, 4, 5]);
  });

  it("marks nothing in what it does not know, and never fails", () => {
    for (const text of ["", "<", "<a", "||", "MSH"])
      for (const form of ["table", "hl7v2", "cda", "fhir", null])
        expect(() => read({ form, path: "row[1]", is_whole: true, text })).not.toThrow();
  });
});
