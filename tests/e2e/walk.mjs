/** One walk through the portal in one language at one width. Every `check` is counted; the first that fails ends the walk. */

import { watch } from "./watch.mjs";

/** Steps whose picture shows the whole page; the others show the window as it stands scrolled. */
const FULL = /refused|search|record|access/;

const WORDS = {
  zh: {
    banner: "演示系统·全部为合成数据",
    name: "账号", password: "密码", signIn: "登录", signOut: "退出",
    search: "检索", searchTitle: "居民检索", personName: "姓名", birth: "出生日期", badDate: "请按 年-月-日 填写真实日期", none: "没有找到符合条件的居民",
    allergies: "过敏史", noAllergy: "无过敏记录", problems: "诊断与慢病", medicines: "用药记录", results: "最近检验检查结果",
    trend: "历次结果趋势", table: "表", chart: "图", timeline: "诊疗时间轴", encounters: "就诊", all: "全部", more: "更早的记录",
    source: /查看.*的原文/, close: "关闭", access: "调阅记录", read: "读取", treat: "诊疗", summary: "调阅概要", error: "错误代码",
  },
  en: {
    banner: "Demonstration system · all data are synthetic",
    name: "Account", password: "Password", signIn: "Sign in", signOut: "Sign out",
    search: "Search", searchTitle: "Find a resident", personName: "Name", birth: "Date of birth", badDate: "Enter a real date as year-month-day", none: "No resident matches",
    allergies: "Allergies", noAllergy: "No allergy recorded", problems: "Problems", medicines: "Medicines", results: "Latest results",
    trend: "Trend", table: "Table", chart: "Chart", timeline: "Timeline", encounters: "Encounters", all: "All", more: "Earlier records",
    source: /Show the source of/, close: "Close", access: "Access log", read: "Read", treat: "Treatment", summary: "Look at the summary", error: "Error code",
  },
};

/** @returns the number of checks that held */
export async function walk(options) {
  const page = await options.context.newPage();
  const eyes = watch(page, options.server.url);
  try {
    return await steps({ ...options, page, eyes });
  } catch (cause) {
    throw eyes.explain(cause);
  }
}

async function steps({ page, eyes, server, api, person, language, shot }) {
  const words = WORDS[language];
  let checks = 0;
  const check = (holds, what) => {
    if (!holds) throw new Error(`expected: ${what}`);
    checks += 1;
  };
  const seen = async (locator, what) => {
    await locator.first().waitFor({ state: "visible", timeout: 15_000 }).catch(() => {
      throw new Error(`expected to see: ${what}`);
    });
    checks += 1;
  };
  const panel = (title) => page.getByRole("region", { name: title, exact: true });
  const look = async (step) => {
    await page.waitForTimeout(350); // drawers and charts finish moving before the picture
    await page.screenshot({ path: shot(step), fullPage: FULL.test(step) });
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    check(wider <= 0, `${step}: nothing wider than the window (${wider} px too wide)`);
    // Colours, names and roles are the same in both languages: one of them is asked about barriers.
    const findings = language === "zh" ? await eyes.accessibility() : [];
    if (language === "en" && server.kind !== "mock") {
      const leftOver = await untranslated(page, api.account);
      check(leftOver.length === 0, `${step}: no Chinese on an English page, found ${leftOver.join(" | ")}`);
    }
    check(findings.length === 0, `${step}: no serious accessibility finding, found ${findings.join("; ")}`);
  };

  // Sign in
  const document = await page.goto(server.url);
  const policy = document.headers()["content-security-policy"] ?? "";
  check(/script-src 'self'(;|$)/.test(policy), `a policy that allows only our own scripts, got “${policy}”`);
  if (language === "en") await page.getByRole("button", { name: "切换到英文" }).click();
  await seen(page.getByText(words.banner), "the banner of the demonstration");
  check((await page.locator("html").getAttribute("lang")) === (language === "zh" ? "zh-CN" : "en"), "the page names its language");
  await page.keyboard.press("Tab");
  await page.getByLabel(words.name, { exact: true }).fill(server.name);
  await page.getByLabel(words.password, { exact: true }).fill("not the password");
  eyes.allow(401);
  await page.getByLabel(words.password, { exact: true }).press("Enter");
  await seen(page.getByRole("alert").getByText(words.error), "a refused sign-in with the server's code");
  await look("1-refused");
  await page.getByLabel(words.password, { exact: true }).fill(server.password);
  await page.getByLabel(words.password, { exact: true }).press("Enter");

  // Search
  await seen(page.getByRole("heading", { name: words.searchTitle }), "the search page");
  await look("2-search-empty");
  await page.getByLabel(words.birth).fill("1968-02-31");
  await page.getByLabel(words.birth).press("Enter");
  await seen(page.getByText(words.badDate), "a refused date");
  await page.getByLabel(words.birth).fill("1851-01-01");
  await page.getByLabel(words.birth).press("Enter");
  await seen(page.getByText(words.none), "an empty answer");
  await page.getByLabel(words.birth).fill("");
  const { name, birth_date: birth } = person.summary.person;
  await page.getByLabel(words.personName, { exact: true }).fill(name.split(" ")[0]);
  if (/^\d{4}-\d{2}-\d{2}$/.test(birth ?? "")) await page.getByLabel(words.birth).fill(birth.replaceAll("-", ""));
  await page.locator(".search-form button[type=submit]").click();
  const row = page.locator(`a[href="#/persons/${person.id}"]`);
  await seen(row, `${name} among the found`);
  check((await row.textContent()).includes(birth), "the birth date in the found row");
  await look("3-search-found");
  await row.click();

  // The record
  await seen(page.getByRole("heading", { level: 1, name }), "whose record this is");
  await seen(page.getByText(words.banner), "the banner on the record");
  const { allergies, problems, results } = person.summary;
  await seen(panel(words.allergies), "the allergies");
  const counted = await api.count(`AllergyIntolerance?patient=${person.id}`);
  if (counted !== undefined) check(counted === allergies.length, `${counted} allergies in the FHIR face, ${allergies.length} on the page`);
  if (allergies.length === 0) await seen(panel(words.allergies).getByText(words.noAllergy), "that no allergy is recorded");
  for (const allergy of allergies) await seen(panel(words.allergies).getByText(allergy.title), `the allergy ${allergy.title}`);
  for (const problem of problems.filter((one) => one.status === "active").slice(0, 5))
    await seen(panel(words.problems).getByText(problem.title), `the problem ${problem.title}`);
  await seen(panel(words.medicines), "the medicines");
  await seen(panel(words.results).getByRole("row"), "the results");
  await seen(panel(words.timeline).locator(".entry"), "the timeline");
  await seen(page.locator(".trend-canvas canvas"), "the chart");
  await look("4-record");

  // The trend of a result that was chosen, against the series that the server gives
  const unfolded = await panel(words.results).locator(".result-name").allInnerTexts();
  const numeric = results.filter((result) => result.code && isNumber(result.value) && unfolded.includes(result.title));
  const chosen = numeric.find((result) => result.title !== unfolded[0]) ?? numeric[0];
  const button = panel(words.results).getByRole("button", { name: chosen.title, exact: true });
  await button.first().click();
  await seen(panel(words.trend).locator(".trend-name", { hasText: chosen.title }), `the trend of ${chosen.title}`);
  await seen(page.locator(".trend-canvas canvas"), "its chart");
  const series = await api.get(`/api/v1/persons/${person.id}/trend?code=${encodeURIComponent(chosen.code)}`);
  await panel(words.trend).getByText(words.table, { exact: true }).click();
  const rows = panel(words.trend).locator("tbody tr");
  await seen(rows, "the trend as a table");
  const points = series.points.filter((point) => isNumber(point.value) && (!point.unit || point.unit === series.unit));
  check((await rows.count()) === points.length, `${points.length} points of ${chosen.title}, the page has ${await rows.count()}`);
  const measured = await api.count(`Observation?patient=${person.id}&combo-code=${encodeURIComponent(chosen.code)}`);
  if (measured !== undefined) check(measured === series.points.length, `${measured} observations in the FHIR face, ${series.points.length} in the trend`);
  await panel(words.trend).scrollIntoViewIfNeeded();
  await look("5-trend-table");
  await panel(words.trend).getByText(words.chart, { exact: true }).click();

  // The source of a line, by keyboard
  const firstRow = panel(words.results).locator("tbody tr").first();
  const firstTitle = (await firstRow.locator("th").innerText()).trim();
  const sourceOf = firstRow.getByRole("button", { name: words.source });
  await sourceOf.first().focus();
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog");
  await seen(drawer.locator(".source-json"), "the source");
  const text = await drawer.locator(".source-json").innerText();
  const shownIds = results.filter((result) => result.title === firstTitle).map((result) => result.id);
  check(shownIds.includes(JSON.parse(text).id), `the source is the resource of the line ${firstTitle}, and whole`);
  check(JSON.parse(text).resourceType === "Observation", "the source is an Observation");
  await look("6-source");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  check(await sourceOf.first().evaluate((element) => element === document.activeElement), "the focus back on the line");

  // The timeline
  const timeline = panel(words.timeline);
  const moreButton = timeline.getByRole("button", { name: words.more });
  if (await moreButton.isVisible()) {
    const before = await timeline.locator(".day").count();
    await moreButton.click();
    await page.waitForFunction((count) => document.querySelectorAll(".timeline .day").length > count, before, { timeout: 15_000 });
    checks += 1;
  }
  await timeline.getByRole("button", { name: words.encounters, exact: true }).click();
  await page.waitForFunction(() => {
    const groups = [...document.querySelectorAll(".timeline .group")];
    return groups.length > 0 && groups.every((group) => group.classList.contains("group-encounters"));
  }, undefined, { timeout: 15_000 });
  checks += 1;
  await timeline.scrollIntoViewIfNeeded();
  await look("7-timeline-encounters");

  // Who looked: the look just made is there
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.getByRole("link", { name: words.access, exact: true }).click();
  const log = page.locator(".access-table tbody tr");
  await seen(log, "entries in the access log");
  const entries = await log.allInnerTexts();
  const mine = entries.filter((entry) => entry.includes(api.account.display_name || server.name));
  check(mine.some((entry) => entry.includes(words.read) && entry.includes(words.treat)), `the source just read, by me, for treatment, in:\n${entries.slice(0, 8).join("\n")}`);
  check(mine.some((entry) => entry.includes(words.summary)), "the record just opened, by me");
  await look("8-access");

  // Leaving
  await page.getByRole("button", { name: words.signOut }).click();
  await seen(page.getByLabel(words.password, { exact: true }), "the sign-in page again");
  await page.goBack();
  await page.waitForTimeout(200);
  check(!(await page.content()).includes(name), "nothing of the record after signing out");
  check((await page.evaluate(() => sessionStorage.length)) === 0, "no session left in the browser");

  eyes.verdict([name.split(" ")[0], name]);
  return checks;
}

/** Lines with Chinese on an English page, but for the names of people and institutions and the switch back. */
async function untranslated(page, account) {
  const text = await page.locator("body").innerText();
  return text
    .split("\n")
    .map((line) => [account.display_name, account.institution, "中文"].reduce((rest, name) => (name ? rest.replaceAll(name, "") : rest), line))
    .filter((line) => /\p{Script=Han}/u.test(line));
}

function isNumber(value) {
  return value !== "" && value !== null && typeof value !== "boolean" && !Number.isNaN(Number(value));
}
