/** What the mock says about sources, receipts, problem data and days: two sources of an invented hospital, one of a township. */

const MINUTE = 60_000;
const HOSPITAL = "123400000990121001";
const TOWNSHIP = "123400000990121100";

export const INSTITUTIONS: Readonly<Record<string, string>> = {
  [HOSPITAL]: "望岚县人民医院（演示）",
  [TOWNSHIP]: "槐溪镇卫生院（演示）",
  "123400000990100001": "云岫市第一医院（演示）",
};

interface MockSource {
  name: string;
  title: string;
  institution: string;
  listen: string | null;
  folder: boolean;
  types: readonly string[];
  lagMinutes: number;
}

const SOURCES: readonly MockSource[] = [
  {
    name: "county-tables",
    title: "县医院前置机中间库",
    institution: HOSPITAL,
    listen: null,
    folder: true,
    types: ["table:charge", "table:lab_report", "table:outpatient_record"],
    lagMinutes: 34,
  },
  {
    name: "county-hl7",
    title: "县医院集成平台",
    institution: HOSPITAL,
    listen: "127.0.0.1:2575",
    folder: false,
    types: ["hl7v2:ADT^A04", "hl7v2:ORU^R01", "cda:C0007"],
    lagMinutes: 1,
  },
  {
    name: "township",
    title: "统建基层系统",
    institution: TOWNSHIP,
    listen: null,
    folder: true,
    types: ["table:patient", "table:registration"],
    lagMinutes: 3_100,
  },
];

const ISSUES = [
  {
    rule: "quality.format.number",
    severity: "warning",
    path: "row[17].JE",
    line: 18,
    column: 44,
    found: "12.5元",
    expected: "数字",
    hint: "金额只填数字，单位放在表头约定中",
  },
  {
    rule: "text.identifier.scientific-notation",
    severity: "error",
    path: "row[23].SFZH",
    line: 24,
    column: 12,
    found: "9.90121E+17",
    expected: "18 位身份证件号码",
    hint: "导出前将该列设为文本格式，避免电子表格改写号码",
  },
  {
    rule: "table.column.unknown",
    severity: "information",
    path: "header.YLYL3",
    line: 1,
    found: "YLYL3",
    hint: "映射表中没有此列，原值已随记录保存",
  },
  {
    rule: "quality.chain.visit-not-registered",
    severity: "warning",
    path: "row[5].JZLSH",
    line: 6,
    found: "MZ240312001",
    hint: "先报送挂号记录，再报送收费",
  },
  { rule: "table.unknown", severity: "fatal", path: "", found: "", hint: "文件名或表头与登记的表不符" },
];

const OUTCOMES = ["accepted", "accepted-with-findings", "accepted", "partly-set-aside", "repeated", "accepted"];

const hex = (n: number): string => n.toString(16).padStart(40, "0");

function receipt(source: MockSource, at: number) {
  const outcome = OUTCOMES[at % OUTCOMES.length] ?? "accepted";
  const isTable = source.types[0]?.startsWith("table");
  const records = isTable ? 40 + ((at * 37) % 900) : 1;
  const aside = outcome === "partly-set-aside" ? 1 + (at % 3) : 0;
  const found = outcome === "accepted" || outcome === "repeated" ? [] : ISSUES.slice(0, 1 + (at % 4));
  return {
    id: hex(1_000 - at),
    source: source.name,
    received_ms: Date.now() - (source.lagMinutes + at * (isTable ? 170 : 4)) * MINUTE,
    ...(isTable ? { name: `TB_HIS_FEE_202611${String(22 - (at % 20)).padStart(2, "0")}.txt` } : {}),
    message_type: source.types[at % source.types.length] ?? "",
    message_id: `M${String(88_000 - at)}`,
    encoding: isTable ? "gb18030" : "utf-8",
    bytes: records * 214,
    outcome,
    counts: {
      records,
      accepted: records - aside,
      with_findings: found.length,
      set_aside: aside,
      repeated: outcome === "repeated" ? records : 0,
      late: at % 7 === 0 ? 2 : 0,
      created: outcome === "repeated" ? 0 : records - aside,
      updated: at % 3,
      findings: found.length,
    },
    findings: found.map((issue) => ({ record: /row\[\d+\]/.exec(issue.path)?.[0] ?? "file", ...issue })),
    original: hex(at),
    is_complete: at !== 11,
  };
}

function problem(source: MockSource, at: number, state: string) {
  const of = receipt(source, at * 3 + 3);
  const issues = state === "accepted" ? [ISSUES[at % 2 === 0 ? 0 : 3]] : [ISSUES[1], ISSUES[at % 2 === 0 ? 0 : 2]];
  return {
    id: `${of.id}-${at}`,
    receipt: of.id,
    record: `row[${17 + at}]`,
    record_type: source.types[0],
    received_ms: of.received_ms,
    state,
    issues,
    original: of.original,
    ...(state === "corrected" ? { closed_by: hex(at), closed_ms: of.received_ms + 90 * MINUTE } : {}),
  };
}

const released = new Set<string>();

const objections = [
  {
    id: "o1",
    about: { type: "Condition", id: "condition-1", title: "慢性胃炎", date: "2026-11-03" },
    person: { id: "p-0001", name_masked: "周**" },
    text: "我没有在贵院看过胃病，这条诊断可能是别人的。",
    institution_name: INSTITUTIONS[HOSPITAL],
    status: "requested",
    at: Date.now() - 26 * 60 * MINUTE,
    answer: null as string | null,
  },
  {
    id: "o2",
    about: { type: "Observation", id: "observation-3", title: "空腹血糖", date: "2026-09-12" },
    person: { id: "p-0001", name_masked: "周**" },
    text: "当天我吃过早饭，不是空腹。",
    institution_name: INSTITUTIONS[HOSPITAL],
    status: "accepted",
    at: Date.now() - 900 * 60 * MINUTE,
    answer: "已核实，改为餐后血糖。",
  },
];

/** Answers the addresses of this file; undefined for all others. */
export function roadAnswer(
  account: { role: string; institution?: string },
  method: string,
  path: string,
  query: URLSearchParams,
  sent: Record<string, string>,
): { status: number; value: unknown } | { bytes: Uint8Array } | undefined {
  const mine = SOURCES.filter(
    (source) => account.role === "platform-operator" || source.institution === account.institution,
  );
  if (path === "/api/v1/sources") return { status: 200, value: { sources: mine.map(line) } };
  if (path === "/api/v1/operations") return { status: 200, value: operations() };
  if (path === "/api/v1/objections") return { status: 200, value: { objections, truncated: false } };
  const answered = /^\/api\/v1\/objections\/(\w+)\/answer$/.exec(path);
  if (answered) {
    const found = objections.find((one) => one.id === answered[1]);
    if (found) Object.assign(found, { status: sent["status"], answer: sent["text"] });
    return { status: 200, value: {} };
  }
  const of = /^\/api\/v1\/sources\/([^/]+)\/(\w+)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(path);
  const source = mine.find((one) => one.name === of?.[1]);
  if (!of || !source) return undefined;
  const [, , page, id, tail] = of;
  if (page === "receipts" && tail === "original") return { bytes: new TextEncoder().encode(original()) };
  if (page === "receipts" && id) return { status: 200, value: { ...receipt(source, 3), id, encoding: "utf-8" } };
  if (page === "receipts") {
    const from = Number(query.get("after") ?? 0);
    const receipts = Array.from({ length: 100 }, (_, at) => receipt(source, from + at));
    return { status: 200, value: { receipts, next: from < 200 ? String(from + 100) : null } };
  }
  if (page === "problems" && tail === "release" && method === "POST") {
    released.add(id ?? "");
    return { status: 200, value: {} };
  }
  if (page === "problems") {
    const state = query.get("state") ?? "set-aside";
    const problems = Array.from({ length: state === "accepted" ? 24 : 5 }, (_, at) =>
      problem(source, at, state === "closed" ? "corrected" : state),
    );
    return { status: 200, value: { problems: problems.filter((one) => !released.has(one.id)), next: null } };
  }
  if (page === "unmapped") return { status: 200, value: { unmapped: unmapped(), truncated: false } };
  if (page === "chains") {
    const chain = { about: "Encounter/x", number: "MZ2611210017", rule: "quality.chain.visit-without-diagnosis" };
    const chains = [{ ...chain, severity: "warning", hint: "补报该次就诊的诊断" }];
    return { status: 200, value: { day: query.get("day"), chains, truncated: false } };
  }
  return page === "reconciliation" ? { status: 200, value: { day: query.get("day"), types: compared() } } : undefined;
}

function line({ name, title, institution, listen, folder }: MockSource) {
  return { name, title, institution, institution_name: INSTITUTIONS[institution], is_enabled: true, listen, folder };
}

function operations() {
  const now = Date.now();
  return {
    now,
    sources: SOURCES.map((source, at) => ({
      ...line(source),
      id: source.name,
      name: source.title,
      last_message_at: now - source.lagMinutes * MINUTE,
      lag_seconds: source.lagMinutes * 60,
      messages_today: [14, 2_310, 0][at],
      records_today: [11_240, 2_310, 0][at],
      set_aside_today: [31, 4, 0][at],
      issues_today: [212, 65, 0][at],
      messages_total: [812, 190_233, 640][at],
    })),
    minutes: Array.from({ length: 60 }, (_, at) => ({
      at: now - (59 - at) * MINUTE,
      messages: 30 + ((at * 17) % 23),
      records: at % 20 === 7 ? 2_400 : (at * 61) % 340,
    })),
    started: now - 400 * MINUTE,
    version: "0.1.0-mock",
    sessions: 7,
    audit_events: 81_204,
  };
}

function unmapped() {
  return [
    {
      rule: "terminology.code.unmapped",
      found: "LIS0417 糖化血红蛋白(HPLC)",
      hint: "在对照表中补充该检验项目",
      first_seen_ms: Date.now() - 86_400_000,
      receipt: hex(1),
    },
    {
      rule: "terminology.unit.unknown",
      found: "个/HP",
      hint: "对照为 /[HPF]",
      first_seen_ms: Date.now() - 172_800_000,
      receipt: hex(2),
    },
  ];
}

function compared() {
  const none = { is_by_key: true, missing: [] as string[], surplus: [] as string[] };
  return [
    {
      record_type: "table:registration",
      declared: 412,
      present: 412,
      declared_amount: "",
      present_amount: "",
      agrees: true,
      difference: none,
    },
    {
      record_type: "table:charge",
      declared: 1_903,
      present: 1_901,
      declared_amount: "88120.50",
      present_amount: "88049.10",
      agrees: false,
      difference: {
        is_by_key: true,
        missing: [
          "123400000990121001|SF20261121004411|1",
          "123400000990121001|SF20261121004412|1",
          "123400000990121001|SF20261121004790|2",
        ],
        surplus: ["123400000990121001|SF20261120999812|1"],
      },
    },
    {
      record_type: "table:lab_report",
      declared: null,
      present: 288,
      declared_amount: "",
      present_amount: "",
      agrees: true,
      difference: none,
    },
  ];
}

/** A table as an export writes it. */
function original(): string {
  const rows = ["YLJGDM|SFTFBH|TFBZ|JZLSH|HZXM|SFZH|JE|SFTFSJ|YLYL3"];
  for (let row = 1; row <= 60; row += 1)
    rows.push(
      `${HOSPITAL}|SF202611210${String(row).padStart(4, "0")}|1|MZ2411210${row}|演示${row}|99012119680312${String(row).padStart(4, "0")}|${(row * 3.15).toFixed(2)}|20261121 0${row % 10}:15:00|`,
    );
  rows[17] = rows[17]?.replace("53.55", "12.5元") ?? "";
  return rows.join("\r\n");
}
