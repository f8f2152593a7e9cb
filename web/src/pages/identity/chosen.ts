/** What choosing some registrations among those found means. */

import type { FoundIdentity } from "../../api/identity.ts";

export type Act =
  | { kind: "merge"; persons: readonly [string, string] }
  | { kind: "split"; person: string; registrations: readonly string[] };

/** Registrations of two persons: merge the persons. Some, not all, of one person: split them off. Anything else: nothing yet. */
export function actOf(found: readonly FoundIdentity[], chosen: ReadonlySet<string>): Act | undefined {
  const touched = found
    .map(({ person, registrations }) => ({
      person,
      all: registrations.length,
      registrations: registrations.map((one) => one.registration).filter((one) => chosen.has(one)),
    }))
    .filter(({ registrations }) => registrations.length > 0);
  const [one, other] = touched;
  if (one && other && touched.length === 2) return { kind: "merge", persons: [one.person, other.person] };
  if (one && touched.length === 1 && one.registrations.length < one.all)
    return { kind: "split", person: one.person, registrations: one.registrations };
  return undefined;
}
