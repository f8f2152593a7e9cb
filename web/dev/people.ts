/** Invented people for the mock: a region that does not exist, identity numbers that begin with 99, phones that begin with 100. */

/** What the mock keeps of one resource; `json` is what 查看原文 shows. */
export interface Entry {
  type: string;
  id: string;
  date: string;
  title: string;
  detail?: string;
  status?: string;
  criticality?: string;
  code?: string;
  value?: string;
  unit?: string;
  low?: string;
  high?: string;
}

export interface Somebody {
  id: string;
  name: string;
  gender: string;
  birth_date: string;
  address: string;
  /** The whole number, which only the mock's search compares; answers carry it masked. */
  identity: string;
  entries: Entry[];
}

/** A small generator with a seed, so that every run of the mock tells the same story. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

interface Test {
  code: string;
  title: string;
  unit: string;
  low?: string;
  high?: string;
  around: number;
  spread: number;
  decimals: number;
}

const TESTS: readonly Test[] = [
  { code: "8480-6", title: "收缩压", unit: "mm[Hg]", low: "90", high: "139", around: 142, spread: 12, decimals: 0 },
  { code: "8462-4", title: "舒张压", unit: "mm[Hg]", low: "60", high: "89", around: 86, spread: 8, decimals: 0 },
  {
    code: "4548-4",
    title: "糖化血红蛋白 A1c",
    unit: "%",
    low: "4.0",
    high: "6.0",
    around: 7.1,
    spread: 0.7,
    decimals: 1,
  },
  {
    code: "14771-0",
    title: "空腹血糖",
    unit: "mmol/L",
    low: "3.9",
    high: "6.1",
    around: 7.4,
    spread: 1.1,
    decimals: 2,
  },
  { code: "14647-2", title: "总胆固醇", unit: "mmol/L", high: "5.18", around: 5.0, spread: 0.6, decimals: 2 },
  { code: "14927-8", title: "甘油三酯", unit: "mmol/L", high: "1.70", around: 1.8, spread: 0.5, decimals: 2 },
  { code: "22748-8", title: "低密度脂蛋白胆固醇", unit: "mmol/L", high: "3.37", around: 2.9, spread: 0.5, decimals: 2 },
  { code: "14682-9", title: "肌酐", unit: "umol/L", low: "57", high: "97", around: 78, spread: 9, decimals: 0 },
  { code: "2823-3", title: "钾", unit: "mmol/L", low: "3.5", high: "5.3", around: 4.0, spread: 0.6, decimals: 2 },
  { code: "718-7", title: "血红蛋白", unit: "g/L", low: "130", high: "175", around: 132, spread: 8, decimals: 0 },
  {
    code: "6690-2",
    title: "白细胞计数",
    unit: "10*9/L",
    low: "3.5",
    high: "9.5",
    around: 6.2,
    spread: 1.4,
    decimals: 1,
  },
  { code: "777-3", title: "血小板计数", unit: "10*9/L", low: "125", high: "350", around: 214, spread: 30, decimals: 0 },
  { code: "29463-7", title: "体重", unit: "kg", around: 71.5, spread: 1.2, decimals: 1 },
  {
    code: "39156-5",
    title: "体质指数",
    unit: "kg/m2",
    low: "18.5",
    high: "23.9",
    around: 25.1,
    spread: 0.5,
    decimals: 1,
  },
];

/** Years of visits: a chronic patient of a township health centre and the county's hospital. */
function chronicStory(): Entry[] {
  const roll = dice(20_260);
  const entries: Entry[] = [];
  const add = (entry: Omit<Entry, "id">): void =>
    void entries.push({ id: `${entry.type.toLowerCase()}-${entries.length + 1}`, ...entry });

  for (let visit = 0; visit < 26; visit += 1) {
    const at = new Date(Date.UTC(2020, 2 + visit * 3, 4 + Math.floor(roll() * 20), 0, 30 + Math.floor(roll() * 240)));
    const iso = at.toISOString().replace(".000Z", "Z");
    const hospital = visit % 5 === 4;
    add({
      type: "Encounter",
      date: iso,
      title: hospital ? "门诊 · 内分泌科" : "门诊 · 全科医学科",
      detail: hospital ? "望岚县人民医院（演示）" : "槐溪镇卫生院（演示）",
    });
    const tests = hospital || visit === 25 ? TESTS : TESTS.slice(0, 4);
    for (const test of tests) {
      const value = (
        test.around +
        (roll() - 0.5) * 2 * test.spread -
        (test.code === "4548-4" ? visit * 0.03 : 0)
      ).toFixed(test.decimals);
      add({ type: "Observation", date: iso, ...pick(test), value, detail: `${value} ${test.unit}` });
    }
    if (hospital) add({ type: "DiagnosticReport", date: iso, title: "生化全项", detail: "已审核" });
    if (visit % 4 === 0)
      add({
        type: "MedicationRequest",
        date: iso,
        title: "盐酸二甲双胍片 0.5g",
        detail: "每日 2 次",
        status: "completed",
      });
    if (visit % 6 === 1) add({ type: "Immunization", date: iso.slice(0, 10), title: "流感病毒裂解疫苗" });
  }
  add({
    type: "Observation",
    date: "2026-06-18T01:40:00Z",
    code: "5778-6",
    title: "尿液颜色",
    value: "淡黄色",
    detail: "淡黄色",
  });
  add({ type: "Condition", date: "2016-05-11", title: "2 型糖尿病", status: "active" });
  add({ type: "Condition", date: "2018-09-03", title: "高血压 2 级（中危）", status: "active" });
  add({ type: "Condition", date: "2021-04-19", title: "混合性高脂血症", status: "remission" });
  add({ type: "Condition", date: "2019-12-02", title: "急性支气管炎", status: "resolved" });
  add({ type: "Condition", date: "2022-07", title: "右侧腓骨骨折", status: "resolved" });
  add({ type: "AllergyIntolerance", date: "2009-03-17", title: "青霉素 G", criticality: "high" });
  add({ type: "AllergyIntolerance", date: "2014", title: "花粉", criticality: "low" });
  add({
    type: "MedicationRequest",
    date: "2026-06-18T02:05:00Z",
    title: "盐酸二甲双胍缓释片 0.5g",
    detail: "每次 2 片，每日 1 次",
    status: "active",
  });
  add({
    type: "MedicationRequest",
    date: "2026-06-18T02:05:00Z",
    title: "苯磺酸氨氯地平片 5mg",
    detail: "每次 1 片，每日 1 次",
    status: "active",
  });
  add({
    type: "MedicationRequest",
    date: "2026-04-02T02:05:00Z",
    title: "阿托伐他汀钙片 20mg",
    detail: "暂停：等待肝功能复查",
    status: "on-hold",
  });
  add({ type: "Procedure", date: "2022-07-08T06:10:00Z", title: "腓骨骨折手法复位石膏外固定术" });
  return entries;
}

function pick(test: Test): Pick<Entry, "code" | "title" | "unit" | "low" | "high"> {
  return {
    code: test.code,
    title: test.title,
    unit: test.unit,
    ...(test.low ? { low: test.low } : {}),
    ...(test.high ? { high: test.high } : {}),
  };
}

const PLACE = "演示省云岫市望岚县槐溪镇";

export const PEOPLE: readonly Somebody[] = [
  {
    id: "p-0001",
    name: "周岫宁",
    gender: "female",
    birth_date: "1958-03-12",
    address: `${PLACE}柳坪村 3 组`,
    identity: "990121195803120024",
    entries: chronicStory(),
  },
  {
    id: "p-0002",
    name: "周岫安",
    gender: "male",
    birth_date: "1985-11-02",
    address: `${PLACE}新街 18 号`,
    identity: "990121198511020038",
    entries: [],
  },
  {
    id: "p-0003",
    name: "周岚",
    gender: "female",
    birth_date: "2025-02-20",
    address: `${PLACE}新街 18 号`,
    identity: "990121202502200044",
    entries: [
      { type: "Immunization", id: "immunization-900", date: "2025-02-20", title: "重组乙型肝炎疫苗（第 1 剂）" },
    ],
  },
  {
    id: "p-0004",
    name: "欧阳溪亭",
    gender: "male",
    birth_date: "1949-10",
    address: `${PLACE}槐树巷 2 号`,
    identity: "990121194910010051",
    entries: [],
  },
];
