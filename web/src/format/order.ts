/** The order in which lists stand: the same at every visit, whatever order the server found things in. */

import { day } from "./date.ts";

interface Dated {
  date?: string | null;
  title?: string | null;
}

/** Newest day first; what belongs to one day stands by name. Undated things come last. */
export function newestFirst<T extends Dated>(list: readonly T[]): T[] {
  const key = new Map(list.map((one) => [one, day(one.date)]));
  return [...list].sort(
    (left, right) =>
      (key.get(right) ?? "").localeCompare(key.get(left) ?? "") ||
      (left.title ?? "").localeCompare(right.title ?? "", "zh-CN"),
  );
}
