/** The one place that talks to the server. */

import { ApiError, errorFromAnswer, UNREACHABLE, UNREADABLE } from "./error.ts";
import { session } from "./session.ts";
import type {
  AccessLog,
  Account,
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
}

/** Sends a request and returns the text of a 2xx answer; anything else is thrown as an {@link ApiError}. */
async function send(path: string, ask: Ask): Promise<string> {
  const headers: Record<string, string> = {
    Accept: ask.accept ?? "application/json",
    // FHIR errors carry one sentence only, in the language asked for.
    "Accept-Language": document.documentElement.lang,
  };
  const token = session.get()?.token;
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (ask.body !== undefined) headers["Content-Type"] = "application/json";
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = ask.signal ? AbortSignal.any([ask.signal, timeout]) : timeout;

  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path, {
      method: ask.method ?? "GET",
      headers,
      body: ask.body === undefined ? null : JSON.stringify(ask.body),
      signal,
      cache: "no-store",
      credentials: "omit",
    });
    text = await answer.text();
  } catch (cause) {
    if (ask.signal?.aborted) throw cause;
    throw new ApiError({ status: 0, code: UNREACHABLE });
  }
  if (answer.ok) {
    if (token) session.used();
    return text;
  }
  // A refused sign-in is also 401, but then there is no session to end.
  if (answer.status === 401 && token) session.end("by-server");
  throw errorFromAnswer(answer.status, text, answer.headers.get("X-Request-Id"));
}

async function json<T>(path: string, ask: Ask = {}): Promise<T> {
  const text = await send(path, ask);
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text, keepDecimals) as T;
  } catch {
    throw new ApiError({ status: 200, code: UNREADABLE });
  }
}

/** JSON names whose numbers are clinical values: they keep the digits that the source wrote. */
const DECIMALS = new Set(["value", "low", "high"]);

/** `{"value": 6.0}` is read as the text `6.0`, because a laboratory's trailing zero is a statement about precision. */
function keepDecimals(this: unknown, name: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" && context?.source !== undefined && DECIMALS.has(name) ? context.source : value;
}

const segment = encodeURIComponent;

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

  timeline(
    person: string,
    options: { before?: string; types?: readonly string[]; limit?: number },
    signal?: AbortSignal,
  ) {
    const query = new URLSearchParams();
    if (options.before) query.set("before", options.before);
    if (options.types?.length) query.set("types", options.types.join(","));
    if (options.limit) query.set("limit", String(options.limit));
    const tail = query.size > 0 ? `?${query}` : "";
    return json<Timeline>(`/api/v1/persons/${segment(person)}/timeline${tail}`, { signal });
  },

  trend: (person: string, code: string, signal?: AbortSignal) =>
    json<Trend>(`/api/v1/persons/${segment(person)}/trend?code=${segment(code)}`, { signal }),

  accessLog: (person: string, signal?: AbortSignal) =>
    json<AccessLog>(`/api/v1/persons/${segment(person)}/access`, { signal }),

  /** The stored resource, byte for byte: the text is shown, never a value that was parsed and printed again. */
  source: (type: string, id: string, signal?: AbortSignal) =>
    send(`/fhir/R4/${segment(type)}/${segment(id)}`, { accept: "application/fhir+json", signal }),
};
