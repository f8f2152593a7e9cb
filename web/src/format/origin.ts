/**
 * Where in a message a fact stands: the line to mark, and the part of it laid out for people. Every reader names places in its
 * own way: `row[17]`, `message[2].OBX[3]-5`, `/ClinicalDocument/component/…`.
 */

export interface OriginPart {
  form?: string | null | undefined;
  path: string;
  is_whole?: boolean | null | undefined;
  text: string;
}

/** A name and its value, as the message has them. */
export interface NamedValue {
  name: string;
  value: string;
}

/** The message in lines: HL7 separates segments by carriage returns; XML without line breaks is laid out by its elements. */
export function linesOf({ form, text }: OriginPart): string[] {
  const lines = text.split(/\r\n|\r|\n/);
  return form === "cda" && text.length / lines.length > XML_LINE_LONG ? laidOut(text) : lines;
}

/** Lines longer than this on average were not written for people. */
const XML_LINE_LONG = 200;

/** XML with one element a line, indented by its depth. */
function laidOut(xml: string): string[] {
  let depth = 0;
  return xml
    .replace(/>\s*</g, ">\n<")
    .split("\n")
    .map((line) => {
      const closes = /^<\//.test(line);
      if (closes) depth -= 1;
      const indented = "  ".repeat(Math.max(0, depth)) + line;
      if (/^<[^!?/]/.test(line) && !/\/>$/.test(line) && !/<\//.test(line)) depth += 1;
      return indented;
    });
}

/** The numbers of the lines that the path names, from 1; none when the path names no line. */
export function markedLines(part: OriginPart, lines: readonly string[]): Set<number> {
  switch (part.form) {
    case "table":
      return tableLine(part, lines);
    case "hl7v2":
      return segmentLine(part, lines);
    case "cda":
      return elementLines(part.path, lines);
    default:
      return new Set();
  }
}

function tableLine({ path, is_whole }: OriginPart, lines: readonly string[]): Set<number> {
  const filled = lines.flatMap((line, at) => (line.trim() === "" ? [] : [at + 1]));
  const row = Number(/row\[(\d+)\]/.exec(path)?.[1] ?? Number.NaN);
  // A part is the header and the row; of the whole table the rows are counted behind the header.
  const number = is_whole ? filled[row] : filled[1];
  return new Set(number === undefined ? [] : [number]);
}

function segmentLine({ path, is_whole }: OriginPart, lines: readonly string[]): Set<number> {
  const message = is_whole ? Number(/message\[(\d+)\]/.exec(path)?.[1] ?? 1) : 1;
  const named = /(?:^|\.)([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-|$|\.)/.exec(path);
  const [segment, wanted] = [named?.[1] ?? "MSH", Number(named?.[2] ?? 1)];
  let messages = 0;
  let found = 0;
  for (const [at, line] of lines.entries()) {
    if (line.startsWith("MSH")) messages += 1;
    if (messages === message && line.slice(0, 3) === segment && ++found === wanted) return new Set([at + 1]);
  }
  return new Set();
}

/** The lines of the element that a path names, from its first to its last; `/a/b[2]/c`. */
function elementLines(path: string, lines: readonly string[]): Set<number> {
  const wanted = path.replace(/^\//, "").split("/");
  const open: { name: string; counts: Map<string, number> }[] = [{ name: "", counts: new Map() }];
  let begin = 0;
  const tag = /<(\/?)([A-Za-z_][\w.-]*(?::[\w.-]+)?)(?:"[^"]*"|'[^']*'|[^<>"'])*?(\/?)>/g;
  const text = lines.join("\n").replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, " "));
  for (const found of text.matchAll(tag)) {
    const [, closing, prefixed = "", empty] = found;
    const name = prefixed.split(":").pop() ?? prefixed;
    const line = text.slice(0, found.index).split("\n").length;
    if (closing) {
      if (begin > 0 && isAt(open, wanted)) return range(begin, line);
      open.pop();
      continue;
    }
    const parent = open.at(-1);
    const ordinal = (parent?.counts.get(name) ?? 0) + 1;
    parent?.counts.set(name, ordinal);
    open.push({ name: `${name}[${ordinal}]`, counts: new Map() });
    if (isAt(open, wanted)) begin = line;
    if (empty) {
      if (begin > 0 && isAt(open, wanted)) return range(begin, line);
      open.pop();
    }
  }
  return begin > 0 ? range(begin, begin) : new Set();
}

/** An index of 1 is not written where there is only one. */
function isAt(open: readonly { name: string }[], wanted: readonly string[]): boolean {
  const names = open.slice(1).map((one) => one.name);
  return (
    names.length === wanted.length &&
    names.every((name, at) => name === wanted[at] || name === `${wanted[at] ?? ""}[1]`)
  );
}

function range(from: number, to: number): Set<number> {
  return new Set(Array.from({ length: to - from + 1 }, (_, at) => from + at));
}

/** A row under its header, or the fields of a segment: what the marked line says, by name. Nothing for other forms. */
export function namedValues(part: OriginPart, lines: readonly string[], marked: ReadonlySet<number>): NamedValue[] {
  const [number] = marked;
  const line = number === undefined ? undefined : lines[number - 1];
  if (line === undefined) return [];
  if (part.form === "hl7v2") return fieldsOf(line);
  return part.form === "table" ? cellsOf(lines.find((one) => one.trim() !== "") ?? "", line) : [];
}

function fieldsOf(segment: string): NamedValue[] {
  const separator = segment[3] ?? "|";
  const [name = "", ...fields] = segment.split(separator);
  // MSH-1 is the separator itself.
  const first = name === "MSH" ? 2 : 1;
  return fields.flatMap((value, at) => (value === "" ? [] : [{ name: `${name}-${at + first}`, value }]));
}

const SEPARATORS = ["\t", "|", ",", ";", "^"];

function cellsOf(header: string, row: string): NamedValue[] {
  const count = (separator: string): number => header.split(separator).length;
  const separator = SEPARATORS.reduce((best, next) => (count(next) > count(best) ? next : best));
  const [names, values] = [split(header, separator), split(row, separator)];
  return names.flatMap((name, at) => (values[at]?.trim() ? [{ name, value: values[at] }] : []));
}

/** Cells of a line; a separator inside quotes belongs to the cell. */
function split(line: string, separator: string): string[] {
  const cells: string[] = [];
  let cell = "";
  let quoted = false;
  for (const character of line.replace(/^\uFEFF/, "")) {
    if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      cells.push(cell);
      cell = "";
    } else cell += character;
  }
  return [...cells, cell];
}
