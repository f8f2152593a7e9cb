/** A refusal, whoever spoke it: the platform's error table, a FHIR OperationOutcome, or the network itself. */

import type { Language } from "../words/index.ts";

/** A refusal that carries the server's stable code and its sentence in both languages. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly zh: string | undefined;
  readonly en: string | undefined;
  readonly detail: string | undefined;
  readonly requestId: string | undefined;
  /** The rule of the policy that refused, `no-ground` for a record that the reader has no reason to open. */
  readonly rule: string | undefined;

  constructor(parts: {
    status: number;
    code: string;
    zh?: string | undefined;
    en?: string | undefined;
    detail?: string | undefined;
    requestId?: string | undefined;
    rule?: string | undefined;
  }) {
    super(`${parts.code} (${parts.status})`);
    this.name = "ApiError";
    this.status = parts.status;
    this.code = parts.code;
    this.zh = parts.zh;
    this.en = parts.en;
    this.detail = parts.detail;
    this.requestId = parts.requestId;
    this.rule = parts.rule;
  }

  /** The server's sentence in the reader's language, if it sent one. */
  sentence(language: Language): string | undefined {
    return language === "zh" ? (this.zh ?? this.en) : (this.en ?? this.zh);
  }
}

/** The code when no answer came at all. */
export const UNREACHABLE = "unreachable";
/** The code when an answer came that is not one of ours (a proxy's page, a cut body). */
export const UNREADABLE = "unreadable-answer";

/** Makes an error of an answer whose status is not 2xx. The body may be ours, FHIR's, or anything. */
export function errorFromAnswer(status: number, body: string, requestId?: string | null): ApiError {
  const shared = { status, requestId: requestId ?? undefined };
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return new ApiError({ ...shared, code: UNREADABLE });
  }
  if (!isObject(parsed)) return new ApiError({ ...shared, code: UNREADABLE });
  if (parsed["resourceType"] === "OperationOutcome") return fromOutcome(parsed, shared);
  const nested = isObject(parsed["error"]) ? parsed["error"] : parsed;
  return new ApiError({
    ...shared,
    code: text(nested["code"]) ?? UNREADABLE,
    zh: text(nested["zh"]),
    en: text(nested["en"]),
    detail: text(nested["detail"]),
    rule: text(nested["rule"]) ?? ruleIn(text(nested["detail"])),
  });
}

/** A refusal of the policy ends with the rule that spoke: `… (no-ground)`. */
function ruleIn(detail: string | undefined): string | undefined {
  return /\(([a-z][a-z-]*)\)$/.exec(detail ?? "")?.[1];
}

function fromOutcome(
  outcome: Record<string, unknown>,
  shared: { status: number; requestId: string | undefined },
): ApiError {
  const issues = Array.isArray(outcome["issue"]) ? outcome["issue"].filter(isObject) : [];
  const first = issues[0] ?? {};
  const details = isObject(first["details"]) ? first["details"] : {};
  const codings = Array.isArray(details["coding"]) ? details["coding"].filter(isObject) : [];
  return new ApiError({
    ...shared,
    code: text(codings[0]?.["code"]) ?? text(first["code"]) ?? UNREADABLE,
    ...bothLanguages(text(details["text"]) ?? text(codings[0]?.["display"])),
    detail: text(first["diagnostics"]),
  });
}

/** An outcome has one sentence, already in the language that was asked for. */
function bothLanguages(sentence: string | undefined): { zh: string | undefined; en: string | undefined } {
  return { zh: sentence, en: sentence };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
