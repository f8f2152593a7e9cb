/** The kinds of entry that the timeline knows, each of them one or more resource types. */

import type { WordKey } from "../../words/index.ts";

export interface Kind {
  id: string;
  word: WordKey;
  types: readonly string[];
}

export const KINDS: readonly Kind[] = [
  { id: "encounters", word: "kind.encounters", types: ["Encounter"] },
  { id: "results", word: "kind.results", types: ["Observation"] },
  { id: "reports", word: "kind.reports", types: ["DiagnosticReport", "ImagingStudy", "DocumentReference"] },
  { id: "diagnoses", word: "kind.diagnoses", types: ["Condition"] },
  { id: "medicines", word: "kind.medicines", types: ["MedicationRequest"] },
  { id: "procedures", word: "kind.procedures", types: ["Procedure"] },
  { id: "immunizations", word: "kind.immunizations", types: ["Immunization"] },
];

/** The kind of a resource type, if it is one that has a filter of its own. */
export function kindOf(type: string): Kind | undefined {
  return KINDS.find((kind) => kind.types.includes(type));
}

/** The types to ask for; an empty choice asks for all. */
export function typesOf(chosen: ReadonlySet<string>): string[] {
  return KINDS.filter((kind) => chosen.has(kind.id)).flatMap((kind) => kind.types);
}
