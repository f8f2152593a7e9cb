/** Puts timeline entries under their days, and the many results of one day together. */

import type { TimelineEntry } from "../../api/types.ts";
import { day } from "../../format/date.ts";

/** Entries of one type; what an observation notes (病史) stands apart from what it measured. */
export interface Group {
  type: string;
  kind: string;
  entries: TimelineEntry[];
}

export interface Day {
  /** `2024-03-05`, as much of it as is known, or the empty string. */
  date: string;
  groups: Group[];
}

export interface Year {
  year: string;
  days: Day[];
}

/** Entries in the order they came (newest first); inside a day, encounters lead and each type stays together. */
export function byDay(entries: readonly TimelineEntry[]): Year[] {
  const years: Year[] = [];
  for (const entry of entries) {
    const date = day(entry.date);
    const name = date.slice(0, 4);
    let year = years.at(-1);
    if (year?.year !== name) years.push((year = { year: name, days: [] }));
    let at = year.days.at(-1);
    if (at?.date !== date) year.days.push((at = { date, groups: [] }));
    const group = at.groups.find((known) => known.type === entry.type && known.kind === (entry.kind ?? ""));
    const made = { type: entry.type, kind: entry.kind ?? "", entries: [entry] };
    if (group) group.entries.push(entry);
    else if (entry.type === "Encounter") at.groups.unshift(made);
    else at.groups.push(made);
  }
  return years;
}
