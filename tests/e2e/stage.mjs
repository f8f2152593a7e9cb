/** What every step of a walk works with: the page, the words, expectations that are counted, and pictures that are judged. */

import { watch } from "./watch.mjs";
import { WORDS } from "./words.mjs";

/** Steps whose picture shows the whole page; the others show the window as it stands scrolled. */
const FULL = /refused|worklist|search|record|access/;
const WAIT_MS_MAX = 15_000;
/** Drawers and charts finish moving before the picture is taken. */
const SETTLE_MS = 350;

export class Stage {
  checks = 0;

  static async open(options) {
    const page = await options.context.newPage();
    return new Stage({ ...options, page, eyes: watch(page, options.server.url) });
  }

  constructor({ page, eyes, server, api, person, language, shot, hasChinese }) {
    Object.assign(this, { page, eyes, server, api, person, language, shot, hasChinese, words: WORDS[language] });
  }

  /** Ends the walk unless it holds. */
  check = (holds, what) => {
    if (!holds) throw new Error(`expected: ${what}`);
    this.checks += 1;
  };

  /** Waits until it is on the screen. */
  seen = async (locator, what) => {
    const visible = locator.first().waitFor({ state: "visible", timeout: WAIT_MS_MAX });
    await visible.catch(() => {
      throw new Error(`expected to see: ${what}`);
    });
    this.checks += 1;
  };

  /** Signs in as somebody, through the page. */
  async signIn({ name, password, display }) {
    const { page, words } = this;
    await page.goto(this.server.url);
    if (this.language === "en") await page.getByRole("button", { name: "切换到英文" }).click();
    await page.getByLabel(words.name, { exact: true }).fill(name);
    await page.getByLabel(words.password, { exact: true }).fill(password);
    await page.keyboard.press("Enter");
    await this.seen(page.getByText(display).first(), `signed in as ${display}`);
  }

  /** A titled box of the record. */
  panel = (title) => this.page.getByRole("region", { name: title, exact: true });

  /** Lets one answer with this status pass, because the step provokes it. */
  allow = (status) => this.eyes.allow(status);

  /** Takes the picture of a step, and judges the page as it stands. */
  look = async (step) => {
    const { page, language, server } = this;
    await page.waitForTimeout(SETTLE_MS);
    await page.screenshot({ path: this.shot(step), fullPage: FULL.test(step) });
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    this.check(tooWide <= 0, `${step}: nothing wider than the window (${tooWide} px too wide)`);
    if (language === "zh") {
      // Colours, names and roles are the same in both languages: one of them is asked about barriers.
      const findings = await this.eyes.accessibility();
      this.check(findings.length === 0, `${step}: no serious accessibility finding, found ${findings.join("; ")}`);
    } else if (server.kind !== "mock" && !this.hasChinese) {
      const found = await this.untranslated();
      this.check(found.length === 0, `${step}: no Chinese on an English page, found ${found.join(" | ")}`);
    }
  };

  /** Lines with Chinese, but for the names of this account and its institution and the switch back. */
  async untranslated() {
    const { display_name: name, institution, institution_name, department_name } = this.api.account;
    const names = [name, institution_name, department_name, institution, "中文"].filter(Boolean);
    const lines = (await this.page.locator("body").innerText()).split("\n");
    const rest = lines.map((line) => names.reduce((left, known) => left.replaceAll(known, ""), line));
    return rest.filter((line) => /\p{Script=Han}/u.test(line));
  }

  /** Fails when the browser saw anything that must not happen. */
  verdict() {
    const { name } = this.person.summary.person;
    this.eyes.verdict([name.split(" ")[0], name]);
  }

  explain(cause) {
    return this.eyes.explain(cause);
  }
}
