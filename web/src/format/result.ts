/** Results: values, units, reference ranges, and whether a value lies outside its range. */

import type { Flag, ResultValue } from "../api/types.ts";

/** Where a value lies; `critical-…` is a value that the laboratory must telephone about (危急值). */
export type Mark = "high" | "low" | "abnormal" | "critical-high" | "critical-low" | "critical";

/** A number in the form that sources write, or undefined for words, ranges and comparisons such as `<0.5`. */
export function numeric(value: ResultValue): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value.trim())) return undefined;
  return Number(value);
}

/** Decimals shown of a longer number: nobody reads more, and the source keeps the rest. */
const DECIMALS_MAX = 3;

/** The value as it is shown: digits as the source wrote them, but no more than three decimals of a computed number. */
export function valueText(value: ResultValue): string {
  if (value === null || value === undefined) return "";
  const text = String(value).trim();
  const number = numeric(text);
  if (number === undefined) return text;
  const decimals = /\.(\d+)$/.exec(text)?.[1]?.length ?? 0;
  if (decimals <= DECIMALS_MAX) return text;
  // A value below 0.001 would be rounded to nothing: keep three significant digits instead.
  return Math.abs(number) < 0.001 && number !== 0
    ? String(Number(number.toPrecision(3)))
    : number.toFixed(DECIMALS_MAX);
}

/** UCUM as people write it: `mm[Hg]` is `mmHg`, `10*3/uL` is `10³/µL`, annotations lose their braces. */
export function unitText(unit: string | null | undefined): string {
  if (!unit || unit === "1") return "";
  return unit
    .replace(/10[*^](\d+)/g, (_, power: string) => `10${superscript(power)}`)
    .replace(/\[(Hg|iU|IU|degF|in_i|lb_av|pH)\]/g, (_, inner: string) => READABLE[inner] ?? inner)
    .replace(/\{([^{}]*)\}/g, (_, note: string) => note.replaceAll("_", " ").trim())
    .replace(/\bu(?=[LgM]|mol)/g, "µ")
    .replace(/^Cel$/, "℃")
    .replace(/m2\b/g, "m²")
    .replace(/\[([A-Za-z_]+)\]/g, "$1");
}

const READABLE: Readonly<Record<string, string>> = {
  Hg: "Hg",
  iU: "IU",
  IU: "IU",
  degF: "℉",
  in_i: "in",
  lb_av: "lb",
  pH: "pH",
};

function superscript(digits: string): string {
  return [...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}

/** `3.5–9.5`, `≥ 90`, `≤ 5.2`, or nothing. */
export function rangeText(low: ResultValue, high: ResultValue): string {
  const [from, to] = [valueText(low), valueText(high)];
  if (from && to) return `${from}–${to}`;
  if (from) return `≥ ${from}`;
  return to ? `≤ ${to}` : "";
}

/** Outside the reference range? The limits themselves are inside; what is no number is never judged. */
export function mark(value: ResultValue, low: ResultValue, high: ResultValue): Mark | undefined {
  const [number, from, to] = [numeric(value), numeric(low), numeric(high)];
  if (number === undefined) return undefined;
  if (to !== undefined && number > to) return "high";
  return from !== undefined && number < from ? "low" : undefined;
}

/** A value with what is known about its range. */
export interface Judged {
  flag?: Flag;
  value?: ResultValue;
  low?: ResultValue;
  high?: ResultValue;
}

const MARKS: Readonly<Record<NonNullable<Flag>, Mark | undefined>> = {
  H: "high",
  L: "low",
  A: "abnormal",
  HH: "critical-high",
  LL: "critical-low",
  AA: "critical",
  N: undefined,
};

/**
 * What the institution said about its own value, that it is normal included; its reference range where it said nothing. Never the
 * range of another result.
 */
export function markOfResult(result: Judged): Mark | undefined {
  const { flag, value, low, high } = result;
  return flag ? MARKS[flag] : mark(value, low, high);
}

/** A status that a reader must know: everything but `final`, which goes without saying. */
export function unusualStatus(status: string | null | undefined): string | undefined {
  return status && status !== "final" ? status : undefined;
}
