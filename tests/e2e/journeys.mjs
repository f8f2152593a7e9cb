/**
 * Two journeys per role, each of them something that somebody with this role does in the morning. What they may see arose from
 * messages on the road (`people.mjs`); what a page must show is asked of the server or was sent.
 */

import { CHILD, dayOf, MAN, WOMAN } from "./people.mjs";

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 360, height: 740 };
/** A look is in the list of who looked within this time (SEC-6). */
const TOLD_MS_MAX = 5_000;
/** A clinician's first clinical content, on a machine that builds at the same time. */
const FIRST_CONTENT_MS_MAX = 5_000;

export const JOURNEYS = [
  { role: "clinician", name: "from the list of patients to the original of a result", viewport: DESKTOP, walk: reads },
  { role: "clinician", name: "a shared document beside its text", viewport: DESKTOP, walk: rendered },
  {
    role: "stranger",
    name: "an emergency: found by the number, opened with a reason",
    viewport: DESKTOP,
    walk: emergency,
  },
  {
    role: "clinician",
    name: "one click from the hospital's own program",
    viewport: DESKTOP,
    walk: launched,
    signedOut: true,
  },
  { role: "resident", name: "sees a look within five seconds, and the emergency", viewport: PHONE, walk: watches },
  { role: "resident", name: "reads reports and bills, and objects", viewport: PHONE, walk: objects },
  { role: "manager", name: "from problem data to the line of the original", viewport: DESKTOP, walk: mends },
  { role: "manager", name: "compares a day, and answers an objection", viewport: DESKTOP, walk: compares },
  { role: "family", name: "from a rule's list to the record", viewport: DESKTOP, walk: listed },
  { role: "family", name: "from the contracts to the medicines", viewport: DESKTOP, walk: contracted },
  { role: "operator", name: "from the overview into a source, values masked", viewport: DESKTOP, walk: oversees },
  { role: "operator", name: "who is connected", viewport: DESKTOP, walk: connected },
  { role: "auditor", name: "finds the emergency in the log", viewport: DESKTOP, walk: audits },
  { role: "auditor", name: "reviews the emergency", viewport: DESKTOP, walk: reviews },
];

const REASON = "车祸昏迷，需了解过敏史";

async function reads({ page, road, panel, check, seen, look }) {
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: new RegExp(WOMAN.name) }) });
  await seen(row, "her on the list of patients");
  check((await row.innerText()).includes("V100"), "with the number of her visit");
  check((await page.getByRole("row").filter({ hasText: MAN.name }).count()) === 0, "nobody of another institution");
  await look("1-worklist");
  const began = Date.now();
  await row.getByRole("link").click();
  await seen(panel("过敏史").getByText("青霉素"), "the allergy");
  check(Date.now() - began < FIRST_CONTENT_MS_MAX, `the first content after ${Date.now() - began} ms`);
  await seen(page.getByText(/调阅依据：就诊关系/), "on what ground");
  await seen(panel("各机构登记").getByText("望岚县医院前置机（演示）"), "her registration at the county hospital");
  const results = panel("最近检验检查结果");
  await results.getByRole("button", { name: "葡萄糖", exact: true }).click();
  await seen(
    panel("历次结果趋势").getByText(/6 次结果 · 2 家机构/),
    "one series from two institutions, HL7 messages and a document",
  );
  await panel("历次结果趋势").getByText("表", { exact: true }).click();
  check((await panel("历次结果趋势").locator("tbody tr").count()) === 6, "six values in the table");
  await look("2-record");
  await panel("诊疗时间轴").getByRole("combobox").selectOption({ label: "望岚县医院前置机（演示）" });
  await page.waitForFunction(() => {
    const entries = [...document.querySelectorAll(".timeline .entry")];
    return entries.length > 0 && entries.every((entry) => !entry.textContent.includes("丙氨酸"));
  });
  check(true, "the timeline of one institution");

  await results.getByRole("row").filter({ hasText: "丙氨酸氨基转移酶" }).getByRole("button", { name: /原文/ }).click();
  const drawer = page.getByRole("dialog");
  const marked = drawer.locator(".text-line-marked");
  await seen(marked, "the line of the message");
  check((await marked.innerText()).includes("OBX|1|NM|ALT^丙氨酸氨基转移酶"), "the very segment that said it");
  await seen(drawer.locator(".named-values").getByText("52", { exact: true }), "its value beside it");
  await look("3-original");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  await page.getByRole("link", { name: "用药记录", exact: true }).click();
  await seen(page.getByRole("row").filter({ hasText: "盐酸二甲双胍片" }), "the county's prescription");
  await look("4-medicines");
  check(road.person.registrations.length === 3, "three registrations are one person");
}

/** A shared document: its rendering for people beside its text, the element marked. */
async function rendered({ page, panel, check, seen, look }) {
  await page.getByRole("link", { name: new RegExp(WOMAN.name) }).click();
  const row = panel("最近检验检查结果").getByRole("row").filter({ hasText: "血红蛋白" });
  await row.getByRole("button", { name: /原文/ }).click();
  const drawer = page.getByRole("dialog");
  const frame = drawer.frameLocator("iframe.rendering");
  await seen(frame.getByRole("heading", { name: "检验报告" }), "the document for people");
  const words = await frame.locator("body").innerText();
  check(words.includes("血红蛋白") && words.includes("6.70"), "with the result in it, digit for digit");
  const marked = (await drawer.locator(".text-line-marked").allInnerTexts()).join("\n");
  check(/^\s*<observation/.test(marked) && /<\/observation>\s*$/.test(marked), "the whole element, marked");
  check(marked.includes("血红蛋白"), "which is the item of the line");
  await look("1-document");
}

async function emergency({ page, road, url, panel, check, seen, look, allow }) {
  await seen(page.getByText("目前没有就诊中的患者"), "no patient of another department");
  await page.getByRole("navigation").getByRole("link", { name: "居民检索" }).click();
  await page.getByLabel("姓名", { exact: true }).fill(WOMAN.name.slice(0, 2));
  await page.keyboard.press("Enter");
  await seen(page.getByText("没有找到符合条件的居民"), "a part of a name finds nobody");
  await page.getByRole("button", { name: "清空" }).click();
  await page.getByLabel("证件号码").fill(WOMAN.identity);
  await page.keyboard.press("Enter");
  const row = page.locator(".person-row-closed");
  await seen(row, "somebody by the exact number");
  check((await row.innerText()).includes("白**") && !(await row.innerText()).includes(WOMAN.name), "her name masked");
  await look("1-masked");

  allow(403);
  await page.goto(`${url}/#/persons/${road.person.id}`);
  await seen(page.getByRole("heading", { name: "没有调阅依据" }), "that there is no ground");
  await page.getByRole("button", { name: "紧急调阅" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "确认调阅" }).click();
  await seen(dialog.getByText("请选择事由"), "a reason is asked for");
  await dialog.getByLabel("患者意识不清，无法表达意愿").check();
  await dialog.getByLabel("情况说明").fill(REASON);
  await look("2-reason");
  await dialog.getByRole("button", { name: "确认调阅" }).click();
  await seen(page.getByText(/调阅依据：紧急调阅/), "the record, and on what ground");
  const mark = await page.locator(".watermark").getAttribute("data-text");
  check(/^孙望亭 2001 \d{4}-/.test(mark ?? ""), `a watermark with name, number and time, got ${mark}`);
  await seen(page.getByText("青霉素"), "the allergy");
  await look("3-watermarked");
  await panel("最近检验检查结果").getByRole("row").filter({ hasText: "丙氨酸氨基转移酶" }).getByRole("button", { name: /原文/ }).click();
  const drawer = page.getByRole("dialog");
  await seen(drawer.locator(".text-line-marked"), "the original of a result, on the ground of the emergency");
  check((await drawer.locator(".text-line-marked").innerText()).includes("ALT"), "the segment that said it");
  await look("4-original");
}

async function launched({ page, road, url, check, seen, look, allow }) {
  const address = road.launch(url);
  await page.goto(address);
  await seen(page.getByRole("heading", { level: 1, name: WOMAN.name }), "her record at once");
  check(!page.url().includes("signature"), "the signature is out of the address");
  check((await page.getByRole("navigation", { name: "主导航" }).count()) === 0, "no menu");
  check((await page.getByRole("button", { name: "退出" }).count()) === 0, "no way into another session");
  await look("1-embedded");
  await page.evaluate(() => sessionStorage.clear());
  allow(401);
  await page.goto(address);
  await seen(page.getByRole("alert").getByText(/签名无效或已过期/), "the same click does not open twice");
  await look("2-refused");
}

async function watches({ page, road, check, seen, look }) {
  await seen(page.getByText(WOMAN.name).first(), "her own record");
  await seen(page.getByText("紧急调阅通知"), "the notice of the emergency");
  await seen(page.getByText(new RegExp(REASON)), "and its reason");
  await look("1-home");
  await page.getByRole("link", { name: "调阅", exact: true }).click();
  const list = page.locator(".access-list");
  await seen(list.locator(".look-emergency").getByText("孙望亭"), "who looked in the emergency");
  check((await list.innerText()).includes("张清源"), "and the clinician of the visit");
  await look("2-access");
  const before = await list.locator(".look").count();
  const doctor = await road.signIn(road.accounts.family);
  await road.ask("GET", `/api/v1/persons/${road.person.id}/summary`, { token: doctor });
  const began = Date.now();
  const grown = (count) => document.querySelectorAll(".access-list .look").length > count;
  await page.waitForFunction(grown, before, { timeout: 15_000, polling: 50 });
  check(Date.now() - began <= TOLD_MS_MAX, `a look is told within five seconds, it took ${Date.now() - began} ms`);
  check((await list.locator(".look").first().innerText()).includes("赵家和"), "whose look it was");

  await page.getByRole("link", { name: /切换家庭成员/ }).click();
  await page.getByRole("button", { name: new RegExp(CHILD.name) }).click();
  await seen(page.locator(".identity").getByText(CHILD.name), "the child's record");
  await seen(page.locator(".identity").getByText("子女"), "as the child's");
  await look("3-child");
}

async function objects({ page, check, seen, look }) {
  await page.getByRole("link", { name: "报告", exact: true }).click();
  await seen(page.getByText("肝功能与血糖"), "the report of today");
  check((await page.locator("details.report").count()) === 6, "all six reports of two institutions");
  await seen(page.getByText("2 项异常").first(), "what lies outside");
  await look("1-reports");
  await page.getByRole("link", { name: "费用", exact: true }).click();
  await seen(page.getByText("¥68.00"), "the bill, less the refund");
  await seen(page.getByText("−¥120.00"), "the refund");
  await look("2-bills");
  await page.getByRole("link", { name: "用药", exact: true }).click();
  await seen(page.getByText("苯磺酸氨氯地平片"), "the medicines");
  await look("3-medicines");
  await page.getByRole("link", { name: "报告", exact: true }).click();
  const report = page.locator("details.report").filter({ hasText: "望岚县" }).first();
  await report.locator("summary").click();
  await report.getByRole("button", { name: /异议/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("哪里不对").fill("那天我没有抽血，这不是我的结果。");
  await look("4-objection");
  await dialog.getByRole("button", { name: "提交" }).click();
  await seen(dialog.getByText(/已提交/), "that it was sent");
  await dialog.getByRole("link", { name: "查看异议" }).click();
  await seen(page.getByText("待答复"), "the objection, not answered yet");
  await look("5-objections");
}

async function mends({ page, panel, check, seen, look }) {
  const row = page.getByRole("row").filter({ hasText: "望岚县医院前置机（演示）" });
  await seen(row, "the source of the institution");
  check((await page.getByRole("row").count()) === 2, "and no other's");
  await look("1-uploads");
  await row.getByRole("link", { name: "问题数据" }).click();
  const problem = panel("问题数据").locator("details").first();
  await seen(problem, "what was set aside");
  await problem.locator("summary").click();
  await seen(problem.getByText("table.key.missing"), "the rule");
  await seen(problem.getByText("处理建议"), "what to do");
  await look("2-problem");
  await problem.getByRole("button", { name: "查看原文" }).click();
  const marked = page.getByRole("dialog").locator(".text-line-marked");
  await seen(marked.first(), "the line of the original");
  check(
    (await marked.allInnerTexts()).some((line) => line.includes("F003")),
    "the row without a patient",
  );
  await look("3-original");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.getByRole("link", { name: "接收回执" }).click();
  await seen(panel("接收回执").getByText("部分搁置"), "the receipt that says so");
  await look("4-receipts");
}

async function compares({ page, road, panel, check, seen, look }) {
  await page.getByRole("link", { name: "日对账" }).click();
  const day = dayOf(road.chargedMs);
  await page.getByLabel("业务日期").fill(day.replaceAll("-", ""));
  await page.keyboard.press("Enter");
  const row = panel("日对账").getByRole("row").filter({ hasText: "收退费明细" });
  await seen(row.getByText("不一致"), `the day ${day}, which differs`);
  const token = await road.signIn(road.accounts.manager);
  const { types } = await road.ask("GET", `/api/v1/sources/county/reconciliation?day=${day}`, { token });
  const charges = types.find((type) => type.record_type === "table:charge");
  check((await row.innerText()).includes(String(charges.declared)), "what was declared");
  for (const key of charges.difference.missing)
    await seen(panel("日对账").getByText(key, { exact: true }), `missing ${key}`);
  await look("1-reconciliation");
  await page.getByRole("navigation").getByRole("link", { name: "异议处理" }).click();
  const objection = page.locator(".objection").filter({ hasText: "那天我没有抽血" });
  await seen(objection, "the resident's objection");
  await objection.getByLabel("答复内容").fill("核实后更正，已重新报送。");
  await look("2-objection");
  await objection.getByRole("button", { name: "采纳并更正" }).click();
  await seen(page.getByText("没有待答复的异议"), "nothing more to answer");
  await page.getByRole("button", { name: /^全部/ }).click();
  await seen(page.getByText("已采纳"), "the answer");
}

async function listed({ page, panel, check, seen, look }) {
  await page.getByRole("navigation").getByRole("link", { name: "血压未达标" }).click();
  await seen(page.locator(".rule-box").getByText(/收缩压≥140/), "the rule of the list");
  const row = panel("血压未达标").getByRole("row").filter({ hasText: WOMAN.name });
  await seen(row.getByText(/156/), "her, and why");
  await look("1-list");
  await row.getByRole("link").click();
  await seen(page.getByText(/调阅依据：签约关系/), "the record, by contract");
  check((await panel("最近检验检查结果").getByText("收缩压").count()) === 1, "with the pressure that put her there");
  await look("2-record");
}

async function contracted({ page, panel, check, seen, look }) {
  const row = panel("我的签约居民").getByRole("row").filter({ hasText: WOMAN.name });
  await seen(row, "her under contract");
  check((await panel("我的签约居民").getByRole("row").count()) === 2, "and nobody else");
  await seen(page.locator(".list-card").filter({ hasText: "今日随访" }), "the lists of the day");
  await look("1-contracts");
  await row.getByRole("link").click();
  await page.getByRole("link", { name: "用药记录", exact: true }).click();
  await seen(page.getByRole("row").filter({ hasText: "苯磺酸氨氯地平片" }), "her medicines");
  await page.getByRole("link", { name: "调阅记录", exact: true }).click();
  await seen(page.getByRole("row").filter({ hasText: "赵家和" }), "her own look in the log");
  await look("2-access");
}

async function oversees({ page, panel, check, seen, look }) {
  const row = panel("各来源").getByRole("row").filter({ hasText: "望岚县医院前置机（演示）" });
  await seen(row, "the source");
  check((await panel("各来源").getByRole("row").count()) === 4, "all three of them");
  await seen(page.getByText(/最近 60 分钟接收/), "what came in the last hour");
  await look("1-overview");
  await row.getByRole("link", { name: "接收回执" }).click();
  await panel("接收回执")
    .getByRole("row")
    .filter({ hasText: "部分搁置" })
    .getByRole("button", { name: /详情/ })
    .click();
  const drawer = page.getByRole("dialog");
  await seen(drawer.getByText("table.key.missing"), "the findings of the receipt");
  check((await drawer.getByRole("button", { name: "查看原文" }).count()) === 0, "no way to the original");
  await look("2-receipt");
}

async function connected({ page, panel, check, seen, look, allow, road, url }) {
  await page.getByRole("navigation").getByRole("link", { name: "接入机构" }).click();
  await seen(
    panel("接入机构").getByRole("row").filter({ hasText: "云岫市第一医院集成平台（演示）" }),
    "the city hospital",
  );
  check((await panel("接入机构").getByRole("row").count()) === 4, "three institutions");
  await look("1-institutions");
  await page.goto(`${url}/#/persons/${road.person.id}`);
  await seen(page.getByRole("heading", { name: "没有这个页面" }), "no page for anybody's record");
  allow(403);
  const answer = await page.evaluate(async (path) => {
    const { token } = JSON.parse(sessionStorage.getItem("kangmai.session"));
    return (await fetch(path, { headers: { Authorization: `Bearer ${token}` } })).status;
  }, `/api/v1/persons/${road.person.id}/summary`);
  check(answer === 403, `nor an answer behind it, got ${answer}`);
}

async function audits({ page, panel, check, seen, look }) {
  await seen(panel("审计事件").getByRole("row"), "the newest events");
  await page.getByLabel("行为").selectOption({ label: "紧急调阅" });
  await page.getByRole("button", { name: "检索" }).click();
  const row = panel("审计事件").getByRole("row").filter({ hasText: REASON });
  await seen(row, "the emergency with its reason");
  check((await row.innerText()).includes("孙望亭"), "and who opened it");
  check(!(await panel("审计事件").innerText()).includes(WOMAN.name), "no name of a resident");
  await look("1-audit");
}

async function reviews({ page, check, seen, look }) {
  await page.getByRole("navigation").getByRole("link", { name: "紧急调阅复核" }).click();
  const review = page.locator(".objection").filter({ hasText: REASON });
  await seen(review.getByText("待复核"), "the emergency to review");
  check((await review.innerText()).includes("白**"), "whose record, masked");
  await review.getByLabel("复核说明").fill("急诊病历相符");
  await look("1-review");
  await review.getByRole("button", { name: "确有必要" }).click();
  await seen(review.getByText("急诊病历相符"), "the verdict and its note");
  await look("2-reviewed");
}
