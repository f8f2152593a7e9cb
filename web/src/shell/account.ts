/** What the frame does with the session: leaving, and knowing that it stands inside a hospital's own program. */

import { api } from "../api/client.ts";
import { session } from "../api/session.ts";

const EMBEDDED_KEY = "kangmai.embedded";

/** Opened by a signed launch: the frame has no menus. A reload keeps that. */
export function isEmbedded(): boolean {
  return sessionStorage.getItem(EMBEDDED_KEY) === "yes";
}

export function setEmbedded(embedded: boolean): void {
  if (embedded) sessionStorage.setItem(EMBEDDED_KEY, "yes");
  else sessionStorage.removeItem(EMBEDDED_KEY);
}

// Whoever signs in after a launched session has ended comes through the front door, and gets the menus.
session.subscribe(() => {
  if (session.get() === null) setEmbedded(false);
});

/** Leaves at once; whether the server heard it does not keep the record on the screen. */
export async function leave(): Promise<void> {
  const told = api.signOut().catch(() => undefined);
  session.end("signed-out");
  window.location.hash = "";
  await told;
}
