/** Two registrations side by side: what is shown, and what agrees. */

import type { Reason, Side } from "../../api/identity.ts";
import { papersFirst } from "../../parts/PersonLine.tsx";
import type { Speak, WordKey } from "../../words/index.ts";

export interface Row {
  title: WordKey;
  left: readonly string[];
  right: readonly string[];
  /** Both say something that people have one of, and not the same. Masked values that look alike may still differ: the evidence tells. */
  differs: boolean;
}

interface Shown {
  title: WordKey;
  of: (side: Side, speak: Speak) => readonly string[];
  /** What is compared, when that is not all that is shown: every institution gives its own number, every side is a person. */
  compared?: (side: Side) => readonly string[];
}

const isPaper = ({ system }: { system?: string | null }): boolean => !system?.startsWith("urn:kangmai:institution:");

const ROWS: readonly Shown[] = [
  { title: "identity.name", of: (side) => side.names },
  { title: "identity.gender", of: (side, speak) => (side.gender ? [speak.code("gender", side.gender)] : []) },
  { title: "identity.birth", of: (side) => (side.birth_date ? [side.birth_date] : []) },
  {
    title: "identity.documents",
    of: (side) => papersFirst(side.identifiers).map((one) => one.masked),
    compared: (side) => side.identifiers.filter(isPaper).map((one) => one.masked),
  },
  { title: "identity.phone", of: (side) => side.telecom },
  { title: "identity.address", of: (side) => side.address },
  { title: "identity.person", of: (side) => [side.person], compared: () => [] },
];

/** The rows of the comparison. */
export function rowsOf(left: Side, right: Side, speak: Speak): Row[] {
  return ROWS.map(({ title, of, compared }) => {
    const values = (side: Side): readonly string[] => (compared ? compared(side) : of(side, speak));
    const [one, other] = [values(left), values(right)];
    const shares = one.some((value) => other.includes(value));
    const differs = one.length > 0 && other.length > 0 && !shares;
    return { title, left: of(left, speak), right: of(right, speak), differs };
  });
}

/** A reason in the language of the page: field and how it agrees. */
export function reasonText(reason: Reason, speak: Speak): { field: string; level: string } {
  return speak.language === "zh"
    ? { field: reason.field_zh, level: reason.level_zh }
    : { field: reason.field_en, level: reason.level_en };
}

/** `+12.3`, `−4`, `0`: with a sign that can be told from a dash. */
export function bitsText(bits: number): string {
  const rounded = Math.round(bits * 10) / 10;
  if (rounded === 0) return "0";
  return `${rounded > 0 ? "+" : "−"}${Math.abs(rounded)}`;
}

/** Handles as people paste them: one a line, with or without the type, in no order, some of them twice. */
export function handlesOf(text: string, type: "Person" | "Patient"): string[] {
  const found = text
    .split(/[\s,，;；]+/)
    .filter((part) => part !== "")
    .map((part) => (part.startsWith(`${type}/`) ? part : `${type}/${part}`));
  return [...new Set(found)];
}
