/**
 * Two journeys per role on a city whose every record came over the road (`city.mjs`). What a page must show is asked of the FHIR
 * face or the role's own API first: nothing about the city is written down here but how its hero and its institutions are called.
 */

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 360, height: 740 };
const NARROW = { width: 390, height: 844 };
/** A look is in the list of who looked within this time (SEC-6). */
const TOLD_MS_MAX = 5_000;
/** A clinician's first clinical content, on a machine that builds at the same time. */
const FIRST_CONTENT_MS_MAX = 5_000;
const REASON = "车祸昏迷，需了解过敏史";
const COUNTY = "望岚县人民医院（演示）";
/** Where an allergy stands in words, and the flag that there is one. */
const HISTORY = "DE02.10.022.00";
/** What somebody noted and is no result. */
const NO_RESULTS = ["主诉", "现病史", "体格检查", "过敏史标志", "过敏史", "初诊标志代码"];

export const CITY_JOURNEYS = [
  { role: "clinician", name: "one allergy, everybody who says it, and who denies it", viewport: DESKTOP, walk: allergy },
  { role: "clinician", name: "the same front page in English on a narrow screen", viewport: NARROW, walk: narrow, language: "en" },
  { role: "clinician", name: "the form of the hospital's screen", viewport: DESKTOP, walk: his, signedOut: true },
  { role: "stranger", name: "an emergency in the city", viewport: DESKTOP, walk: emergency },
  { role: "resident", name: "reads the own record on a telephone", viewport: PHONE, walk: reads },
  { role: "resident", name: "is told of a look within five seconds", viewport: PHONE, walk: watches },
  { role: "family", name: "from the contracts to the record", viewport: DESKTOP, walk: contracted },
  { role: "family", name: "whose pressure is too high, by the rule", viewport: DESKTOP, walk: listed },
  { role: "manager", name: "from a finding to the line of the original", viewport: DESKTOP, walk: mends },
  { role: "manager", name: "compares the last day that was counted", viewport: DESKTOP, walk: compares },
  { role: "operator", name: "how the three senders do", viewport: DESKTOP, walk: oversees },
  { role: "operator", name: "sees who is connected, and nobody's record", viewport: DESKTOP, walk: connected },
  { role: "auditor", name: "finds the emergency in the log of a city", viewport: DESKTOP, walk: audits },
  { role: "auditor", name: "reviews the emergency of the city", viewport: DESKTOP, walk: reviews },
  { role: "index", name: "answers a question of the index and takes it back", viewport: DESKTOP, walk: decides },
  { role: "index", name: "finds somebody by the number, splits and takes it back", viewport: DESKTOP, walk: splits },
];

async function openHero({ page, road, seen }) {
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: new RegExp(road.hero.name) }) });
  await seen(row, `${road.hero.name} on the list of patients`);
  await row.getByRole("link").click();
}

async function allergy(stage) {
  const { page, road, panel, check, seen, look } = stage;
  const sent = await road.ofHero("AllergyIntolerance?_total=none");
  const words = new Set(sent.map(({ code }) => code.text));
  check(sent.length > 1 && words.size > 1, `the city sends the allergy often and in several words: ${[...words].join(", ")}`);
  const histories = await road.ofHero(`Observation?code=${HISTORY}`);
  const denials = histories.filter(({ valueString }) => valueString.startsWith("否认"));
  check(denials.length > 0, "other institutions deny it");
  const began = Date.now();
  await openHero(stage);
  const box = panel("过敏史");
  await seen(box.getByText("青霉素"), "the allergy");
  check(Date.now() - began < FIRST_CONTENT_MS_MAX, `the first content after ${Date.now() - began} ms`);
  const lines = box.locator(".lines > .line");
  check((await lines.count()) === 1, `one substance is one line, there are ${await lines.count()}`);
  const said = sent.length + histories.length - denials.length;
  await seen(lines.getByText(new RegExp(`${said} 次记录`)), `that ${said} sources say it`);
  await lines.locator(".originals summary").click();
  check((await lines.locator(".originals li").count()) === said, "each of them reachable");
  await seen(box.locator(".denied-against"), "that others deny it");
  const denied = await box.locator(".denied").innerText();
  check(denied.includes(COUNTY) && denied.includes("请向本人核实"), `who denies it, and that it contradicts: ${denied}`);
  await look("1-record");

  const results = panel("最近检验检查结果");
  await results.getByRole("button", { name: /全部/ }).click();
  const titles = await results.locator("tbody th").allInnerTexts();
  const names = titles.map((title) => title.split("\n")[0].trim());
  check(names.length > 12, `the results are unfolded, ${names.length}`);
  const noted = names.filter((name) => NO_RESULTS.includes(name));
  check(noted.length === 0, `only results among the results, found ${noted.join(", ")}`);
  const places = await results.locator("tbody .result-sent").allInnerTexts();
  check(places.length === names.length, `every result names its institution, ${places.length} of ${names.length}`);
  check(places.some((place) => place.includes("卫生院")), "a health centre by its name");
  check(!/\d{8}-\d/.test((await page.locator(".record").innerText()).replaceAll("\n", " ")), "no institution as a number");
  const problems = panel("诊断与慢病");
  const diagnoses = await problems.locator(".line-title").evaluateAll((all) => all.map((one) => one.firstChild.textContent));
  check(new Set(diagnoses).size === diagnoses.length, `every diagnosis once: ${diagnoses.join(", ")}`);
  await look("2-results");
  const timeline = panel("诊疗时间轴");
  const measured = await timeline.locator(".group-results .entry-title").allInnerTexts();
  check(measured.length > 0 && !measured.some((title) => NO_RESULTS.includes(title.trim())), `on the timeline too: ${measured.join(", ")}`);
  await timeline.getByRole("button", { name: "病史记述" }).click();
  await seen(timeline.locator(".group-notes .entry-title").first(), "what was told, alone");
  check((await timeline.locator(".group-results").count()) === 0, "without results");
  await look("2b-notes");
  const groups = await road.ofHero("Observation?code=DE04.50.001.00");
  const heading = await page.locator(".record").innerText();
  check(groups.length === 0 || heading.includes("血型"), `the blood group, ${groups.length} times sent`);
  await lines.locator(".originals li").last().getByRole("button", { name: /原文/ }).click();
  const drawer = page.getByRole("dialog");
  await seen(drawer.locator(".text-line-marked"), "the place in the document that says it");
  check((await drawer.locator(".text-line-marked").allInnerTexts()).join("").includes("青霉素"), "in its words");
  await look("3-original");
}

async function narrow(stage) {
  const { page, road, panel, check, seen, look } = stage;
  await page.getByRole("link", { name: new RegExp(road.hero.name) }).click();
  await seen(panel("Allergies").getByText("青霉素"), "the allergy");
  await seen(panel("Allergies").getByText("Allergies denied"), "who denies it");
  await seen(panel("Problems").locator(".line-said"), "how often a diagnosis was made");
  await look("1-record");
  check((await page.locator(".who").count()) <= 1, "one reader");
}

async function his({ page, road, url, check, seen, look, allow }) {
  await page.goto(`${url}/demo/his`);
  await seen(page.getByText("这是医院自己的系统"), "the hospital's own screen");
  await page.getByLabel("机构编码").fill(road.doctor.institution);
  await page.getByLabel("医生工号").fill(road.doctor.staff_number);
  await page.getByLabel("科室编码").fill(road.doctor.department);
  await page.getByLabel("就诊流水号").fill(road.visit.encounter.number);
  await look("1-form");
  const [launch] = await Promise.all([
    page.waitForRequest((request) => request.url().includes("/launch?")),
    page.getByRole("button", { name: "调阅健康档案" }).click(),
  ]);
  await seen(page.getByRole("heading", { level: 1, name: road.hero.name }), "the record at once");
  await seen(page.getByText(/调阅依据：就诊关系/), "on the ground of the visit");
  check(!page.url().includes("signature"), "the signature is out of the address");
  await look("2-record");
  await page.evaluate(() => sessionStorage.clear());
  allow(401);
  await page.goto(launch.url());
  await seen(page.getByRole("alert").getByText(/签名无效或已过期/), "the same click does not open twice");
  allow(401);
  await page.goto(road.launch(url, 61));
  await seen(page.getByRole("heading", { name: "没有打开健康档案" }), "a click of a minute ago opens nothing");
  await seen(page.getByRole("alert").getByText(/签名无效或已过期/), "and says why");
  await look("3-expired");
}

async function emergency({ page, road, url, check, seen, look, allow }) {
  await page.getByRole("navigation").getByRole("link", { name: "居民检索" }).click();
  await page.getByLabel("证件号码").fill(road.hero.identity);
  await page.keyboard.press("Enter");
  const row = page.locator(".person-row-closed");
  await seen(row, "somebody by the exact number");
  check(!(await row.innerText()).includes(road.hero.name), "the name masked");
  await look("1-masked");
  allow(403);
  await page.goto(`${url}/#/persons/${road.person.id}`);
  await seen(page.getByRole("heading", { name: "没有调阅依据" }), "that there is no ground");
  await page.getByRole("button", { name: "紧急调阅" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("患者意识不清，无法表达意愿").check();
  await dialog.getByLabel("情况说明").fill(REASON);
  await dialog.getByRole("button", { name: "确认调阅" }).click();
  await seen(page.getByText(/调阅依据：紧急调阅/), "the record, and on what ground");
  check((await page.locator(".watermark").count()) === 1, "under a watermark");
  await look("2-opened");
}

async function reads({ page, road, check, seen, look }) {
  await seen(page.locator(".identity").getByText(road.hero.name), "the own record");
  const allergies = page.getByRole("region", { name: "过敏史" });
  await seen(allergies.getByText("青霉素"), "the own allergy");
  check((await allergies.getByRole("listitem").count()) === 1, "once");
  const doctor = page.locator(".identity-facts").filter({ hasText: "家庭医生" });
  await seen(doctor.getByText(road.accounts.family.display), "the family doctor by name");
  check((await doctor.innerText()).includes("卫生院") || (await doctor.innerText()).includes("服务中心"), "and of which place");
  await seen(page.getByText("紧急调阅通知"), "the notice of the emergency");
  await look("1-home");
  await page.getByRole("link", { name: "报告", exact: true }).click();
  await seen(page.locator("details.report"), "reports");
  const unnamed = await page.locator("details.report summary").filter({ hasText: /\d{8}-\d/ }).count();
  check(unnamed === 0, "institutions by name");
  await look("2-reports");
  await page.getByRole("link", { name: "用药", exact: true }).click();
  await seen(page.getByText("苯磺酸氨氯地平片"), "the medicines");
  await page.getByRole("link", { name: "费用", exact: true }).click();
  await seen(page.getByText(/¥/), "the bills");
  await look("3-bills");
  await page.getByRole("link", { name: "我的", exact: true }).click();
  await page.getByRole("link", { name: /预防接种/ }).click();
  const doses = await road.ofHero("Immunization?_total=none");
  await seen(doses.length > 0 ? page.locator(".row-title").first() : page.getByText("没有接种记录"), "the vaccinations");
  const rows = await page.locator(".card .row-title").count();
  check(rows === Math.min(doses.length, 30), `every dose, ${rows} of ${doses.length}`);
  await look("4-vaccinations");
}

async function watches({ page, road, check, seen, look }) {
  await page.getByRole("link", { name: "调阅", exact: true }).click();
  const list = page.locator(".access-list");
  await seen(list.locator(".look-emergency").getByText("孙望亭"), "who looked in the emergency");
  check((await list.innerText()).includes(road.accounts.clinician.display), "and the clinician of the visit");
  const before = await list.locator(".look").count();
  await road.summaryFor(road.accounts.family);
  const began = Date.now();
  const grown = (count) => document.querySelectorAll(".access-list .look").length > count;
  await page.waitForFunction(grown, before, { timeout: 15_000, polling: 50 });
  check(Date.now() - began <= TOLD_MS_MAX, `a look is told within five seconds, it took ${Date.now() - began} ms`);
  check((await list.locator(".look").first().innerText()).includes(road.accounts.family.display), "whose look it was");
  await look("1-access");
}

async function contracted({ page, road, panel, check, seen, look }) {
  const token = await road.signIn(road.accounts.family);
  const { persons } = await road.ask("GET", "/api/v1/contracts", { token });
  check(persons.length > 1, `a doctor of the city has contracts, ${persons.length}`);
  await page.getByPlaceholder(/筛选/).fill(road.hero.name).catch(() => {});
  const row = panel("我的签约居民").getByRole("row").filter({ hasText: road.hero.name });
  await seen(row, "the hero under contract");
  await look("1-contracts");
  await row.getByRole("link").click();
  await seen(page.getByText(/调阅依据：签约关系/), "the record, by contract");
  await seen(panel("过敏史").getByText("青霉素"), "with the allergy that the own health centre does not know");
  await page.getByRole("link", { name: "用药记录", exact: true }).click();
  await seen(page.getByRole("row").filter({ hasText: "苯磺酸氨氯地平片" }), "and the medicines of all institutions");
  await look("2-medicines");
}

async function listed({ page, road, panel, check, seen, look }) {
  const token = await road.signIn(road.accounts.family);
  const { persons } = await road.ask("GET", "/api/v1/lists/blood-pressure-above-target", { token });
  await page.getByRole("navigation").getByRole("link", { name: "血压未达标" }).click();
  await seen(page.locator(".rule-box").getByText(/收缩压≥140/), "the rule of the list");
  if (persons.length === 0) {
    check((await panel("血压未达标").getByRole("row").count()) === 0, "nobody on it, as the server says");
    await look("1-list");
    return;
  }
  const first = panel("血压未达标").getByRole("row").filter({ hasText: persons[0].person.name }).first();
  await seen(first, `${persons.length} on the list`);
  check((await panel("血压未达标").getByRole("row").count()) === persons.length + 1, "everybody whom the server names");
  await look("1-list");
  await first.getByRole("link").click();
  await seen(page.getByText(/调阅依据：签约关系/), "the record, by contract");
  await seen(panel("最近检验检查结果").getByText(/收缩压/), "with the pressure that put them there");
}

async function mends({ page, road, panel, check, seen, look }) {
  const row = page.getByRole("row").filter({ hasText: COUNTY });
  await seen(row, "the source of the institution");
  check((await page.getByRole("row").count()) === 2, "and no other's");
  await look("1-uploads");
  const token = await road.signIn(road.accounts.manager);
  const { problems } = await road.ask("GET", "/api/v1/sources/county-hospital/problems", { token });
  check(problems.length > 0, "the city's dirt was set aside");
  await row.getByRole("link", { name: "问题数据" }).click();
  const problem = panel("问题数据").locator("details").first();
  await problem.locator("summary").click();
  await seen(problem.getByText("处理建议"), "what to do");
  await look("2-problem");
  await problem.getByRole("button", { name: "查看原文" }).click();
  await seen(page.getByRole("dialog").locator(".text-line-marked"), "the line of the original");
  await look("3-original");
}

async function compares({ page, road, panel, check, seen, look }) {
  await page.getByRole("link", { name: "日对账" }).click();
  const token = await road.signIn(road.accounts.manager);
  // Tables come a day later, and the totals with them.
  const yesterday = new Date(Date.now() + 8 * 3_600_000 - 86_400_000).toISOString().slice(0, 10);
  const path = `/api/v1/sources/county-hospital/reconciliation?day=${yesterday}`;
  const { types } = await road.ask("GET", path, { token });
  const declared = types.filter((type) => type.declared !== null && type.declared !== undefined);
  await page.getByLabel("业务日期").fill(yesterday.replaceAll("-", ""));
  await page.keyboard.press("Enter");
  if (declared.length > 0) await seen(panel("日对账").getByRole("row").nth(1), `the day ${yesterday}`);
  const wrong = declared.filter((type) => type.difference?.missing?.length > 0);
  check((await panel("日对账").getByText("不一致", { exact: true }).count()) >= wrong.length, "every type that differs is named");
  await look("1-reconciliation");
  await page.getByRole("link", { name: "接收回执" }).click();
  await seen(panel("接收回执").getByRole("row").nth(1), "what was received");
  await look("2-receipts");
}

async function oversees({ page, panel, check, seen, look }) {
  const rows = panel("各来源").getByRole("row");
  await seen(rows.filter({ hasText: COUNTY }), "the county hospital");
  check((await rows.count()) === 4, "all three senders");
  await look("1-overview");
  await rows.filter({ hasText: COUNTY }).getByRole("link", { name: "接收回执" }).click();
  await panel("接收回执").getByRole("button", { name: /详情/ }).first().click();
  const drawer = page.getByRole("dialog");
  await seen(drawer, "a receipt");
  check((await drawer.getByRole("button", { name: "查看原文" }).count()) === 0, "no way to the original");
  await look("2-receipt");
}

async function connected({ page, panel, check, seen, look, allow, road, url }) {
  await page.getByRole("navigation").getByRole("link", { name: "接入机构" }).click();
  await seen(panel("接入机构").getByRole("row").filter({ hasText: COUNTY }), "the county hospital");
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

async function audits({ page, road, panel, check, seen, look }) {
  await page.getByLabel("行为").selectOption({ label: "紧急调阅" });
  await page.getByRole("button", { name: "检索" }).click();
  const row = panel("审计事件").getByRole("row").filter({ hasText: REASON });
  await seen(row, "the emergency with its reason");
  check((await row.innerText()).includes("孙望亭"), "and who opened it");
  check(!(await panel("审计事件").innerText()).includes(road.hero.name), "no name of a resident");
  await look("1-audit");
}

async function reviews({ page, check, seen, look }) {
  await page.getByRole("navigation").getByRole("link", { name: "紧急调阅复核" }).click();
  const review = page.locator(".objection").filter({ hasText: REASON });
  await seen(review.getByText("待复核"), "the emergency to review");
  await review.getByLabel("复核说明").fill("急诊病历相符");
  await review.getByRole("button", { name: "确有必要" }).click();
  await seen(review.getByText("急诊病历相符"), "the verdict and its note");
  check((await review.getByText("待复核").count()) === 0, "nothing more to review");
  await look("1-reviewed");
}

/** A question that the city's own registrations raised: of documents where there is one, else any. */
async function decides({ page, road, check, seen, look }) {
  const token = await road.signIn(road.accounts.index);
  const { counts } = await road.ask("GET", "/api/v1/identity/reviews", { token });
  const kind = ["document_conflict", "vetoed", "unsure", "seen_together"].find((one) => (counts[one] ?? 0) > 0);
  check(kind, `the city raises questions, got ${JSON.stringify(counts)}`);
  const titles = { document_conflict: "证件冲突", vetoed: "证据矛盾", unsure: "证据不足", seen_together: "已有人调阅" };
  const nav = page.getByRole("navigation");
  if (kind === "document_conflict") await nav.getByRole("link", { name: "证件冲突" }).click();
  else await page.getByRole("button", { name: new RegExp(titles[kind]) }).click();
  const question = page.locator(".question").first();
  await seen(question.locator(".weighed li"), "the evidence, item by item");
  check(!/\d{17}/.test(await question.innerText()), "numbers masked");
  await look("1-question");
  await question.getByLabel("判断依据").fill("与两家机构电话核实为两人");
  await question.getByRole("button", { name: "不是同一人" }).click();
  const waiting = async () => (await road.ask("GET", "/api/v1/identity/reviews", { token })).counts[kind] ?? 0;
  await page.waitForFunction((n) => document.querySelectorAll(".question").length < n || n === 1, counts[kind]);
  check((await waiting()) === counts[kind] - 1, "one question less");
  await nav.getByRole("link", { name: "合并、拆分与记录" }).click();
  const row = page.getByRole("row").filter({ hasText: "与两家机构电话核实为两人" });
  await seen(row, "the decision with its reason");
  await row.getByRole("button", { name: "撤销" }).click();
  await row.getByLabel("判断依据").fill("核实有误，重新判断");
  await row.getByRole("button", { name: "撤销" }).first().click();
  await seen(page.getByText("已撤销").first(), "that it was taken back");
  check((await waiting()) === counts[kind], "the question is there again");
  await look("2-undone");
}

async function splits({ page, road, check, seen, look }) {
  await page.getByRole("navigation").getByRole("link", { name: "查找登记" }).click();
  await page.getByLabel("证件号码").fill(road.hero.identity);
  await page.keyboard.press("Enter");
  const person = page.locator(".found-identity").filter({ hasText: road.person.id });
  await seen(person, "the person by the whole number");
  const rows = person.locator("tbody tr");
  const all = await rows.count();
  check(all === road.person.registrations.length, `all ${road.person.registrations.length} registrations, got ${all}`);
  const shown = await page.locator("main, #content").first().innerText();
  check(!shown.includes(road.hero.name) && !shown.includes(road.hero.identity), "name and number masked");
  check(!page.url().includes(road.hero.identity), "and not in the address");
  await look("1-found");
  await rows.last().getByRole("checkbox").check();
  await page.getByLabel("判断依据").fill("登记处核实为同名他人");
  await look("2-split");
  await page.getByRole("button", { name: "把所选登记拆分出去" }).click();
  await seen(page.getByRole("status").getByText(/已完成/), "that it was split");
  const left = page.locator(".found-identity").filter({ hasText: road.person.id }).locator("tbody tr");
  await page.waitForFunction(
    ([id, count]) =>
      [...document.querySelectorAll(".found-identity")]
        .filter((one) => one.textContent.includes(id))
        .every((one) => one.querySelectorAll("tbody tr").length === count),
    [road.person.id, all - 1],
  );
  check((await left.count()) === all - 1, "one registration less");
  await page.getByRole("navigation").getByRole("link", { name: "合并、拆分与记录" }).click();
  const row = page.getByRole("row").filter({ hasText: "登记处核实为同名他人" });
  await row.getByRole("button", { name: "撤销" }).click();
  await row.getByLabel("判断依据").fill("登记处更正了说法");
  await row.getByRole("button", { name: "撤销" }).first().click();
  await seen(page.getByText("已撤销").first(), "that it was taken back");
  const token = await road.signIn(road.accounts.index);
  const again = await road.ask("POST", "/api/v1/identity/search", { token, body: { identifier: road.hero.identity } });
  const whole = again.persons.find((one) => one.person === `Person/${road.person.id}`);
  check(whole?.registrations.length === all, "the person is whole again");
  await look("3-undone");
}
