/** What a clinician or family doctor begins with: visits, contracts, lists. */

import { json, segment } from "./client.ts";
import type { Line, Person } from "./types.ts";

export interface Visit {
  person: Person;
  encounter: {
    id: string;
    /** `AMB | IMP | EMER`. */
    class?: string | null;
    start?: string | null;
    end?: string | null;
    number?: string | null;
    department?: string | null;
    practitioner?: string | null;
  };
  /** Until when the visit is a reason to look. */
  until?: string | number | null;
}

export interface Contract {
  person: Person;
  since?: string | null;
  until?: string | null;
  problems?: string[] | null;
  last_contact?: string | null;
}

/** A list is a rule over records. */
export interface RuleList {
  id: string;
  title_zh: string;
  title_en: string;
  rule_zh: string;
  rule_en: string;
  source?: string | null;
  version?: string | null;
  count?: number | null;
}

export interface Listed {
  person: Person;
  why_zh?: string | null;
  why_en?: string | null;
  date?: string | null;
  evidence?: Line[] | null;
}

export const care = {
  worklist: (signal?: AbortSignal) => json<{ visits: Visit[]; truncated?: boolean }>("/api/v1/worklist", { signal }),

  contracts: (signal?: AbortSignal) =>
    json<{ persons: Contract[]; truncated?: boolean }>("/api/v1/contracts", { signal }),

  lists: (signal?: AbortSignal) => json<{ lists: RuleList[] }>("/api/v1/lists", { signal }),

  list: (id: string, signal?: AbortSignal) =>
    json<{ list: RuleList; persons: Listed[]; truncated?: boolean }>(`/api/v1/lists/${segment(id)}`, { signal }),
};
