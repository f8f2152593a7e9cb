/**
 * A small region on the road: three institutions send messages about invented people, and everybody's reason to look arises
 * from them. The identity numbers begin with 99, the telephones with 100.
 */

import { readFileSync } from "node:fs";

export const CITY = "990100001";
export const COUNTY = "990121001";
export const CLINIC = "990121101";

export const SOURCES = [
  { name: "city", institution: CITY, title: "云岫市第一医院集成平台（演示）" },
  { name: "county", institution: COUNTY, title: "望岚县医院前置机（演示）" },
  { name: "clinic", institution: CLINIC, title: "统建基层系统（演示）" },
];

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** A time as HL7 v2 writes it, in the time of the place. */
export function stamp(atMs) {
  return new Date(atMs + 8 * 3_600_000).toISOString().replace(/\D/g, "").slice(0, 14);
}

export const dayOf = (atMs) => new Date(atMs + 8 * 3_600_000).toISOString().slice(0, 10);

/** An identity number with its check character. */
export function identity(birth, serial) {
  const digits = `990121${birth}${serial}`;
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * weights[at], 0);
  return digits + "10X98765432"[sum % 11];
}

export const WOMAN = { name: "白若兰", sex: "F", birth: "19680506", identity: identity("19680506", "002") };
export const CHILD = { name: "白小满", sex: "F", birth: "20180501", identity: identity("20180501", "004") };
export const MAN = { name: "石清扬", sex: "M", birth: "19500101", identity: identity("19500101", "013") };

/** Registration, admission, discharge. */
export function adt(event, institution, patient, visit, person, atMs, more = {}) {
  const { kind = "O", department = "NK", departmentName = "心血管内科", doctor = "1001", doctorName = "张清源" } = more;
  const pv1 = Array(46).fill("");
  Object.assign(pv1, {
    1: "1",
    2: kind,
    3: `${department}^^^${institution}`,
    7: `${doctor}^${doctorName}`,
    10: `${department}^${departmentName}`,
    19: visit,
    44: stamp(atMs),
  });
  return message([
    msh("ADT", event, institution, `A${institution}${visit}${event}`, atMs),
    `EVN|${event}|${stamp(atMs)}`,
    pid(institution, patient, person),
    `PV1|${pv1.slice(1).join("|")}`,
  ]);
}

/** A laboratory report; `items` are `[code, title, value, unit, range, flag]`. */
export function report(institution, patient, visit, person, number, title, items, atMs) {
  const at = stamp(atMs);
  return message([
    msh("ORU", "R01", institution, `R${number}`, atMs),
    pid(institution, patient, person),
    `PV1|1|O|NK^^^${institution}||||1001^张清源|||NK|||||||||${visit}`,
    `OBR|1|O${number}|${number}|SH01^${title}^L|||${at}|||||||${at}||||||||${at}||CH|F`,
    ...items.map(
      ([code, name, value, unit, range, flag], at_) =>
        `OBX|${at_ + 1}|NM|${code}^${name}^L||${value}|${unit}|${range}|${flag ?? ""}|||F|||${at}`,
    ),
  ]);
}

const message = (segments) => `${segments.join("\r")}\r`;

const msh = (type, event, institution, control, atMs) =>
  `MSH|^~\\&|HIS|${institution}|KM|KM|${stamp(atMs)}||${type}^${event}|${control}|P|2.4|||||CHN|UTF-8`;

const pid = (institution, patient, { name, sex, birth, identity: number }) =>
  `PID|1||${patient}^^^${institution}^PI~${number}^^^^SFZ||${name}||${birth}|${sex}|||望岚县槐溪镇柳坪村7号||10012345678`;

/** A table as the county's middle database exports it. */
export function table(columns, rows) {
  return [columns, ...rows].map((row) => row.join(",")).join("\r\n") + "\r\n";
}

const CHARGE = [
  "YLJGDM",
  "JZLSH",
  "MZZYBZ",
  "BRID",
  "SFTFBH",
  "TFBZ",
  "MXXH",
  "YSFBH",
  "SFTFSJ",
  "FYLB",
  "XMDM",
  "XMMC",
];
const CHARGE_COLUMNS = [...CHARGE, "DJ", "SL", "DW", "JE", "RJRQ", "XGBZ"];

/** Charges of one visit and a refund of one of them; one row has no patient and cannot be trusted. */
export function charges(visit, patient, atMs) {
  const day = dayOf(atMs).replaceAll("-", "");
  const at = `${dayOf(atMs)} 09:00:00`;
  const row = (number, flag, line, of, title, price, count, amount, who = patient) => [
    COUNTY,
    who ? visit : "",
    1,
    who,
    number,
    flag,
    line,
    of,
    at,
    "检查费",
    "X01",
    title,
    price,
    count,
    "次",
    amount,
    day,
    1,
  ];
  return table(CHARGE_COLUMNS, [
    row("F001", 1, 1, "", "葡萄糖测定", "8.00", 1, "8.00"),
    row("F001", 1, 2, "", "糖化血红蛋白测定", "60.00", 1, "60.00"),
    row("F002", 1, 1, "", "彩色多普勒超声", "120.00", 1, "120.00"),
    row("F900", 2, 1, "F002", "彩色多普勒超声", "120.00", 1, "120.00"),
    row("F003", 1, 1, "", "心电图检查", "30.00", 1, "30.00", ""),
  ]);
}

/** 日终对账 that counts one charge more than was sent. */
export function totals(atMs) {
  const day = dayOf(atMs).replaceAll("-", "");
  const key = (number, flag, line) => `${COUNTY}|${number}|${flag}|${line}`;
  const keys = [key("F001", 1, 1), key("F001", 1, 2), key("F002", 1, 1), key("F900", 2, 1), key("F004", 1, 1)].join(
    ";",
  );
  return table(
    ["机构编码", "业务日期", "业务类型", "记录数", "金额合计", "批次号", "主键清单"],
    [[COUNTY, day, "收退费明细", 5, "98.00", `P${day}`, keys]],
  );
}

const PRESCRIPTION = [
  "YLJGDM",
  "JZLSH",
  "MZZYBZ",
  "BRID",
  "CFBH",
  "CFMXBH",
  "CFZT",
  "CFKLSJ",
  "YPDM",
  "YPMC",
  "YPGG",
  "YPJX",
];
const PRESCRIPTION_COLUMNS = [
  ...PRESCRIPTION,
  "MCSL",
  "MCDW",
  "PCDM",
  "PCMC",
  "TJDM",
  "TJMC",
  "YYTS",
  "ZSL",
  "ZSLDW",
  "YSXM",
  "XGBZ",
];

export function prescriptions(visit, patient, atMs) {
  const at = `${dayOf(atMs)} 09:20`;
  const row = (line, code, title, size, dose, often, words) => [
    COUNTY,
    visit,
    1,
    patient,
    "CF001",
    line,
    1,
    at,
    code,
    title,
    size,
    "片剂",
    ...dose,
    often,
    words,
    1,
    "口服",
    28,
    2,
    "盒",
    "李岫平",
    1,
  ];
  return table(PRESCRIPTION_COLUMNS, [
    row(1, "D100", "苯磺酸氨氯地平片", "5mg*28片", [5, "mg"], "QD", "每日一次"),
    row(2, "D200", "盐酸二甲双胍片", "0.5g*48片", [0.5, "g"], "BID", "每日两次"),
  ]);
}

/** A shared document of the national form, about her: the one that the reader of such documents is tested with. */
export function document() {
  const file = new URL("../../crates/formats/tests/cda/cases/c0007-blood-count.xml", import.meta.url);
  return readFileSync(file, "utf8")
    .replaceAll("990121198001020014", WOMAN.identity)
    .replaceAll("李红", WOMAN.name)
    .replace('birthTime value="19800102"', `birthTime value="${WOMAN.birth}"`)
    .replaceAll("990121000001", COUNTY);
}

/** When everything happened, counted back from now. */
export function times(nowMs) {
  return {
    now: nowMs,
    morning: nowMs - 20 * MINUTE_MS,
    yesterday: nowMs - DAY_MS,
    visits: [720, 540, 300, 100].map((days) => nowMs - days * DAY_MS),
  };
}
