/** What the mock says to clinicians, family doctors, residents and auditors beyond the record itself. */

import { PEOPLE, type Entry, type Somebody } from "./people.ts";

const DAY = 86_400_000;
const COUNTY = { institution: "123400000990121001", institution_name: "望岚县人民医院（演示）" };
const TOWNSHIP = { institution: "123400000990121100", institution_name: "槐溪镇卫生院（演示）" };
const CITY = { institution: "123400000990100001", institution_name: "云岫市第一医院（演示）" };

const iso = (daysAgo: number): string => new Date(Date.now() - daysAgo * DAY).toISOString();

/** Where an entry comes from: hospital visits from the county, the rest from the township. */
export function placeOf(entry: Entry): typeof COUNTY {
  const number = Number(/\d+$/.exec(entry.id)?.[0] ?? 0);
  return entry.detail?.includes("县人民医院") || number % 5 === 4 ? COUNTY : number % 11 === 0 ? CITY : TOWNSHIP;
}

export function registrationsOf(person: Somebody) {
  if (person.entries.length === 0) return [{ id: `r-${person.id}`, ...TOWNSHIP, number_masked: "****07" }];
  return [
    { id: "r-1", ...TOWNSHIP, number_masked: "****31" },
    { id: "r-2", ...COUNTY, number_masked: "M******88" },
    { id: "r-3", ...CITY, number_masked: "******4102" },
  ];
}

/** Persons opened in an emergency, and when. */
const opened = new Map<string, { at: number; reason: string; reason_code: string; by: string }>();

export function groundOf(person: Somebody, role: string) {
  const asked = opened.get(person.id);
  if (role === "resident")
    return {
      kind: person.id === "p-0001" ? "own" : "proxy",
      rule: "own-record",
      zh: "本人查看自己的健康档案",
      en: "residents see their own records",
      watermark: false,
    };
  if (role === "family-doctor")
    return {
      kind: "contract",
      rule: "contract",
      zh: "签约家庭医生在签约期内可以调阅",
      en: "family doctors see the records of residents with a contract",
      until: iso(-200),
      watermark: false,
    };
  if (person.id === "p-0001" || person.id === "p-0003")
    return {
      kind: "visit",
      rule: "active-visit",
      zh: "就诊期间，接诊医生可以调阅",
      en: "the treating clinician sees the record during a visit",
      until: iso(-1),
      watermark: false,
    };
  if (asked)
    return {
      kind: "emergency",
      rule: "emergency",
      zh: "紧急调阅，事由已记录",
      en: "emergency access, the reason is kept",
      until: iso(-0.1),
      reason: asked.reason,
      watermark: true,
    };
  return null;
}

export const NO_GROUND = {
  code: "forbidden",
  rule: "no-ground",
  zh: "您与这位居民没有就诊或签约关系，不能调阅其健康档案",
  en: "you have no ground to look at this record: neither a visit nor a contract",
  detail: "no ground",
};

export const faceOf = (person: Somebody) => {
  const { id, name, gender, birth_date, address } = person;
  const masked = `${person.identity.slice(0, 6)}********${person.identity.slice(-4)}`;
  return {
    ...{ id, name, gender, birth_date, address, registrations: registrationsOf(person) },
    identifiers: [{ system: "urn:oid:2.16.156.10011.1.3", type: "居民身份证", masked }],
  };
};

const chronic = PEOPLE[0] as Somebody;

function visits() {
  const classes = ["AMB", "AMB", "IMP", "EMER"];
  return PEOPLE.slice(0, 4).map((person, at) => ({
    person: faceOf(person),
    encounter: {
      id: `v-${at}`,
      class: classes[at],
      start: iso(at * 0.2),
      number: `MZ26112200${at}${at}`,
      department: "内分泌科",
      practitioner: at % 2 ? "黎晴" : "沈知微",
    },
    until: classes[at] === "IMP" ? null : iso(-1),
  }));
}

const LISTS = [
  {
    id: "follow-up-due",
    title_zh: "今日随访",
    title_en: "Follow-up due today",
    rule_zh: "高血压、糖尿病患者距上次随访满 90 天",
    rule_en: "hypertension or diabetes, and 90 days since the last follow-up",
    source: "国家基本公共卫生服务规范（第三版）",
    version: "1",
    count: 2,
  },
  {
    id: "blood-pressure-above-target",
    title_zh: "血压未达标",
    title_en: "Blood pressure above target",
    rule_zh: "最近一次收缩压 ≥ 140 或舒张压 ≥ 90 mmHg（65 岁以上收缩压 ≥ 150）",
    rule_en: "latest systolic ≥ 140 or diastolic ≥ 90 mmHg (systolic ≥ 150 above 65 years)",
    source: "国家基本公共卫生服务规范（第三版）",
    version: "1",
    count: 1,
  },
  {
    id: "discharged",
    title_zh: "出院待随访",
    title_en: "Discharged, to be followed up",
    rule_zh: "出院 7 日内尚无随访记录",
    rule_en: "discharged within 7 days, no follow-up yet",
    source: "家庭医生签约服务规范",
    version: "1",
    count: 0,
  },
];

function medicines(person: Somebody) {
  const list = person.entries.filter((entry) => entry.type === "MedicationRequest");
  return list.map((entry, at) => ({
    ...{ id: entry.id, type: entry.type, title: entry.title, date: entry.date, status: entry.status ?? "active" },
    ...{
      specification: "0.5g×48 片",
      dosage: entry.detail ?? "口服，每日 2 次，每次 1 片",
      quantity: "2 盒",
      prescriber: at % 2 ? "黎晴" : "沈知微",
      ...placeOf(entry),
    },
  }));
}

function reports(person: Somebody, before: number) {
  const all = person.entries
    .filter((entry) => entry.type === "DiagnosticReport")
    .sort((a, b) => b.date.localeCompare(a.date));
  const page = all.slice(before, before + 3).map((entry) => ({
    ...{ id: entry.id, type: entry.type, title: entry.title, date: entry.date, status: "final", ...placeOf(entry) },
    results: person.entries
      .filter((one) => one.type === "Observation" && one.date === entry.date && one.value)
      .map(({ title, value, unit, low, high }) => ({
        title,
        value,
        unit,
        low,
        high,
        flag: Number(value) > Number(high ?? 1e9) ? "H" : Number(value) < Number(low ?? -1) ? "L" : null,
      })),
  }));
  return { reports: page, next: before + 3 < all.length ? String(before + 3) : null };
}

function bills(person: Somebody) {
  const hospital = person.entries
    .filter((entry) => entry.type === "Encounter")
    .slice(-6)
    .reverse();
  return hospital.map((entry, at) => ({
    ...{
      encounter: entry.id,
      date: entry.date,
      ...placeOf(entry),
      department: "内分泌科",
      total: at === 1 ? 186.5 : 212.3,
    },
    lines: [
      {
        id: `c-${at}-1`,
        title: "糖化血红蛋白测定",
        quantity: 1,
        unit_price: 60,
        amount: 60,
        date: entry.date,
        refund: false,
      },
      {
        id: `c-${at}-2`,
        title: "盐酸二甲双胍片 0.5g",
        quantity: 2,
        unit_price: 76.15,
        amount: 152.3,
        date: entry.date,
        refund: false,
      },
      ...(at === 1
        ? [
            {
              id: `c-${at}-3`,
              title: "盐酸二甲双胍片 0.5g（退费）",
              quantity: 1,
              unit_price: -25.8,
              amount: -25.8,
              date: entry.date,
              refund: true,
            },
          ]
        : []),
    ],
  }));
}

const mine = [
  {
    id: "o2",
    about: { type: "Observation", id: "observation-3", title: "空腹血糖", date: "2026-09-12" },
    text: "当天我吃过早饭，不是空腹。",
    institution_name: COUNTY.institution_name,
    status: "accepted",
    at: Date.now() - 30 * DAY,
    answer: "已核实，改为餐后血糖。" as string | null,
  },
];

function reviews() {
  const asked = [...opened].map(([id, { at, reason, reason_code, by }], n) => ({
    id: `rv-n${n}`,
    at,
    actor: by,
    display_name: "沈知微",
    institution_name: COUNTY.institution_name,
    person: { id, name_masked: "欧阳**" },
    reason_code,
    reason,
    looks: 4,
    status: "open",
  }));
  return [...asked, ...REVIEWS];
}

const REVIEWS = [
  {
    id: "rv-1",
    at: Date.now() - DAY,
    actor: "doctor",
    display_name: "沈知微",
    institution_name: COUNTY.institution_name,
    person: { id: "p-0004", name_masked: "欧阳**" },
    reason_code: "unconscious",
    reason: "急诊送入，意识不清，需了解过敏史和用药。",
    looks: 6,
    status: "open",
    note: "",
  },
  {
    id: "rv-2",
    at: Date.now() - DAY * 1.1,
    actor: "doctor2",
    display_name: "黎晴",
    institution_name: COUNTY.institution_name,
    person: { id: "p-0002", name_masked: "周**" },
    reason_code: "other",
    reason: "看一下以前的检查。",
    looks: 19,
    status: "unjustified",
    note: "不属于紧急情况，已通知其机构。",
  },
];

function events(query: URLSearchParams) {
  const from = Number(query.get("before") ?? 4_000);
  const people = ["沈知微", "黎晴", "陆平川", "周岫宁"];
  const list = Array.from({ length: 50 }, (_, at) => {
    const n = from - at - 1;
    const isEmergency = n % 17 === 3;
    return {
      sequence: n,
      at: Date.now() - (4_000 - n) * 97_000,
      actor: ["doctor", "doctor2", "manager", "resident"][n % 4],
      display_name: people[n % 4],
      role: ["clinician", "clinician", "institution-administrator", "resident"][n % 4],
      institution_name: n % 4 === 3 ? null : COUNTY.institution_name,
      action: isEmergency ? "emergency" : ["summary", "timeline", "receipts", "reports"][n % 4],
      what: n % 4 === 2 ? "" : "Person",
      outcome: n % 23 === 5 ? "denied" : "success",
      purpose: isEmergency ? "ETREAT" : ["TREAT", "TREAT", "HOPERAT", "PATRQT"][n % 4],
      rule: isEmergency ? "emergency" : ["active-visit", "active-visit", "own-institution", "own-record"][n % 4],
      persons_count: n % 4 === 2 ? 0 : 1,
      emergency: isEmergency,
      ...(isEmergency ? { reason: "急诊送入，意识不清" } : {}),
    };
  });
  const wanted = list.filter(
    (one) =>
      (!query.get("actor") || one.actor === query.get("actor")) &&
      (!query.get("action") || one.action === query.get("action")),
  );
  return { events: wanted, next: from > 3_850 ? String(from - 50) : null };
}

interface Account {
  name: string;
  role: string;
}

/** Answers the addresses of this file; undefined for all others. */
export function careAnswer(
  by: Account,
  method: string,
  path: string,
  query: URLSearchParams,
  sent: Record<string, string>,
): { status: number; value: unknown } | undefined {
  const ok = (value: unknown) => ({ status: 200, value });
  if (path === "/api/v1/worklist") return ok({ visits: visits(), truncated: false });
  if (path === "/api/v1/contracts")
    return ok({
      persons: PEOPLE.map((person, at) => ({
        person: faceOf(person),
        since: "2025-12-01",
        until: "2026-11-30",
        problems: at === 0 ? ["2 型糖尿病", "高血压 2 级"] : [],
        last_contact: at === 0 ? iso(93) : null,
      })),
      truncated: false,
    });
  if (path === "/api/v1/lists") return ok({ lists: LISTS });
  if (path.startsWith("/api/v1/lists/")) {
    const list = LISTS.find((one) => path.endsWith(one.id));
    const why = { why_zh: "收缩压 158 mmHg，目标 < 150 mmHg", why_en: "systolic 158 mmHg, target below 150 mmHg" };
    const evidence = [{ type: "Observation", id: "observation-2", title: "收缩压", date: iso(93) }];
    return (
      list &&
      ok({
        list,
        persons: list.count ? [{ person: faceOf(chronic), ...why, date: iso(93), evidence }] : [],
        truncated: false,
      })
    );
  }
  if (path === "/api/v1/me")
    return ok({
      persons: [
        { person: faceOf(chronic), relation: "self" },
        { person: faceOf(PEOPLE[2] as Somebody), relation: "child", until: "2043-02-20" },
      ],
      notices:
        opened.has("p-0001") || by.role === "resident"
          ? [
              {
                at: Date.now() - 3_600_000 * 5,
                kind: "emergency-access",
                zh: "望岚县人民医院（演示）沈知微医生因“急诊送入，意识不清”紧急调阅了您的健康档案。",
                en: "A clinician opened your record in an emergency.",
                person: "p-0001",
              },
            ]
          : [],
    });
  if (path === "/api/v1/launch" && method === "POST")
    return sent["signature"] === "good"
      ? ok({
          session: {
            token: "km_mock_doctor",
            account: {
              name: "doctor",
              display_name: "沈知微",
              role: "clinician",
              ...COUNTY,
              department_name: "内分泌科",
              staff_number: "D1024",
            },
          },
          person: { id: "p-0001" },
        })
      : {
          status: 401,
          value: {
            error: {
              code: "not-signed-in",
              zh: "请先登录",
              en: "sign in first",
              detail: "the signature is wrong or too old",
            },
          },
        };
  if (path === "/api/v1/audit") return ok(events(query));
  if (path === "/api/v1/reviews") return ok({ reviews: reviews().filter(({ status }) => query.has("day") || status === "open") });
  const reviewed = /^\/api\/v1\/reviews\/([\w-]+)$/.exec(path);
  if (reviewed) {
    const found = REVIEWS.find((one) => one.id === reviewed[1]);
    if (found) Object.assign(found, sent);
    return ok(found ?? {});
  }
  const origin = /^\/api\/v1\/origin\/(\w+)\/([\w-]+)$/.exec(path);
  if (origin) return ok(originOf(origin[1] ?? "", origin[2] ?? ""));
  const of = /^\/api\/v1\/persons\/([^/]+)\/(emergency|medicines|reports|bills|objections)$/.exec(path);
  const person = of && PEOPLE.find((one) => one.id === of[1]);
  if (!of || !person) return undefined;
  switch (of[2]) {
    case "emergency":
      opened.set(person.id, {
        at: Date.now(),
        reason: sent["reason"] ?? "",
        reason_code: sent["reason_code"] ?? "",
        by: by.name,
      });
      return ok(groundOf(person, by.role));
    case "medicines":
      return ok({ entries: medicines(person), truncated: false });
    case "reports":
      return ok(reports(person, Number(query.get("before") ?? 0)));
    case "bills":
      return ok({ visits: bills(person), truncated: false });
    default:
      if (method === "POST") {
        const about = person.entries.find((one) => one.id === sent["id"]);
        mine.unshift({
          id: `o${mine.length + 5}`,
          about: { type: sent["type"] ?? "", id: sent["id"] ?? "", title: about?.title ?? "", date: about?.date ?? "" },
          text: sent["text"] ?? "",
          institution_name: COUNTY.institution_name,
          status: "requested",
          at: Date.now(),
          answer: null,
        });
        return ok({ id: mine[0]?.id });
      }
      return ok({ objections: mine });
  }
}

function originOf(type: string, id: string) {
  const entry = PEOPLE.flatMap((person) => person.entries).find((one) => one.id === id);
  if (type === "Condition")
    return {
      original: "ab12",
      path: "/ClinicalDocument/component[1]",
      form: "cda",
      is_whole: true,
      text: `<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>门诊病历</title><component><section><title>诊断</title><text>${entry?.title ?? ""}</text></section></component><component><section><title>主诉</title><text>多饮、多尿 3 月余，伴乏力。</text></section></component></ClinicalDocument>`,
      html: `<!DOCTYPE html><html><body style="font-family:sans-serif"><h1>门诊病历</h1><h2>诊断</h2><p>${entry?.title ?? ""}</p></body></html>`,
    };
  if (type === "Observation")
    return {
      original: "ab13",
      path: "message[1].OBX[2]-5",
      form: "hl7v2",
      is_whole: false,
      text: `MSH|^~\\&|LIS|望岚县人民医院（演示）|KANGMAI||20261118101500||ORU^R01|M881|P|2.4\nPID|1||31^^^HOSP||周岫宁||19580312|F\nOBR|1|||SH01^生化全项\nOBX|1|NM|ALT^丙氨酸氨基转移酶||21|U/L|9-50||||F\nOBX|2|NM|GLU^${entry?.title ?? ""}||${entry?.value ?? ""}|${entry?.unit ?? ""}|3.9-6.1|H|||F`,
    };
  return {
    original: "ab14",
    path: "row[17]",
    form: "table",
    is_whole: false,
    text: `YLJGDM|JZLSH|HZXM|YPMC|YPGG|YF|SL\n123400000990121001|MZ2611220000|周岫宁|${entry?.title ?? ""}|0.5g×48|口服 bid|2`,
  };
}
