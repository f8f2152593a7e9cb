/** What the index administrator reads and decides: who is who. */

import { json, queryOf, segment } from "./client.ts";
import type { Identifier, PersonSearch } from "./types.ts";

/** Why somebody is asked. */
export type QuestionKind = "unsure" | "vetoed" | "seen_together" | "document_conflict";

export interface Reason {
  field_zh: string;
  field_en: string;
  level_zh: string;
  level_en: string;
  /** What it weighs: for one person above zero, against it below. */
  bits: number;
}

/** One registration, masked. */
export interface Side {
  registration: string;
  person: string;
  names: readonly string[];
  gender?: string | null;
  birth_date?: string | null;
  telecom: readonly string[];
  address: readonly string[];
  identifiers: readonly Identifier[];
}

/** A registration that a search found, with where it was made. */
export interface Registered extends Side {
  institution?: string | null;
  institution_name?: string | null;
}

/** Somebody, with all registrations that are theirs. */
export interface FoundIdentity {
  person: string;
  registrations: readonly Registered[];
}

export interface Question {
  id: string;
  kind: QuestionKind;
  weight_bits: number;
  since: string;
  reasons: readonly Reason[];
  left: Side;
  right: Side;
}

export interface Questions {
  reviews: Question[];
  counts: Partial<Record<QuestionKind, number>>;
  next?: string | null;
}

export interface Decision {
  id: string;
  kind: string;
  by: string;
  reason: string;
  at: string;
  model?: string | null;
  undoes?: string | null;
  undone_by?: string | null;
}

export interface Decided {
  decision: { id: string; kind: string; at: string };
  persons: Readonly<Record<string, readonly string[]>>;
}

const post = (path: string, body: unknown) => json<Decided>(`/api/v1/identity/${path}`, { method: "POST", body });

export const identity = {
  questions: (kind: QuestionKind, after: string | undefined, signal?: AbortSignal) =>
    json<Questions>(`/api/v1/identity/reviews${queryOf({ kind, ...(after && { after }) })}`, { signal }),

  /** By POST, so that no name or number is ever part of an address. */
  search: (search: PersonSearch, signal?: AbortSignal) =>
    json<{ persons: FoundIdentity[]; truncated: boolean }>("/api/v1/identity/search", {
      method: "POST",
      body: search,
      signal,
    }),

  decide: (id: string, decision: "same" | "different", reason: string) =>
    post(`reviews/${segment(id)}/decide`, { decision, reason }),

  merge: (persons: readonly [string, string], reason: string) => post("merge", { persons, reason }),

  split: (person: string, registrations: readonly string[], reason: string) =>
    post("split", { person, registrations, reason }),

  undo: (decision: string, reason: string) => post("undo", { decision, reason }),

  decisions: (signal?: AbortSignal) =>
    json<{ decisions: Decision[]; truncated: boolean }>("/api/v1/identity/decisions", { signal }),
};
