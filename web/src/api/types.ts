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
  institution_name?: string | null;
  department?: string | null;
  department_name?: string | null;
  /** 工号 */
  staff_number?: string | null;
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
  age_years?: number | null;
  /** The registrations that are this person's, one per institution and card. */
  registrations?: Registration[] | null;
}

/** 患者登记: as one institution knows the person. */
export interface Registration {
  id: string;
  institution?: string | null;
  institution_name?: string | null;
  number_masked?: string | null;
}

/** Why the reader may look: the rule that says so, in both languages. */
export interface Ground {
  kind: "visit" | "contract" | "own" | "proxy" | "emergency" | "grant";
  rule?: string | null;
  zh?: string | null;
  en?: string | null;
  until?: string | number | null;
  reason?: string | null;
  /** The page carries the reader's name, number and time. */
  watermark?: boolean | null;
}

/** A person found by a search. */
export interface FoundPerson extends Person {
  ground?: Ground | null;
  /** The reader has no ground: only so much is told as to know whether it is them. */
  masked?: boolean | null;
}

export interface PersonSearch {
  name?: string;
  birth_date?: string;
  identifier?: string;
}

export interface PersonsFound {
  persons: FoundPerson[];
  truncated?: boolean;
}

/** Anything that stands in the record as one FHIR resource. */
export interface Line {
  id: string;
  type: string;
  title?: string | null;
  date?: string | null;
  institution?: string | null;
  institution_name?: string | null;
}

/** How often one institution says something, and when last. */
export interface Said {
  institution?: string | null;
  institution_name?: string | null;
  count: number;
  date?: string | null;
}

/** One line that many sources say: it carries what the newest of them says. */
export interface Gathered extends Line {
  /** How many say it; absent from a list that gathers nothing. */
  count?: number | null;
  /** The earliest date. */
  first?: string | null;
  institutions?: readonly Said[] | null;
  /** Everything that the line was made of, newest first. */
  sources?: readonly Line[] | null;
}

export interface Allergy extends Gathered {
  /** An allergy is noted, and the substance is not. */
  unnamed?: boolean | null;
  /** Who ruled it out, while others say it. */
  refuted_by?: readonly Said[] | null;
  /** `low | high | unable-to-assess`, or nothing. */
  criticality?: string | null;
  /** FHIR's clinical status: `active | inactive | resolved`, or nothing. */
  status?: string | null;
}

/** Who says that there is no allergy (否认过敏史). */
export interface Denied {
  count: number;
  institutions: readonly Said[];
  sources: readonly Line[];
}

/** A rule that moves lines to what is over, as the page shows it. */
export interface Rule {
  zh: string;
  en: string;
  version: string;
}

export interface Problem extends Gathered {
  /** Why it is over although the source said `active`: `acute`. */
  over?: string | null;
  /** FHIR's clinical status: `active | recurrence | relapse | inactive | remission | resolved`. */
  status?: string | null;
}

export interface Medicine extends Gathered {
  /** Why it is over although the source said `active`: `supply | without-duration`. */
  over?: string | null;
  /** Why it does not count: `entered-in-error`, `cancelled`. */
  standing?: string | null;
  /** FHIR's request status: `active | on-hold | stopped | completed | …`. */
  status?: string | null;
  dosage?: string | null;
  specification?: string | null;
  quantity?: string | number | null;
  prescriber?: string | null;
}

/** A number as the source wrote it (`6.0` stays `6.0`), or words. */
export type ResultValue = string | number | boolean | null | undefined;

/** A value and unit as the institution sent them, where they were converted. */
export interface Original {
  value?: ResultValue;
  unit?: string | null;
}

/** High, low, abnormal, doubled where critical (危急值), or normal: what the institution said about its own value. */
export type Flag = "H" | "L" | "A" | "HH" | "LL" | "AA" | "N" | null | undefined;

export interface Result {
  id: string;
  type?: string;
  institution?: string | null;
  institution_name?: string | null;
  original?: Original | null;
  flag?: Flag;
  /** FHIR's observation status: `final`, or how far from it. */
  status?: string | null;
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
  allergies_denied?: Denied | null;
  problems: Problem[];
  medicines: Medicine[];
  /** By what lines of these lists are over. */
  rules?: { problems: Rule; medicines: Rule } | null;
  results: Result[];
  freshness?: Freshness | null;
  ground?: Ground | null;
  basics?: Basics | null;
  /** What came since the last visit at the reader's own institution. */
  new_since?: { since: string; entries: TimelineEntry[]; truncated?: boolean | null } | null;
}

/** 血型: every word that a source used; more than one where they disagree. */
export interface BloodType {
  abo: readonly string[];
  rh: readonly string[];
  disagree?: boolean | null;
}

/** 个人基本健康信息 */
export interface Basics {
  blood_type?: BloodType | null;
  phone_masked?: string | null;
  address?: string | null;
  contract?: { doctor?: string | null; institution_name?: string | null; until?: string | null } | null;
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
  /** `encounters`, `results`, `notes` …: what the timeline can be narrowed to. */
  kind?: string;
  /** Why it does not count: `entered-in-error`, `refuted`, `cancelled`. */
  standing?: string | null;
  status?: string | null;
  detail?: string | null;
  department?: string | null;
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
  flag?: Flag;
  status?: string | null;
  id: string;
  institution_name?: string | null;
  original?: Original | null;
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
  institution_name?: string | null;
  emergency?: boolean | null;
  reason?: string | null;
  /** The id of the rule that was the ground. */
  ground?: string | null;
}

/** The part of a message that a fact was read from (查看原文). */
export interface Origin {
  original: string;
  /** Where in the message: `row[17]`, `OBX[3]`, a path of a document. */
  path: string;
  form?: string | null;
  is_whole?: boolean | null;
  text: string;
  /** For people, where the form has a rendering: escaped by the server, without scripts. */
  html?: string | null;
}

export interface AccessLog {
  entries: AccessEntry[];
  truncated?: boolean;
}

export interface Status {
  demo?: boolean;
  version?: string;
}
