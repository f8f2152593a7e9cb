/**
 * The titles of the rules, read from `standards/` while the portal is built: `virtual:rules` is a module of
 * `rule id → [Chinese, English]` and of the titles of the tables, so that a page names a rule as the catalogue does.
 */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Plugin } from "vite";

const STANDARDS = fileURLToPath(new URL("../../standards/", import.meta.url));
const ID = "virtual:rules";

const textsIn = (folder: string): string[] =>
  readdirSync(STANDARDS + folder)
    .filter((name) => name.endsWith(".toml"))
    .map((name) => readFileSync(`${STANDARDS}${folder}/${name}`, "utf8"));

/** The value of `name = "…"` in a part of a TOML file; these files write every text on one line. */
function valueOf(name: string, text: string): string | undefined {
  const found = new RegExp(`^${name}\\s*=\\s*("(?:[^"\\\\]|\\\\.)*")\\s*(?:#.*)?$`, "m").exec(text);
  return found?.[1] === undefined ? undefined : (JSON.parse(found[1]) as string);
}

/** Every rule of the catalogue with its titles. */
export function rules(): Record<string, [string, string]> {
  const parts = textsIn("rules").flatMap((text) => text.split("[[rule]]").slice(1));
  const read = parts.map((part) => [valueOf("id", part), valueOf("zh", part), valueOf("en", part)]);
  return Object.fromEntries(read.flatMap(([id, zh, en]) => (id && zh && en ? [[id, [zh, en]]] : [])));
}

/** The tables of the middle database with their names. */
export function tables(): Record<string, string> {
  const read = textsIn("tables").map((text) => [valueOf("id", text), valueOf("title", text)]);
  return Object.fromEntries(read.flatMap(([id, title]) => (id && title ? [[id, title]] : [])));
}

export function ruleTitles(): Plugin {
  return {
    name: "kangmai-rules",
    resolveId: (id) => (id === ID ? `\0${ID}` : null),
    load: (id) =>
      id === `\0${ID}`
        ? `export const rules = ${JSON.stringify(rules())};\nexport const tables = ${JSON.stringify(tables())};`
        : null,
  };
}
