/** What an institution sends and what became of it: for its own administrator and for the operators of the platform. */

import { bytes, json, queryOf, segment } from "./client.ts";
import type { Line } from "./types.ts";

export interface Source {
  name: string;
  title?: string | null;
  institution?: string | null;
  institution_name?: string | null;
  is_enabled?: boolean | null;
  /** The address of its MLLP listener. */
  listen?: string | null;
  /** It delivers into a folder. */
  folder?: boolean | null;
}

export type Severity = "information" | "warning" | "error" | "fatal";

export interface Issue {
  rule: string;
  severity: Severity;
  path: string;
  line?: number | null;
  column?: number | null;
  found?: string | null;
  expected?: string | null;
  hint?: string | null;
}

export interface Finding extends Issue {
  record: string;
}

export interface Counts {
  records: number;
  accepted: number;
  with_findings: number;
  set_aside: number;
  repeated: number;
  late: number;
  created: number;
  updated: number;
  findings: number;
}

export interface Receipt {
  id: string;
  source: string;
  received_ms: number;
  name?: string | null;
  message_type: string;
  message_id?: string | null;
  encoding: string;
  bytes: number;
  /** `accepted | accepted-with-findings | partly-set-aside | set-aside | repeated`. */
  outcome: string;
  counts: Counts;
  findings: Finding[];
  is_complete: boolean;
}

export type ProblemState = "set-aside" | "accepted" | "corrected" | "released";

export interface Problem {
  id: string;
  receipt: string;
  record: string;
  record_type: string;
  received_ms: number;
  state: ProblemState;
  issues: Issue[];
  closed_by?: string | null;
  closed_ms?: number | null;
}

export interface Unmapped {
  rule: string;
  found: string;
  hint?: string | null;
  first_seen_ms: number;
  receipt: string;
}

/** How one type of records of a day compares. */
export interface Compared {
  record_type: string;
  declared?: number | null;
  present: number;
  declared_amount: string;
  present_amount: string;
  agrees: boolean;
  difference: { is_by_key: boolean; missing: string[]; surplus: string[] };
}

/** A visit or report of a day whose other half is missing. */
export interface Chain {
  /** The record; nothing for whoever may not see it. */
  about?: string | null;
  number: string;
  rule: string;
  severity: Severity;
  hint?: string | null;
}

export interface Objection {
  id: string;
  about: Line;
  text: string;
  institution_name?: string | null;
  /** Who it is about, masked, for the institution that answers. */
  person?: { id: string; name_masked?: string | null } | null;
  status: "requested" | "accepted" | "rejected" | "completed";
  at: string | number;
  answer?: string | null;
}

export interface OperatedSource {
  /** The name in addresses. */
  id: string;
  /** The name for people. */
  name: string;
  /** There were more messages today than were counted. */
  at_least?: boolean | null;
  institution?: string | null;
  institution_name?: string | null;
  last_message_at?: string | number | null;
  lag_seconds?: number | null;
  messages_today?: number | null;
  records_today?: number | null;
  set_aside_today?: number | null;
  issues_today?: number | null;
  messages_total?: number | null;
}

export interface Minute {
  at: string | number;
  messages: number;
  records: number;
}

export interface Operations {
  now: string | number;
  sources: OperatedSource[];
  minutes: Minute[];
  /** Since when the server runs. */
  started?: string | number | null;
  version?: string | null;
  /** People who are signed in. */
  sessions?: number | null;
  audit_events?: number | null;
}

const of = (source: string): string => `/api/v1/sources/${segment(source)}`;

export const road = {
  sources: (signal?: AbortSignal) => json<{ sources: Source[] }>("/api/v1/sources", { signal }),

  receipts: (source: string, after?: string, signal?: AbortSignal) =>
    json<{ receipts: Receipt[]; next?: string | null }>(`${of(source)}/receipts${queryOf({ after })}`, { signal }),

  receipt: (source: string, receipt: string, signal?: AbortSignal) =>
    json<Receipt>(`${of(source)}/receipts/${segment(receipt)}`, { signal }),

  /** The bytes as they were sent. */
  original: (source: string, receipt: string, signal?: AbortSignal) =>
    bytes(`${of(source)}/receipts/${segment(receipt)}/original`, { signal, accept: "*/*" }),

  problems: (source: string, state: string, after?: string, signal?: AbortSignal) =>
    json<{ problems: Problem[]; next?: string | null }>(`${of(source)}/problems${queryOf({ state, after })}`, {
      signal,
    }),

  release: (source: string, problem: string, reason: string) =>
    json<Problem>(`${of(source)}/problems/${segment(problem)}/release`, { method: "POST", body: { reason } }),

  unmapped: (source: string, signal?: AbortSignal) =>
    json<{ unmapped: Unmapped[]; truncated?: boolean }>(`${of(source)}/unmapped`, { signal }),

  reconciliation: (source: string, day: string, signal?: AbortSignal) =>
    json<{ day: string; types: Compared[] }>(`${of(source)}/reconciliation${queryOf({ day })}`, { signal }),

  chains: (source: string, day: string, signal?: AbortSignal) =>
    json<{ day: string; chains: Chain[]; truncated?: boolean }>(`${of(source)}/chains${queryOf({ day })}`, { signal }),

  objections: (signal?: AbortSignal) =>
    json<{ objections: Objection[]; truncated?: boolean }>("/api/v1/objections", { signal }),

  answer: (objection: string, status: "accepted" | "rejected", text: string) =>
    json<unknown>(`/api/v1/objections/${segment(objection)}/answer`, { method: "POST", body: { status, text } }),

  operations: (signal?: AbortSignal) => json<Operations>("/api/v1/operations", { signal }),
};
