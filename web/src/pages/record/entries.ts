/** What one line of the timeline says beside its title. */

import type { TimelineEntry } from "../../api/types.ts";
import { timeOfDay } from "../../format/date.ts";
import { unitText, valueText } from "../../format/result.ts";
import type { Speak } from "../../words/index.ts";

/** `120.0 mm[Hg]`, alone or behind the name of a component: number and unit are tidied, everything else stays. */
const QUANTITY = /(^|\s)([<>≤≥]?[+-]?\d+(?:\.\d+)?) (\S+)$/;

/** The status that goes without saying: a procedure on a timeline has been done. */
const EXPECTED: Readonly<Record<string, string>> = {
  MedicationRequest: "active",
  Procedure: "completed",
  Immunization: "completed",
  DocumentReference: "current",
  ImagingStudy: "available",
};

/** What stands before entries of one type: 检验检查结果, or 病史记述 for an observation that measured nothing. */
export function groupName({ type, kind }: { type: string; kind?: string }, speak: Speak): string {
  return kind === "notes" ? speak("kind.notes") : speak.code("type", type);
}

/** The detail of an entry: values with readable units, statuses and counts in words. */
export function detailOf(entry: TimelineEntry, speak: Speak): string {
  const detail = entry.detail?.trim() ?? "";
  switch (entry.type) {
    case "Observation":
      return detail
        .split(" · ")
        .map((part) => flagText(part, speak) ?? tidied(part))
        .join(" · ");
    case "DiagnosticReport":
      if (detail === "0") return "";
      return /^\d+$/.test(detail) ? speak("timeline.report.results", { n: detail }) : detail;
    case "Encounter":
      return detail;
    default:
      return detail === "" || EXPECTED[entry.type] === detail ? "" : speak.code("status", detail);
  }
}

/** 是 and 否 of a flag, which the record has as `true` and `false`. */
function flagText(value: string, speak: Speak): string | undefined {
  return value === "true" ? speak("yes") : value === "false" ? speak("no") : undefined;
}

function tidied(value: string): string {
  return value.replace(QUANTITY, (_, before: string, number: string, unit: string) =>
    `${before}${valueText(number)} ${unitText(unit)}`.trimEnd(),
  );
}

/** The time of each entry, said once for entries that share it. */
export function timesOf(entries: readonly TimelineEntry[]): Map<TimelineEntry, string> {
  const times = new Map<TimelineEntry, string>();
  let last = "";
  for (const entry of entries) {
    const time = timeOfDay(entry.date);
    times.set(entry, time === last ? "" : time);
    last = time;
  }
  return times;
}

/** The department, unless the title has said it: 门诊 · 心血管内科. */
export function departmentOf({ department, title }: TimelineEntry): string {
  return department && !title?.includes(department) ? department : "";
}
