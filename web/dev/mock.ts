/**
 * A stand-in for the server while pages are being made: answers `/api/v1` and `/fhir/R4/{type}/{id}` from invented people.
 * Sign in as `doctor`, `family`, `resident`, `manager`, `operator`, `auditor` or `index`, all with the password `demo`. It is a development tool: `vite build` never reads it.
 */

import type { IncomingMessage, ServerResponse } from "node:http";

import { careAnswer, faceOf, groundOf, NO_GROUND, placeOf } from "./care.ts";
import { identityAnswer } from "./identity.ts";
import { PEOPLE, type Entry, type Somebody } from "./people.ts";
import { roadAnswer } from "./road.ts";

type Next = () => void;

interface MockAccount {
  name: string;
  display_name: string;
  role: string;
  institution?: string;
  institution_name?: string;
  department?: string;
  department_name?: string;
  staff_number?: string;
}

const COUNTY = { institution: "123400000990121001", institution_name: "望岚县人民医院（演示）" };
const ACCOUNTS: readonly MockAccount[] = [
  {
    name: "doctor",
    display_name: "沈知微",
    role: "clinician",
    ...COUNTY,
    department: "0303",
    department_name: "内分泌科",
    staff_number: "D1024",
  },
  {
    name: "family",
    display_name: "顾清和",
    role: "family-doctor",
    institution: "123400000990121100",
    institution_name: "槐溪镇卫生院（演示）",
    staff_number: "F0107",
  },
  { name: "resident", display_name: "周岫宁", role: "resident" },
  { name: "manager", display_name: "陆平川", role: "institution-administrator", ...COUNTY, staff_number: "A0003" },
  { name: "operator", display_name: "严松", role: "platform-operator" },
  { name: "auditor", display_name: "顾明达", role: "audit-administrator" },
  { name: "index", display_name: "宋知一", role: "index-administrator" },
  { name: "system", display_name: "祁安", role: "system-administrator" },
];
const tokenOf = (account: MockAccount): string => `km_mock_${account.name}`;
const RESULTS_MAX = 40;

interface Access {
  at: string;
  actor: string;
  display_name: string;
  role: string;
  institution: string;
  institution_name: string;
  purpose: string;
  purpose_zh: string;
  action: string;
  what: string;
  request_id: string;
}

const looked = new Map<string, Access[]>();
let requests = 0;

function note(by: MockAccount, person: string, action: string, what: string): void {
  requests += 1;
  const isOwn = by.role === "resident";
  const entry: Access = {
    at: new Date().toISOString(),
    actor: by.name,
    display_name: by.display_name,
    role: by.role,
    institution: by.institution ?? "",
    institution_name: by.institution_name ?? "",
    purpose: isOwn ? "PATRQT" : "TREAT",
    purpose_zh: isOwn ? "本人查询" : "诊疗",
    action,
    what,
    request_id: requestId(),
  };
  looked.set(person, [entry, ...(looked.get(person) ?? [])]);
}

const requestId = (): string => `mock-${String(requests).padStart(6, "0")}`;

/** The middleware. */
export function mockServer() {
  return (request: IncomingMessage, response: ServerResponse, next: Next): void => {
    const url = new URL(request.url ?? "/", "http://mock");
    if (!/^\/(api|fhir)\//.test(url.pathname)) return next();
    void body(request).then((sent) => answer(request, response, url, sent));
  };
}

async function body(request: IncomingMessage): Promise<Record<string, string>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length > 0 ? (JSON.parse(Buffer.concat(parts).toString("utf8")) as Record<string, string>) : {};
}

function answer(request: IncomingMessage, response: ServerResponse, url: URL, sent: Record<string, string>): void {
  const say = (status: number, value: unknown): void => {
    response.writeHead(status, {
      "X-Request-Id": requestId(),
      "Content-Type": "application/json; charset=utf-8",
      "Cache-Control": "no-store",
    });
    response.end(value === undefined ? "" : JSON.stringify(value, null, 1));
  };
  const refuse = (status: number, code: string, zh: string, en: string, detail: string): void =>
    say(status, { error: { code, zh, en, detail } });
  const path = url.pathname;

  if (path === "/api/v1/status") return say(200, { demo: true, version: "0.1.0-mock" });
  if (path === "/api/v1/session" && request.method === "POST") {
    const account = ACCOUNTS.find((one) => one.name === sent["name"]);
    if (!account || sent["password"] !== "demo")
      return refuse(401, "not-signed-in", "请先登录", "sign in first", "the name or the password is wrong");
    return say(200, {
      token: tokenOf(account),
      account,
      expires_at: new Date(Date.now() + 8 * 3_600_000).toISOString(),
    });
  }
  if (path === "/api/v1/launch") {
    const launched = careAnswer({ name: "", role: "" }, "POST", path, url.searchParams, sent);
    return say(launched?.status ?? 404, launched?.value);
  }
  const by = ACCOUNTS.find((one) => request.headers.authorization === `Bearer ${tokenOf(one)}`);
  if (!by) return refuse(401, "not-signed-in", "请先登录", "sign in first", "no bearer token");
  if (path === "/api/v1/session") return request.method === "DELETE" ? say(204, undefined) : say(200, { account: by });
  const ofRoad = roadAnswer(by, request.method ?? "GET", path, url.searchParams, sent);
  if (ofRoad && "bytes" in ofRoad) {
    response.writeHead(200, { "Content-Type": "application/octet-stream" });
    return void response.end(ofRoad.bytes);
  }
  if (ofRoad) return say(ofRoad.status, ofRoad.value);
  const ofIdentity = identityAnswer(by, path, url.searchParams, sent);
  if (ofIdentity) return say(ofIdentity.status, ofIdentity.value);
  if (path === "/api/v1/persons/search") return say(200, search(sent, by.role));
  const ofCare = careAnswer(by, request.method ?? "GET", path, url.searchParams, sent);
  if (ofCare) return say(ofCare.status, ofCare.value);

  const source = /^\/fhir\/R4\/(\w+)\/([^/]+)$/.exec(path);
  const found = source
    ? PEOPLE.find((person) => person.id === source[2] || person.entries.some((entry) => entry.id === source[2]))
    : undefined;
  if (source && found) {
    note(by, found.id, "read", source[1] ?? "");
    return say(200, resource(found, source[1] ?? "", source[2] ?? ""));
  }
  const page = /^\/api\/v1\/persons\/([^/]+)\/(summary|timeline|trend|access)$/.exec(path);
  const person = page && PEOPLE.find((one) => one.id === decodeURIComponent(page[1] ?? ""));
  if (!page || !person)
    return refuse(404, "not-found", "未找到该资源", "no such resource", path.replace(/\d{6,}/g, "…"));
  const ground = groundOf(person, by.role);
  if (!ground && page[2] !== "access") return say(403, { error: NO_GROUND });
  note(
    by,
    person.id,
    page[2] === "access" ? "access-log" : (page[2] ?? ""),
    page[2] === "trend" ? "Observation" : "Person",
  );
  switch (page[2]) {
    case "summary":
      return say(200, { ...summary(person), ground });
    case "timeline":
      return say(200, timeline(person, url.searchParams));
    case "trend":
      return say(200, trend(person, (url.searchParams.get("code") ?? "").split("|").pop() ?? ""));
    default:
      return say(200, { entries: looked.get(person.id) ?? [] });
  }
}

function search(sent: Record<string, string>, role: string) {
  const persons = PEOPLE.filter(
    (person) =>
      (!sent["name"] || person.name.startsWith(sent["name"])) &&
      (!sent["birth_date"] || person.birth_date === sent["birth_date"]) &&
      (!sent["identifier"] || person.identity === sent["identifier"]),
  );
  const found = persons.map((person) => {
    const ground = groundOf(person, role);
    const { id, name, gender, birth_date } = person;
    const hidden = {
      id,
      name: `${name.slice(0, 1)}**`,
      gender,
      birth_date: birth_date.slice(0, 4),
      ground: null,
      masked: true,
    };
    return ground ? { ...faceOf(person), ground } : hidden;
  });
  return { persons: found, truncated: false };
}

function newestFirst(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((left, right) => right.date.localeCompare(left.date));
}

function summary(person: Somebody) {
  const of = (type: string): Entry[] => newestFirst(person.entries.filter((entry) => entry.type === type));
  const lines = (type: string) =>
    of(type).map((entry) => {
      const { id, title, status, date, criticality } = entry;
      return { id, type, title, status, date, criticality, ...placeOf(entry) };
    });
  const latest = new Map<string, Entry>();
  for (const entry of of("Observation")) if (entry.code && !latest.has(entry.code)) latest.set(entry.code, entry);
  return {
    person: faceOf(person),
    allergies: gathered(lines("AllergyIntolerance")),
    allergies_denied: denied(person),
    problems: gathered(lines("Condition")),
    medicines: gathered(lines("MedicationRequest")),
    results: [...latest.values()].slice(0, RESULTS_MAX).map((entry) => {
      const { id, code, title, value, unit, low, high, date } = entry;
      const original =
        code === "14771-0" ? { value: String(Math.round(Number(value) * 18)), unit: "mg/dL" } : undefined;
      const line = { id, type: "Observation", code, system: "http://loinc.org", title, value, unit, low, high, date };
      return { ...line, ...placeOf(entry), ...(original ? { original } : {}) };
    }),
    basics: {
      blood_type: { abo: ["A型"], rh: ["阳性"], disagree: false },
      phone_masked: "100****1234",
      contract: { doctor: "顾清和", institution_name: "槐溪镇卫生院（演示）", until: "2026-11-30" },
    },
    new_since:
      person.entries.length > 0
        ? { since: "2026-05-02", entries: timeline(person, new URLSearchParams({ limit: "7" })).entries }
        : null,
    freshness: { last_updated: new Date(Date.now() - 600_000).toISOString(), resources: person.entries.length },
  };
}

type Sent = { id: string; type: string; title: string; date: string; institution: string; institution_name: string };

function partsBy<T>(list: readonly T[], key: (one: T) => string): T[][] {
  const parts = new Map<string, T[]>();
  for (const one of list) parts.set(key(one), [...(parts.get(key(one)) ?? []), one]);
  return [...parts.values()];
}

/** One line for each title, as the server makes them. */
function gathered<T extends Sent>(lines: readonly T[]) {
  return partsBy(lines, (line) => line.title).map((sources) => ({
    ...sources[0],
    first: sources.at(-1)?.date,
    count: sources.length,
    institutions: places(sources),
    sources,
  }));
}

function places(sources: readonly Sent[]) {
  return partsBy(sources, (line) => line.institution).map((all) => ({
    institution: all[0]?.institution,
    institution_name: all[0]?.institution_name,
    count: all.length,
    date: all[0]?.date,
  }));
}

/** Whoever has an allergy somewhere has denied it elsewhere. */
function denied(person: Somebody) {
  const allergy = person.entries.find((entry) => entry.type === "AllergyIntolerance");
  if (!allergy) return null;
  const { id, date } = allergy;
  const title = "否认药物及食物过敏史";
  const sources = [{ id, type: "Observation", title, date, institution: "990121101", institution_name: "槐溪镇卫生院（演示）" }];
  return { count: 1, institutions: places(sources), sources };
}

function timeline(person: Somebody, query: URLSearchParams) {
  const types = query.get("types")?.split(",");
  const before = Number(query.get("before") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  const all = newestFirst(
    person.entries.filter(
      (entry) =>
        entry.type !== "AllergyIntolerance" &&
        (!types || types.includes(entry.type)) &&
        (!query.get("institution") || placeOf(entry).institution === query.get("institution")),
    ),
  );
  const entries = all.slice(before, before + limit).map((entry) => {
    const { date, type, id, title, detail } = entry;
    return { date, type, id, title, detail, ...placeOf(entry) };
  });
  return { entries, next: before + limit < all.length ? String(before + limit) : null };
}

function trend(person: Somebody, code: string) {
  const all = newestFirst(person.entries.filter((entry) => entry.code === code)).reverse();
  const points = all.map((entry) => {
    const { date, value, unit, id } = entry;
    return { date, value, unit, id, ...placeOf(entry) };
  });
  return { code, title: all[0]?.title, unit: all[0]?.unit, points };
}

function resource(person: Somebody, type: string, id: string) {
  const entry = person.entries.find((one) => one.id === id);
  const meta = { versionId: "1", lastUpdated: "2026-06-18T02:11:09.120Z", source: "urn:demo:clinic" };
  if (!entry)
    return {
      resourceType: "Patient",
      id,
      meta,
      name: [{ text: person.name }],
      gender: person.gender,
      birthDate: person.birth_date,
    };
  const subject = { reference: `Patient/${person.id}` };
  const code = { coding: entry.code ? [{ system: "http://loinc.org", code: entry.code }] : [], text: entry.title };
  const value =
    entry.value && entry.unit
      ? { valueQuantity: { value: Number(entry.value), unit: entry.unit, system: "http://unitsofmeasure.org" } }
      : {};
  return {
    resourceType: type,
    id,
    meta,
    status: entry.status ?? "final",
    code,
    subject,
    effectiveDateTime: entry.date,
    ...value,
  };
}
