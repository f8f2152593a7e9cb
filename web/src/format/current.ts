/** What still concerns the person: 在用, 现患. */

/** A line with the status that its source gave, and why it is over although the source never said so. */
export interface Stated {
  status?: string | null | undefined;
  /** `supply | without-duration | acute`: by a rule that the page shows. */
  over?: string | null | undefined;
}

/** `on-hold`: a medicine that is paused is not forgotten. */
const CURRENT: ReadonlySet<string> = new Set(["active", "recurrence", "relapse", "on-hold"]);

/** No status at all counts as current, to be on the safe side. */
export function isCurrent({ status, over }: Stated): boolean {
  return !over && (!status || CURRENT.has(status));
}
