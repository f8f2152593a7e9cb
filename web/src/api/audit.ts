/** What the audit administrator reads: who did what, and which emergencies wait for a review. */

import { json, queryOf, segment } from "./client.ts";

export interface AuditEvent {
  sequence: number;
  at: string | number;
  actor: string;
  display_name?: string | null;
  role?: string | null;
  institution?: string | null;
  institution_name?: string | null;
  action: string;
  action_zh?: string | null;
  action_en?: string | null;
  /** The route. */
  what?: string | null;
  outcome?: string | null;
  purpose?: string | null;
  /** The rule of the policy that decided. */
  rule?: string | null;
  ground?: string | null;
  persons_count?: number | null;
  emergency?: boolean | null;
  reason?: string | null;
  request_id?: string | null;
}

export interface AuditQuery {
  from?: string;
  until?: string;
  actor?: string;
  action?: string;
  before?: string;
}

export type Verdict = "justified" | "unjustified";

export interface Review {
  id: string;
  at: string | number;
  actor: string;
  display_name?: string | null;
  staff_number?: string | null;
  institution?: string | null;
  institution_name?: string | null;
  person: { id: string; name_masked?: string | null };
  reason_code?: string | null;
  reason?: string | null;
  /** How often the record was looked at under this emergency. */
  looks?: number | null;
  status: "open" | Verdict;
  note?: string | null;
  reviewed_by?: string | null;
  reviewed_at?: string | null;
}

export const audit = {
  events: (query: AuditQuery, signal?: AbortSignal) =>
    json<{ events: AuditEvent[]; next?: string | null }>(`/api/v1/audit${queryOf({ ...query, limit: 100 })}`, {
      signal,
    }),

  /** Everything opened on a day; without a day, what nobody has reviewed yet, the oldest first. */
  reviews: (day?: string, signal?: AbortSignal) =>
    json<{ reviews: Review[]; truncated?: boolean }>(`/api/v1/reviews${queryOf({ day })}`, { signal }),

  review: (id: string, status: Verdict, note: string) =>
    json<Review>(`/api/v1/reviews/${segment(id)}`, { method: "POST", body: { status, note } }),
};
