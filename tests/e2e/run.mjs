/**
 * Walks through the portal in a real browser: sign in, search, read a record, its trend and source, and see the look in the
 * access log — in Chinese and English, at a desktop's and a phone's width.
 *
 * Against what: KANGMAI_URL with KANGMAI_NAME and KANGMAI_PASSWORD, else the binary's demo, with --mock the portal's mock.
 * Screenshots go to target/e2e/. Any error on the console, request to another host or serious accessibility finding fails.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { Api } from "./api.mjs";
import { startServer } from "./server.mjs";
import { walk } from "./walk.mjs";

const OUT = fileURLToPath(new URL("../../target/e2e/", import.meta.url));
const WIDTHS = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
/** The last three keep the browser from calling hosts of its own while the portal is being watched for just that. */
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

mkdirSync(OUT, { recursive: true });
const profile = mkdtempSync(join(tmpdir(), "kangmai-chromium-"));
const server = await startServer(process.argv.slice(2));
let failed = 0;
try {
  const api = await Api.signIn(server);
  const person = await api.fullestPerson();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Chromium's own sandbox does not start for root, which is what build machines run as.
    chromiumSandbox: process.getuid?.() !== 0,
    args: FLAGS,
    env: { ...process.env, HOME: profile },
  });
  try {
    for (const language of ["zh", "en"]) {
      for (const [width, viewport] of Object.entries(WIDTHS)) {
        const name = `${language}-${width}`;
        const began = Date.now();
        const context = await browser.newContext({
          viewport,
          locale: "zh-CN",
          timezoneId: "Asia/Shanghai",
          hasTouch: width === "phone",
        });
        try {
          const checks = await walk({
            context,
            server,
            api,
            person,
            language,
            width,
            shot: (step) => join(OUT, `${name}-${step}.png`),
          });
          console.log(`ok   ${name}: ${checks} checks, ${((Date.now() - began) / 1000).toFixed(1)} s`);
        } catch (cause) {
          failed += 1;
          console.error(`FAIL ${name}: ${cause.stack ?? cause}`);
          await context
            .pages()[0]
            ?.screenshot({ path: join(OUT, `${name}-failed.png`) })
            .catch(() => {});
        } finally {
          await context.close();
        }
      }
    }
  } finally {
    await browser.close();
  }
} finally {
  await server.stop();
  rmSync(profile, { recursive: true, force: true });
}
console.log(
  failed === 0
    ? `the portal was walked against the ${server.kind} server; screenshots in target/e2e/`
    : `${failed} of 4 walks failed`,
);
process.exit(failed === 0 ? 0 : 1);
