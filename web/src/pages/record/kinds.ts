/** The kinds of entry that the timeline knows; the server says of which kind an entry is. */

import type { WordKey } from "../../words/index.ts";

export interface Kind {
  id: string;
  word: WordKey;
}

export const KINDS: readonly Kind[] = [
  { id: "encounters", word: "kind.encounters" },
  { id: "results", word: "kind.results" },
  { id: "reports", word: "kind.reports" },
  { id: "diagnoses", word: "kind.diagnoses" },
  { id: "medicines", word: "kind.medicines" },
  { id: "procedures", word: "kind.procedures" },
  { id: "immunizations", word: "kind.immunizations" },
  { id: "notes", word: "kind.notes" },
];

/** The kinds to ask for, in one order whatever was chosen first; an empty choice asks for all. */
export function kindsOf(chosen: ReadonlySet<string>): string[] {
  return KINDS.filter((kind) => chosen.has(kind.id)).map((kind) => kind.id);
}
