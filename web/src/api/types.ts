/**
 * What `/api/v1` answers. Every field that a source may lack is optional or null here, because records are as complete as
 * the institutions that sent them.
 */

/** Who is signed in. */
export interface Account {
  name: string;
  display_name: string;
  role: string;
  institution?: string | null;
}

export interface Session {
  token: string;
  account: Account;
  /** An instant in ISO text, or milliseconds since 1970. */
  expires_at?: string | number | null;
}

export interface Identifier {
  system?: string | null;
  /** What kind of identifier it is, in the source's words. */
  type?: string | null;
  /** The identifier with its middle hidden; the server never sends the whole of it. */
  masked: string;
}

/** `male | female | other | unknown`, or nothing. */
export type Gender = string | null | undefined;

export interface Person {
  id: string;
  name?: string | null;
  gender?: Gender;
  birth_date?: string | null;
  /** Day of death, or `true` when only the fact is known. */
  deceased?: string | boolean | null;
  address?: string | null;
  identifiers?: Identifier[] | null;
}

export interface PersonSearch {
  name?: string;
  birth_date?: string;
  identifier?: string;
}

export interface PersonsFound {
  persons: Person[];
  truncated?: boolean;
}

/** Anything that stands in the record as one FHIR resource. */
export interface Line {
  id: string;
  type: string;
  title?: string | null;
  date?: string | null;
}

export interface Allergy extends Line {
  /** `low | high | unable-to-assess`, or nothing. */
  criticality?: string | null;
  /** FHIR's clinical status: `active | inactive | resolved`, or nothing. */
  status?: string | null;
}

export interface Problem extends Line {
  /** FHIR's clinical status: `active | recurrence | relapse | inactive | remission | resolved`. */
  status?: string | null;
}

export interface Medicine extends Line {
  /** FHIR's request status: `active | on-hold | stopped | completed | …`. */
  status?: string | null;
  dosage?: string | null;
}

/** A number as the source wrote it (`6.0` stays `6.0`), or words. */
export type ResultValue = string | number | boolean | null | undefined;

export interface Result {
  id: string;
  type?: string;
  code?: string | null;
  system?: string | null;
  title?: string | null;
  value?: ResultValue;
  unit?: string | null;
  low?: string | number | null;
  high?: string | number | null;
  date?: string | null;
}

export interface Summary {
  person: Person;
  allergies: Allergy[];
  problems: Problem[];
  medicines: Medicine[];
  results: Result[];
  freshness?: Freshness | null;
}

/** What the page was made of. */
export interface Freshness {
  /** The newest change among the resources read. */
  last_updated?: string | null;
  resources?: number | null;
  /** There was more than the page reads. */
  truncated?: boolean | null;
}

export interface TimelineEntry extends Line {
  detail?: string | null;
}

export interface Timeline {
  entries: TimelineEntry[];
  /** What to pass as `before` for the entries that follow; absent at the end. */
  next?: string | null;
}

export interface TrendPoint {
  date: string;
  value: ResultValue;
  unit?: string | null;
  /** The reference range that came with this very result. */
  low?: ResultValue;
  high?: ResultValue;
  id: string;
}

export interface Trend {
  code: string;
  title?: string | null;
  unit?: string | null;
  points: TrendPoint[];
  truncated?: boolean;
}

export interface AccessEntry {
  at: string | number;
  actor: string;
  display_name?: string | null;
  role?: string | null;
  institution?: string | null;
  purpose?: string | null;
  purpose_zh?: string | null;
  action?: string | null;
  what?: string | null;
  /** `success | denied | refused | failed`. */
  outcome?: string | null;
  request_id?: string | null;
}

export interface AccessLog {
  entries: AccessEntry[];
  truncated?: boolean;
}

export interface Status {
  demo?: boolean;
  version?: string;
}
