/**
 * Which page: kept behind `#`, so that the id of the record being read never reaches a server's or proxy's request log as
 * the address of a page, and the server needs no rule about which paths are pages. Every role reads its own paths.
 */

import { useSyncExternalStore } from "react";

/** `#/persons/ID/access` is `["persons", ID, "access"]`; the first page of a role is the empty path. */
export type Path = readonly string[];

/** The parts of an address; undefined when it is not one that a page could have. */
export function readPath(hash: string): Path | undefined {
  const parts = hash
    .replace(/^#?\/?/, "")
    .split("/")
    .filter((part) => part !== "");
  const decoded = parts.map(safeDecode);
  return decoded.includes(undefined) ? undefined : (decoded as string[]);
}

/** The address of a page, for `href`. */
export function href(...parts: Path): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** The pages of one person. */
export type PersonTab = "record" | "medicines" | "access";

/** The address of a person's record, or of another page of that person. */
export function personHref(person: string, tab: PersonTab = "record"): string {
  return tab === "record" ? href("persons", person) : href("persons", person, tab);
}

function safeDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const subscribe = (changed: () => void): (() => void) => {
  window.addEventListener("hashchange", changed);
  return () => window.removeEventListener("hashchange", changed);
};

/** The current page; undefined when the address cannot be read. */
export function usePath(): Path | undefined {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  return readPath(hash);
}

/** Another page, without a new entry in the history: for addresses that only lead on. */
export function replacePage(to: string): void {
  window.history.replaceState(null, "", to);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Whether the last part of an address is a page of a person. */
export function isPersonTab(tab: string): tab is PersonTab {
  return ["record", "medicines", "access"].includes(tab);
}
