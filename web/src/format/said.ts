/** One line that many sources say, in words: how many, since when, from where. */

import type { Gathered, Said } from "../api/types.ts";
import type { Speak } from "../words/index.ts";
import { day } from "./date.ts";

/** The institution, or that the source named none. */
export function placeOf(said: Said, speak: Speak): string {
  return said.institution_name ?? said.institution ?? speak("front.place.unknown");
}

/** 云岫市中心医院等 2 家机构 · 16 次记录 · 2023-12-11 起 — as much of it as says anything. */
export function saidText(line: Gathered, speak: Speak): string {
  const places = line.institutions ?? [];
  const first = places[0];
  const name = first && (first.institution_name ?? first.institution);
  const where = name && (places.length > 1 ? speak("front.places", { name, n: places.length }) : name);
  const many = (line.count ?? 1) > 1;
  return [
    where,
    many && speak("front.said", { n: line.count ?? 1 }),
    many && line.first && day(line.first) !== day(line.date) && speak("front.since", { date: day(line.first) }),
  ]
    .filter(Boolean)
    .join(" · ");
}
