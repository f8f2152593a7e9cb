/**
 * Which page: kept behind `#`, so that the id of the record being read never reaches a server's or proxy's request log as
 * the address of a page, and the server needs no rule about which paths are pages.
 */

import { useSyncExternalStore } from "react";

export type Route =
  { page: "search" } | { page: "record"; person: string } | { page: "access"; person: string } | { page: "missing" };

/** Reads `#/persons/ID/access`; anything unknown is the page that says so. */
export function readRoute(hash: string): Route {
  const parts = hash
    .replace(/^#?\/?/, "")
    .split("/")
    .filter((part) => part !== "");
  if (parts.length === 0) return { page: "search" };
  const [first, id, tail, ...rest] = parts;
  if (first !== "persons" || rest.length > 0) return { page: "missing" };
  if (id === undefined) return { page: "search" };
  const person = safeDecode(id);
  if (person === undefined) return { page: "missing" };
  if (tail === undefined) return { page: "record", person };
  return tail === "access" ? { page: "access", person } : { page: "missing" };
}

/** The address of a page, for `href`. */
export function hrefOf(route: Exclude<Route, { page: "missing" }>): string {
  if (route.page === "search") return "#/persons";
  const person = encodeURIComponent(route.person);
  return route.page === "record" ? `#/persons/${person}` : `#/persons/${person}/access`;
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

/** The current page. */
export function useRoute(): Route {
  return readRoute(useSyncExternalStore(subscribe, () => window.location.hash));
}
