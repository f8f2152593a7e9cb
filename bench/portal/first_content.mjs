/** From the address to the first clinical content on the screen, cold cache, in headless Chromium. Called by run.py. */

import { createRequire } from "node:module";


import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const { chromium } = createRequire(join(here, "..", "..", "tests", "e2e", "package.json"))("playwright-core");
const [url, person, session, rounds] = process.argv.slice(2);


const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  chromiumSandbox: process.getuid?.() !== 0,
});
const found = [];
for (let round = 0; round < Number(rounds); round += 1) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: "zh-CN" });
  await context.addInitScript((kept) => sessionStorage.setItem("kangmai.session", kept), session);
  const page = await context.newPage();
  const begun = performance.now();
  await page.goto(`${url}/#/persons/${person}`, { waitUntil: "commit" });
  await page.getByText("葡萄糖").first().waitFor({ state: "visible", timeout: 20_000 });
  found.push(performance.now() - begun);
  if (round === 0 && process.env.SHOT) await page.screenshot({ path: process.env.SHOT });
  await context.close();
}
await browser.close();

found.sort((one, other) => one - other);
const at = (part) => found[Math.min(found.length - 1, Math.floor(found.length * part))].toFixed(0);
console.log(`first clinical content in Chromium, cold cache${" ".repeat(13)}p50 ${at(0.5)} ms   at most ${at(1)} ms   (${found.length} times)`);
