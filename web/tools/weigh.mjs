/**
 * Weighs what a browser must fetch before the first content (the page, its scripts and its style sheets) and fails above the
 * limit. Chunks that load later are listed, not counted.
 */

import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** A county's shared line of 4 Mbit/s then needs less than a second. */
const FIRST_KB_MAX = 400;

const dist = new URL("../dist/", import.meta.url);
const page = readFileSync(new URL("index.html", dist), "utf8");
const weight = (name) => gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length / 1024;

const first = ["index.html", ...[...page.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((found) => found[1])];
const later = readdirSync(new URL("assets/", dist))
  .map((name) => `assets/${name}`)
  .filter((name) => /\.(js|css)$/.test(name) && !first.includes(name));

const print = (name) => console.log(`  ${weight(name).toFixed(1).padStart(7)} KB  ${name}`);
console.log("before first content (gzip):");
first.forEach(print);
const total = first.reduce((sum, name) => sum + weight(name), 0);
console.log(`  ${total.toFixed(1).padStart(7)} KB  in all, limit ${FIRST_KB_MAX} KB`);
console.log("later, when needed:");
later.forEach(print);
if (total > FIRST_KB_MAX) {
  console.error(`the first content weighs ${total.toFixed(1)} KB, more than ${FIRST_KB_MAX} KB`);
  process.exit(1);
}
if (/<script(?![^>]*\bsrc=)/.test(page)) {
  console.error("index.html carries an inline script, which the content security policy forbids");
  process.exit(1);
}
