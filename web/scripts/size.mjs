/**
 * Weighs what a browser must fetch before the first content of every entry: the page, its scripts and style sheets, and those
 * of the role. Fails above the limit. What loads later (charts, drawers) is listed, not counted.
 */

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** A county's shared line of 4 Mbit/s then needs less than a second; residents come by telephone. */
const LIMITS_KB = { staff: 400, resident: 250 };

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const sizes = new Map();
const weight = (file) => {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length / 1024);
  return sizes.get(file);
};

/** A chunk, what it imports before it can run, and their style sheets. */
function closure(key, found = new Set()) {
  const chunk = manifest[key];
  if (!chunk || found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const sheet of chunk.css ?? []) found.add(sheet);
  for (const next of chunk.imports ?? []) closure(next, found);
  return found;
}

const frame = closure("index.html");
const entries = Object.keys(manifest).filter((key) => key.startsWith("src/roles/"));
const needed = new Set(frame);
let failed = false;

const say = (name, files, limit) => {
  const total = [...files].reduce((sum, file) => sum + weight(file), weight("index.html"));
  const verdict = total <= limit ? "" : "  TOO HEAVY";
  console.log(`  ${total.toFixed(1).padStart(7)} KB of ${limit} KB  ${name}${verdict}`);
  if (verdict) failed = true;
};

console.log("before the first content (gzip):");
say("sign-in", frame, LIMITS_KB.resident);
for (const key of entries) {
  const name = key.replace("src/roles/", "").replace(".tsx", "");
  const files = closure(key, new Set(frame));
  files.forEach((file) => needed.add(file));
  say(name.toLowerCase(), files, name === "Resident" ? LIMITS_KB.resident : LIMITS_KB.staff);
}
console.log("later, when needed:");
const all = new Set(Object.values(manifest).flatMap((chunk) => [chunk.file, ...(chunk.css ?? [])]));
const later = [...all].filter((file) => !needed.has(file) && /\.(js|css)$/.test(file));
later
  .sort((left, right) => weight(right) - weight(left))
  .forEach((file) => console.log(`  ${weight(file).toFixed(1).padStart(7)} KB  ${file}`));

if (/<script(?![^>]*\bsrc=)/.test(readFileSync(new URL("index.html", dist), "utf8"))) {
  console.error("index.html carries an inline script, which the content security policy forbids");
  failed = true;
}
process.exit(failed ? 1 : 0);
