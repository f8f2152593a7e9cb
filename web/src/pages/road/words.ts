/** Rules, kinds of message and sizes in words. */

import { rules, tables } from "virtual:rules";

import type { Issue } from "../../api/road.ts";
import type { Speak, WordKey } from "../../words/index.ts";

/** The title of a rule from the catalogue; a rule that is not in it is named by its id. */
export function titleOfRule(rule: string, speak: Speak): string {
  const titles = rules[rule];
  return titles ? titles[speak.language === "zh" ? 0 : 1] : rule;
}

const FORMS: Readonly<Record<string, WordKey>> = {
  table: "form.table",
  hl7v2: "form.hl7v2",
  cda: "form.cda",
  fhir: "form.fhir",
};

/** `table:charge` is 数据表 收退费明细; `hl7v2:ORU^R01` is HL7 消息 ORU^R01. */
export function messageWords(type: string, speak: Speak): string {
  if (type === "") return speak("form.unknown");
  const [form = "", ...rest] = type.split(":");
  const what = rest.join(":");
  const word = FORMS[form];
  if (!word) return type;
  const title = form === "table" && speak.language === "zh" ? tables[what] : undefined;
  return `${speak(word)} ${title ?? what}`.trim();
}

/** 12 B, 34 KB, 5.6 MB. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** Where in the message: line and column where the reader knew them, else the path. */
export function placeOf(issue: Issue, speak: Speak): string {
  if (!issue.line) return issue.path;
  const place = issue.column
    ? speak("issue.line.column", { line: issue.line, column: issue.column })
    : speak("issue.line", { line: issue.line });
  return issue.path ? `${issue.path} · ${place}` : place;
}

/** 3 秒, 5 分钟, 2 小时, 4 天. */
export function lagText(seconds: number | null | undefined, speak: Speak): string {
  if (seconds === null || seconds === undefined) return speak("none.mark");
  if (seconds < 60) return speak("lag.seconds", { n: Math.round(seconds) });
  if (seconds < 3_600) return speak("lag.minutes", { n: Math.round(seconds / 60) });
  if (seconds < 172_800) return speak("lag.hours", { n: Math.round(seconds / 3_600) });
  return speak("lag.days", { n: Math.floor(seconds / 86_400) });
}

/** 1,234,567 */
export function countText(n: number | null | undefined, speak: Speak): string {
  return n === null || n === undefined ? speak("none.mark") : n.toLocaleString("en-US");
}
