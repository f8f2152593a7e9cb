/** What residents see of themselves and their families. */

import { json, queryOf, segment } from "./client.ts";
import type { Objection } from "./road.ts";
import type { Flag, Line, Medicine, Person, ResultValue } from "./types.ts";

/** Whom the account may look at, and why. */
export interface Mine {
  person: Person;
  relation: "self" | "child" | "parent" | "spouse" | "other";
  until?: string | number | null;
}

export interface Notice {
  at: string | number;
  kind: string;
  zh: string;
  en: string;
  /** The id of the person it is about. */
  person: string | { id: string };
}

export interface ReportResult {
  title?: string | null;
  value?: ResultValue;
  unit?: string | null;
  low?: ResultValue;
  high?: ResultValue;
  flag?: Flag;
  status?: string | null;
}

export interface Report extends Line {
  status?: string | null;
  conclusion?: string | null;
  results: ReportResult[];
}

export interface BillLine {
  id: string;
  title?: string | null;
  quantity?: string | number | null;
  unit_price?: string | number | null;
  amount?: string | number | null;
  date?: string | null;
  refund?: boolean | null;
  /** FHIR's status; `entered-in-error` is a charge that was withdrawn and does not count. */
  status?: string | null;
}

export interface Bill {
  encounter?: string | null;
  date?: string | null;
  institution_name?: string | null;
  department?: string | null;
  total?: string | number | null;
  lines: BillLine[];
}

const of = (person: string): string => `/api/v1/persons/${segment(person)}`;

export const resident = {
  me: (signal?: AbortSignal) => json<{ persons: Mine[]; notices: Notice[] }>("/api/v1/me", { signal }),

  reports: (person: string, before?: string, signal?: AbortSignal) =>
    json<{ reports: Report[]; next?: string | null; truncated?: boolean }>(`${of(person)}/reports${queryOf({ before })}`, { signal }),

  bills: (person: string, signal?: AbortSignal) =>
    json<{ visits: Bill[]; truncated?: boolean }>(`${of(person)}/bills`, { signal }),

  medicines: (person: string, signal?: AbortSignal) =>
    json<{ entries: Medicine[]; truncated?: boolean }>(`${of(person)}/medicines`, { signal }),

  object: (person: string, about: { type: string; id: string; text: string }) =>
    json<{ id: string }>(`${of(person)}/objections`, { method: "POST", body: about }),

  objections: (person: string, signal?: AbortSignal) =>
    json<{ objections: Objection[]; truncated?: boolean }>(`${of(person)}/objections`, { signal }),
};
