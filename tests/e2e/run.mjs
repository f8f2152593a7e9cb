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
import { City } from "./city.mjs";
import { CITY_JOURNEYS } from "./city-journeys.mjs";
import { JOURNEYS } from "./journeys.mjs";
import { WOMAN } from "./people.mjs";
import { Road } from "./road.mjs";
import { Stage } from "./stage.mjs";
import { startPreview, startServer } from "./server.mjs";
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

const LOCALE = { locale: "zh-CN", timezoneId: "Asia/Shanghai" };
const chosen = process.argv.slice(2);
const PARTS = ["walk", "journeys", "city"];
const wants = (part) => chosen.every((one) => !PARTS.includes(one.slice(2))) || chosen.includes(`--${part}`);
/** Residents of the city of the short form: enough for every kind of record, in within a minute. */
const PEOPLE = 300;
const valueOf = (name) => chosen.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);

mkdirSync(OUT, { recursive: true });
const profile = mkdtempSync(join(tmpdir(), "kangmai-chromium-"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Chromium's own sandbox does not start for root, which is what build machines run as.
  chromiumSandbox: process.getuid?.() !== 0,
  args: FLAGS,
  env: { ...process.env, HOME: profile },
});
const failed = [];
let done = 0;

/** Runs one of them in a context of its own; a failure leaves a picture and lets the others go on. */
async function inBrowser(name, options, run) {
  const began = Date.now();
  const context = await browser.newContext({ ...LOCALE, ...options });
  done += 1;
  try {
    const checks = await run(context);
    console.log(`ok   ${name}: ${checks} checks, ${((Date.now() - began) / 1000).toFixed(1)} s`);
  } catch (cause) {
    failed.push(name);
    console.error(`FAIL ${name}: ${cause.stack ?? cause}`);
    const picture = join(OUT, `${name.replace(/\W+/g, "-")}-failed.png`);
    await context
      .pages()[0]
      ?.screenshot({ path: picture })
      .catch(() => {});
  } finally {
    await context.close();
  }
}

/** The walk of a clinician through the sample records, in both languages, at both widths. */
async function walks() {
  const given = await startServer(chosen);
  const preview = await previewOf(given.url, given.kind !== "mock");
  const server = { ...given, url: preview?.url ?? given.url };
  try {
    const api = await Api.signIn(server);
    const person = await api.fullestPerson();
    for (const language of ["zh", "en"])
      for (const [width, viewport] of Object.entries(WIDTHS)) {
        const name = `${language}-${width}`;
        const shot = (step) => join(OUT, `${name}-${step}.png`);
        await inBrowser(name, { viewport, hasTouch: width === "phone" }, (context) =>
          walk({ context, server, api, person, language, width, shot }),
        );
      }
  } finally {
    await preview?.stop();
    await given.stop();
  }
}

/** Pages that were just changed are tried without building the binary again. */
async function previewOf(url, possible = true) {
  return possible && chosen.includes("--preview") ? startPreview(url) : undefined;
}

/** What every role does, on a region whose messages were just sent. */
async function journeys() {
  await onRoad(await Road.start(), JOURNEYS, "journey", WOMAN.name);
}

/** The same on a city that was generated and sent through every door; `--people=N` for the long form. */
async function city() {
  const road = await City.start(valueOf("people") ?? String(PEOPLE));
  await onRoad(road, CITY_JOURNEYS, "city", road.hero.name);
}

async function onRoad(road, list, word, watched) {
  const preview = await previewOf(road.url);
  const only = valueOf("only") ?? "";
  try {
    for (const [at, journey] of list.entries()) {
      const name = `${journey.role}: ${journey.name}`;
      if (!name.includes(only)) continue;
      const shot = (step) => join(OUT, `${word}-${String(at + 1).padStart(2, "0")}-${journey.role}-${step}.png`);
      await inBrowser(name, { viewport: journey.viewport }, (context) =>
        one({ road, url: preview?.url ?? road.url, watched }, journey, context, shot),
      );
    }
  } finally {
    await preview?.stop();
    await road.stop();
  }
}

async function one({ road, url, watched }, journey, context, shot) {
  const language = journey.language ?? "zh";
  const stage = await Stage.open({
    context,
    server: { url, kind: "road" },
    person: { summary: { person: { name: watched } } },
    language,
    shot,
    // A record holds Chinese names and words whatever the language of the page.
    hasChinese: true,
  });
  try {
    if (!journey.signedOut) await stage.signIn(road.accounts[journey.role]);
    await journey.walk({ ...stage, road, url });
    stage.verdict();
    return stage.checks;
  } catch (cause) {
    throw stage.explain(cause);
  }
}

try {
  if (wants("walk")) await walks();
  if (chosen.includes("--city") && !chosen.includes("--mock") && !process.env.KANGMAI_URL) await city();
  if (wants("journeys") && !chosen.includes("--mock") && !process.env.KANGMAI_URL) await journeys();
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
console.log(
  failed.length === 0
    ? `${done} walks and journeys through the portal; pictures in target/e2e/`
    : `${failed.length} of ${done} failed: ${failed.join("; ")}`,
);
process.exit(failed.length === 0 ? 0 : 1);
