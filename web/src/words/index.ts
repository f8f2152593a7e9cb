/** The dictionary: typed keys, `{name}` holes, and code lists that fall back to the code itself. */

import { audit } from "./audit.ts";
import { care } from "./care.ts";
import { en } from "./en.ts";
import { front } from "./front.ts";
import { identity } from "./identity.ts";
import { resident } from "./resident.ts";
import { road } from "./road.ts";
import { zh, type WordKey as FirstKey } from "./zh.ts";

/** Words that were written as pairs. */
const pairs = { ...audit, ...care, ...front, ...identity, ...resident, ...road };

/** The name of a sentence or word. */
export type WordKey = FirstKey | keyof typeof pairs;
/** A complete dictionary. */
export type Words = Readonly<Record<WordKey, string>>;
export type Language = "zh" | "en";

function side(at: 0 | 1): Record<keyof typeof pairs, string> {
  const words = Object.entries(pairs).map(([key, both]) => [key, both[at]]);
  return Object.fromEntries(words) as Record<keyof typeof pairs, string>;
}

export const dictionaries: Readonly<Record<Language, Words>> = { zh: { ...zh, ...side(0) }, en: { ...en, ...side(1) } };

/** What fills the holes of a sentence. */
export type Holes = Readonly<Record<string, string | number>>;

/** Looks up words in one language. */
export interface Speak {
  (key: WordKey, holes?: Holes): string;
  readonly language: Language;
  /** The word for a code of a list such as `gender` or `type`; a code that we have no word for is shown as it is. */
  code(list: CodeList, code: string | null | undefined): string;
}

/** Lists of codes that have words: the part of a key before the first dot. */
export type CodeList =
  | "audit-action"
  | "class"
  | "decision"
  | "emergency-reason"
  | "form"
  | "identity-kind"
  | "receipt-outcome"
  | "relation"
  | "rule"
  | "gender"
  | "criticality"
  | "status"
  | "role"
  | "purpose"
  | "outcome"
  | "over"
  | "action"
  | "type";

/** Fills `{name}` holes; a hole that nobody fills stays visible, so that a test or a reader notices. */
export function fill(sentence: string, holes: Holes = {}): string {
  return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => String(holes[name] ?? hole));
}

/** The words of one language. */
export function speakIn(language: Language): Speak {
  const words = dictionaries[language];
  const speak = (key: WordKey, holes?: Holes): string => fill(words[key], holes);
  const code = (list: CodeList, value: string | null | undefined): string => {
    if (!value) return words["unknown"];
    const key = `${list}.${list === "role" ? kebab(value) : value}`;
    return Object.hasOwn(words, key) ? words[key as WordKey] : value;
  };
  return Object.assign(speak, { language, code });
}

/** `SystemAdministrator`, `system_administrator` and `system-administrator` are the same role. */
function kebab(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
}
