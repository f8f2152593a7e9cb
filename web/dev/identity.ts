/** Questions of the person index for the stand-in server: three invented pairs, and what was decided about others. */

interface Answer {
  status: number;
  value: unknown;
}

const side = (
  number: number,
  name: string,
  gender: string,
  birth: string,
  masked: string,
  phone: string,
  address: string,
) => ({
  registration: `Patient/${String(number).repeat(16)}-${String(number).repeat(16)}`,
  person: `Person/0000000000000000-${String(number).repeat(16)}`,
  names: [name],
  gender,
  birth_date: birth,
  telecom: phone ? [phone] : [],
  address: address ? [address] : [],
  identifiers: [
    { system: `urn:kangmai:institution:9901211000000000000${number}:patient`, masked: `M****${number}` },
    ...(masked ? [{ system: "urn:oid:2.16.156.10011.1.3", masked }] : []),
  ],
});
const reason = (field: [string, string], level: [string, string], bits: number) => ({
  field_zh: field[0],
  field_en: field[1],
  level_zh: level[0],
  level_en: level[1],
  bits,
});
const NAME: [string, string] = ["姓名", "name"];
const DOCUMENT: [string, string] = ["证件", "document"];
const PHONE: [string, string] = ["电话", "telephone"];
const BIRTH: [string, string] = ["出生日期", "birth date"];
const ADDRESS: [string, string] = ["地址", "address"];

let questions = [
  {
    id: "q1",
    kind: "unsure",
    weight_bits: 4.4,
    since: "2026-11-22T08:12:00+08:00",
    left: side(1, "孙*梅", "female", "1955-09-30", "990***********2227", "100****5590", "望岚县槐溪镇和平*"),
    right: side(2, "孙*海", "female", "1955-09-30", "", "100****5590", "望岚县*"),
    reasons: [
      reason(NAME, ["名中一字不同", "one character of the given name differs"], -6.2),
      reason(BIRTH, ["同一天", "the same day"], 9.8),
      reason(PHONE, ["相同", "the same"], 1.1),
      reason(ADDRESS, ["同一县区", "the same county"], 0),
    ],
  },
  {
    id: "q2",
    kind: "seen_together",
    weight_bits: -3,
    since: "2026-11-21T16:40:00+08:00",
    left: side(3, "林*燕之大女", "female", "2024-05-02", "", "100****0007", "望岚县槐溪镇桃源*"),
    right: side(4, "李*瑶", "female", "2024-05-02", "990***********2008", "100****0007", "望岚县槐溪镇桃源*"),
    reasons: [reason(BIRTH, ["同一天", "the same day"], 9.8), reason(PHONE, ["相同", "the same"], 1.1)],
  },
  {
    id: "q3",
    kind: "document_conflict",
    weight_bits: -7.9,
    since: "2026-11-22T09:03:00+08:00",
    left: side(5, "汤*云", "female", "1970-07-25", "990***********4529", "100****9547", "望岚县河寨村*"),
    right: side(6, "汤*晨", "male", "1970-07-25", "990***********4529", "100****6150", "望岚县泽岚乡*"),
    reasons: [
      reason(DOCUMENT, ["号码相同,但其中一方疑非本人证件", "the same number, but one side may carry another's card"], 1.2),
      reason(NAME, ["名中一字不同", "one character of the given name differs"], -5.3),
      reason(PHONE, ["不同", "different"], -2.1),
    ],
  },
];
const decisions = [
  { id: "d2", kind: "merge", by: "index", reason: "持证人到场核实，两份登记为同一人", at: "2026-11-21T10:20:00+08:00" },
  { id: "d1", kind: "different", by: "index", reason: "借用亲属证件", at: "2026-11-20T15:02:00+08:00", undone_by: "d0" },
];

/** Answers what the index administrator asks; nothing for every other path. */
export function identityAnswer(
  account: { name: string; role: string },
  path: string,
  query: URLSearchParams,
  sent: Record<string, string>,
): Answer | undefined {
  if (account.role !== "index-administrator" || !path.startsWith("/api/v1/identity/")) return undefined;
  const decided = (kind: string): Answer => {
    const made = { id: `d${decisions.length + 1}`, kind, by: account.name, reason: sent["reason"] ?? "", at: new Date().toISOString() };
    decisions.unshift(made);
    return { status: 200, value: { decision: made, persons: { "Person/1": [], "Person/2": [] } } };
  };
  const answered = /^\/api\/v1\/identity\/reviews\/(\w+)\/decide$/.exec(path);
  if (answered) {
    questions = questions.filter((one) => one.id !== answered[1]);
    return decided(sent["decision"] ?? "same");
  }
  if (path === "/api/v1/identity/reviews") {
    const counts: Record<string, number> = {};
    for (const one of questions) counts[one.kind] = (counts[one.kind] ?? 0) + 1;
    return { status: 200, value: { reviews: questions.filter((one) => one.kind === query.get("kind")), counts, next: null } };
  }
  if (path === "/api/v1/identity/decisions") return { status: 200, value: { decisions, truncated: false } };
  return decided(path.slice("/api/v1/identity/".length));
}
