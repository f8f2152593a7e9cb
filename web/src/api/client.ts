/** The one place that talks to the server. */

import { ApiError, errorFromAnswer, UNREACHABLE, UNREADABLE } from "./error.ts";
import { session } from "./session.ts";
import type { LaunchRequest } from "../launch.ts";
import type {
  AccessLog,
  Account,
  Ground,
  Medicine,
  Origin,
  PersonSearch,
  PersonsFound,
  Session,
  Status,
  Summary,
  Timeline,
  Trend,
} from "./types.ts";

/** How long a request may take before we call the server unreachable. */
const TIMEOUT_MS = 30_000;

interface Ask {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  signal?: AbortSignal | undefined;
  accept?: string;
  /** Why somebody looks (调阅目的), where it is not what their role usually looks for. */
  purpose?: Purpose | undefined;
}

/** 紧急调阅: under it, and no other purpose, an opened emergency is a ground on routes that name no person. */
export type Purpose = "ETREAT";

/** Sends a request and returns the bytes of a 2xx answer; anything else is thrown as an {@link ApiError}. */
export async function bytes(path: string, ask: Ask = {}): Promise<ArrayBuffer> {
  const headers: Record<string, string> = {
    Accept: ask.accept ?? "application/json",
    // FHIR errors carry one sentence only, in the language asked for.
    "Accept-Language": document.documentElement.lang,
  };
  const token = session.get()?.token;
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (ask.purpose) headers["X-Purpose-Of-Use"] = ask.purpose;
  if (ask.body !== undefined) headers["Content-Type"] = "application/json";
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = ask.signal ? AbortSignal.any([ask.signal, timeout]) : timeout;

  let answer: Response;
  let body: ArrayBuffer;
  try {
    answer = await fetch(path, {
      method: ask.method ?? "GET",
      headers,
      body: ask.body === undefined ? null : JSON.stringify(ask.body),
      signal,
      cache: "no-store",
      credentials: "omit",
    });
    body = await answer.arrayBuffer();
  } catch (cause) {
    if (ask.signal?.aborted) throw cause;
    throw new ApiError({ status: 0, code: UNREACHABLE });
  }
  if (answer.ok) {
    if (token) session.used();
    return body;
  }
  // A refused sign-in is also 401, but then there is no session to end.
  if (answer.status === 401 && token) session.end("by-server");
  throw errorFromAnswer(answer.status, textOf(body), answer.headers.get("X-Request-Id"));
}

const textOf = (body: ArrayBuffer): string => new TextDecoder().decode(body);

async function send(path: string, ask: Ask): Promise<string> {
  return textOf(await bytes(path, ask));
}

export async function json<T>(path: string, ask: Ask = {}): Promise<T> {
  const text = await send(path, ask);
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text, keepDecimals) as T;
  } catch {
    throw new ApiError({ status: 200, code: UNREADABLE });
  }
}

/** JSON names whose numbers are clinical values: they keep the digits that the source wrote. */
const DECIMALS = new Set(["value", "low", "high", "amount", "total", "unit_price", "quantity"]);

/** `{"value": 6.0}` is read as the text `6.0`, because a laboratory's trailing zero is a statement about precision. */
function keepDecimals(this: unknown, name: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" && context?.source !== undefined && DECIMALS.has(name) ? context.source : value;
}

export const segment = encodeURIComponent;

/** `?a=1&b=2` of what is not empty. */
export function queryOf(pairs: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(pairs))
    if (value !== undefined && value !== "") query.set(name, String(value));
  return query.size > 0 ? `?${query}` : "";
}

export interface TimelineOptions {
  before?: string;
  kinds?: readonly string[];
  institution?: string;
  limit?: number;
}

export const api = {
  status: (signal?: AbortSignal) => json<Status>("/api/v1/status", { signal }),

  signIn: (name: string, password: string) =>
    json<Session>("/api/v1/session", { method: "POST", body: { name, password } }),

  account: (signal?: AbortSignal) => json<{ account: Account } | Account>("/api/v1/session", { signal }),

  signOut: () => json<void>("/api/v1/session", { method: "DELETE" }),

  /** By POST, so that no name or identity number is ever part of an address. */
  findPersons: (search: PersonSearch, signal?: AbortSignal) =>
    json<PersonsFound>("/api/v1/persons/search", { method: "POST", body: search, signal }),

  summary: (person: string, signal?: AbortSignal) =>
    json<Summary>(`/api/v1/persons/${segment(person)}/summary`, { signal }),

  timeline(person: string, options: TimelineOptions, signal?: AbortSignal) {
    const query = queryOf({
      before: options.before,
      kinds: options.kinds?.join(","),
      institution: options.institution,
      limit: options.limit,
    });
    return json<Timeline>(`/api/v1/persons/${segment(person)}/timeline${query}`, { signal });
  },

  trend: (person: string, code: string, signal?: AbortSignal) =>
    json<Trend>(`/api/v1/persons/${segment(person)}/trend?code=${segment(code)}`, { signal }),

  medicines: (person: string, signal?: AbortSignal) =>
    json<{ entries: Medicine[]; truncated?: boolean }>(`/api/v1/persons/${segment(person)}/medicines`, { signal }),

  /** 紧急调阅: opens a record without a ground, for a reason that is kept, told to the resident and reviewed. */
  emergency: (person: string, reason: { reason_code: string; reason: string }) =>
    json<Ground>(`/api/v1/persons/${segment(person)}/emergency`, { method: "POST", body: reason }),

  /** The signed launch from a hospital's own program. */
  launch: (request: LaunchRequest) =>
    json<{ session: Session; person: { id: string } }>("/api/v1/launch", {
      method: "POST",
      body: { ...request, at: Number(request.at) },
    }),

  accessLog: (person: string, signal?: AbortSignal) =>
    json<AccessLog>(`/api/v1/persons/${segment(person)}/access`, { signal }),

  /** The part of the message that a fact was read from. */
  origin: (type: string, id: string, purpose?: Purpose, signal?: AbortSignal) =>
    json<Origin>(`/api/v1/origin/${segment(type)}/${segment(id)}`, { signal, purpose }),

  /** The stored resource, byte for byte: the text is shown, never a value that was parsed and printed again. */
  source: (type: string, id: string, purpose?: Purpose, signal?: AbortSignal) =>
    send(`/fhir/R4/${segment(type)}/${segment(id)}`, { accept: "application/fhir+json", signal, purpose }),
};
