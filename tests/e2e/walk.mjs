/** One walk through the portal in one language at one width, step by step; the first expectation that fails ends it. */

import { Stage } from "./stage.mjs";

/** How long a page may take to react; machines that build at the same time are slow. */
const WAIT_MS_MAX = 15_000;

/** @returns the number of checks that held */
export async function walk(options) {
  const stage = await Stage.open(options);
  try {
    await signIn(stage);
    await search(stage);
    await record(stage);
    await trend(stage);
    const readId = await source(stage);
    await timeline(stage);
    await accessLog(stage, readId);
    await leave(stage);
    stage.verdict();
    return stage.checks;
  } catch (cause) {
    throw stage.explain(cause);
  }
}

async function signIn({ page, words, server, language, check, seen, look, allow }) {
  const document = await page.goto(server.url);
  const policy = document.headers()["content-security-policy"] ?? "";
  check(/script-src 'self'(;|$)/.test(policy), `a policy that allows only our own scripts, got “${policy}”`);
  if (language === "en") await page.getByRole("button", { name: "切换到英文" }).click();
  await seen(page.getByText(words.banner), "the banner of the demonstration");
  const named = await page.locator("html").getAttribute("lang");
  check(named === (language === "zh" ? "zh-CN" : "en"), `the page names its language, got ${named}`);

  const password = page.getByLabel(words.password, { exact: true });
  await page.getByLabel(words.name, { exact: true }).fill(server.name);
  await password.fill("not the password");
  allow(401);
  await password.press("Enter");
  await seen(page.getByRole("alert").getByText(words.error), "a refused sign-in with the server's code");
  await look("1-refused");
  await password.fill(server.password);
  await password.press("Enter");
}

async function search({ page, words, person, server, check, seen, look, allow }) {
  // A server that knows no visits yet answers 404, and the page says so.
  if (server.kind !== "mock") allow(404);
  await seen(page.getByRole("heading", { name: words.worklist, level: 1 }), "the list of patients");
  await look("2-worklist");
  await page.getByRole("navigation").getByRole("link", { name: words.searchTitle, exact: true }).click();
  await seen(page.getByRole("heading", { name: words.searchTitle }), "the search page");
  await look("2-search-empty");
  const birthField = page.getByLabel(words.birth);
  await birthField.fill("1968-02-31");
  await birthField.press("Enter");
  await seen(page.getByText(words.badDate), "a refused date");
  await birthField.fill("1851-01-01");
  await birthField.press("Enter");
  await seen(page.getByText(words.none), "an empty answer");
  await birthField.fill("");

  const { name, birth_date: birth } = person.summary.person;
  await page.getByLabel(words.personName, { exact: true }).fill(name.split(" ")[0]);
  if (/^\d{4}-\d{2}-\d{2}$/.test(birth ?? "")) await birthField.fill(birth.replaceAll("-", ""));
  await page.locator(".search-form button[type=submit]").click();
  const row = page.locator(`a[href="#/persons/${person.id}"]`);
  await seen(row, `${name} among the found`);
  check((await row.textContent()).includes(birth), "the birth date in the found row");
  await look("3-search-found");
  await row.click();
}

async function record({ page, words, person, api, panel, check, seen, look }) {
  const { allergies, problems } = person.summary;
  await seen(page.getByRole("heading", { level: 1, name: person.summary.person.name }), "whose record this is");
  await seen(page.getByText(words.banner), "the banner on the record");
  await seen(panel(words.allergies), "the allergies");
  const counted = await api.count(`AllergyIntolerance?patient=${person.id}`);
  if (counted !== undefined) {
    const originals = allergies.reduce((sum, { count }) => sum + (count ?? 1), 0);
    check(counted === originals, `${counted} allergies in the FHIR face, ${originals} behind the lines of the summary`);
  }
  if (allergies.length === 0)
    await seen(panel(words.allergies).getByText(words.noAllergy), "that no allergy is recorded");
  for (const { title } of allergies) await seen(panel(words.allergies).getByText(title), `the allergy ${title}`);
  for (const { title } of problems.filter((one) => one.status === "active").slice(0, 5))
    await seen(panel(words.problems).getByText(title), `the problem ${title}`);
  await seen(panel(words.medicines), "the medicines");
  await seen(panel(words.results).getByRole("row"), "the results");
  await seen(panel(words.timeline).locator(".entry"), "the timeline");
  await seen(page.locator(".trend-canvas canvas"), "the chart");
  await look("4-record");
}

/** The trend of a result that is chosen, against the series that the server gives and the FHIR face counts. */
async function trend({ page, words, person, api, panel, check, seen, look }) {
  const { results } = person.summary;
  const unfolded = await panel(words.results).locator(".result-name").allInnerTexts();
  const numeric = results.filter((one) => one.code && isNumber(one.value) && unfolded.includes(one.title));
  const chosen = numeric.find((one) => one.title !== unfolded[0]) ?? numeric[0];
  await panel(words.results).getByRole("button", { name: chosen.title, exact: true }).first().click();
  await seen(panel(words.trend).locator(".trend-name", { hasText: chosen.title }), `the trend of ${chosen.title}`);
  await seen(page.locator(".trend-canvas canvas"), "its chart");

  const code = encodeURIComponent(chosen.code);
  const series = await api.get(`/api/v1/persons/${person.id}/trend?code=${code}`);
  const measured = await api.count(`Observation?patient=${person.id}&combo-code=${code}`);
  if (measured !== undefined)
    check(measured === series.points.length, `${measured} in the FHIR face, ${series.points.length} in the trend`);
  await panel(words.trend).getByText(words.table, { exact: true }).click();
  const rows = panel(words.trend).locator("tbody tr");
  await seen(rows, "the trend as a table");
  const drawn = series.points.filter((point) => isNumber(point.value) && (!point.unit || point.unit === series.unit));
  const shown = await rows.count();
  check(shown === drawn.length, `${drawn.length} points of ${chosen.title}, the page has ${shown}`);
  await panel(words.trend).scrollIntoViewIfNeeded();
  await look("5-trend-table");
  await panel(words.trend).getByText(words.chart, { exact: true }).click();
}

/** The source of a line, by keyboard. @returns the id of the request that read it */
async function source({ page, words, person, server, panel, check, seen, look, allow }) {
  const row = panel(words.results).locator("tbody tr").first();
  const title = (await row.locator(".result-name").innerText()).trim();
  const button = row.getByRole("button", { name: words.source });
  await button.focus();
  // A record that did not come in a message has no original but itself.
  const cameInMessage = server.kind === "mock";
  if (!cameInMessage) allow(404);
  const answered = page.waitForResponse((response) => response.url().includes("/fhir/R4/Observation/"));
  // When an expectation fails before, that is what the walk reports.
  answered.catch(() => {});
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog");
  if (cameInMessage) {
    await seen(drawer.locator(".text-line-marked"), "the line of the message");
    await look("6-origin");
    await drawer.getByText(words.stored, { exact: true }).click();
  }
  await seen(drawer.locator(".source-json"), "the source");
  const read = JSON.parse(await drawer.locator(".source-json").innerText());
  const ids = person.summary.results.filter((one) => one.title === title).map((one) => one.id);
  check(read.resourceType === "Observation", "the source is an Observation");
  check(ids.includes(read.id), `the source is the resource of the line ${title}, and whole`);
  await look("6-source");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  check(await button.evaluate((element) => element === document.activeElement), "the focus back on the line");
  const requestId = (await answered).headers()["x-request-id"];
  check(requestId, "an answer that names its request");
  return requestId;
}

async function timeline({ page, words, panel, check, look }) {
  const part = panel(words.timeline);
  const more = part.getByRole("button", { name: words.more });
  if (await more.isVisible()) {
    const before = await part.locator(".day").count();
    await more.click();
    const grown = (count) => document.querySelectorAll(".timeline .day").length > count;
    await page.waitForFunction(grown, before, { timeout: WAIT_MS_MAX });
    check(true, "more days");
  }
  await part.getByRole("button", { name: words.encounters, exact: true }).click();
  const onlyEncounters = () => {
    const groups = [...document.querySelectorAll(".timeline .group")];
    return groups.length > 0 && groups.every((group) => group.classList.contains("group-encounters"));
  };
  await page.waitForFunction(onlyEncounters, undefined, { timeout: WAIT_MS_MAX });
  check(true, "only encounters");
  await part.scrollIntoViewIfNeeded();
  await look("7-timeline-encounters");
}

/** Who looked: the very request that read the source is there, with who, why and what. */
async function accessLog({ page, words, api, server, check, seen, look }, readId) {
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.getByRole("link", { name: words.access, exact: true }).click();
  const log = page.locator(".access-table tbody tr");
  await seen(log, "entries in the access log");
  const mine = await log.filter({ has: page.getByText(readId, { exact: true }) }).allInnerTexts();
  const expected = [
    api.account.display_name || server.name,
    api.account.institution_name ?? api.account.institution,
    words.read,
    words.treat,
    words.result,
  ];
  const holds = mine.length === 1 && expected.every((word) => !word || mine[0].includes(word));
  check(holds, `one entry ${readId} with ${expected.join(", ")}, found: ${mine.join(" // ")}`);
  check((await log.filter({ hasText: words.summary }).count()) > 0, "the record just opened");
  await look("8-access");
}

async function leave({ page, words, person, check, seen }) {
  await page.getByRole("button", { name: words.signOut }).click();
  await seen(page.getByLabel(words.password, { exact: true }), "the sign-in page again");
  await page.goBack();
  await page.waitForTimeout(200);
  check(!(await page.content()).includes(person.summary.person.name), "nothing of the record after signing out");
  check((await page.evaluate(() => sessionStorage.length)) === 0, "no session left in the browser");
}

function isNumber(value) {
  return value !== "" && value !== null && typeof value !== "boolean" && !Number.isNaN(Number(value));
}
