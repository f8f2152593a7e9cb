/**
 * The session of this tab: a bearer token in memory, mirrored to sessionStorage so that a reload does not sign out.
 * Nothing is written where another tab or the next user of the machine could find it.
 *
 * The server ends a session that has been idle for a while. The portal counts along, so that a record does not stay on an
 * unattended screen until somebody touches it.
 */

import type { Session } from "./types.ts";

const STORAGE_KEY = "kangmai.session";

type Listener = () => void;

/** A session as it is kept: with the idle time that the server allows, if it said so. */
interface Kept extends Session {
  idle_ms?: number;
}

let current: Kept | null = restore();
let ended = false;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<Listener>();

function restore(): Kept | null {
  if (typeof sessionStorage === "undefined") return null;
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null");
    return isSession(kept) ? kept : null;
  } catch {
    return null;
  }
}

function isSession(value: unknown): value is Kept {
  return typeof value === "object" && value !== null && "token" in value && "account" in value;
}

export const session = {
  get: (): Session | null => current,

  /** True when the last session ended by itself (expired, revoked), not by signing out. */
  endedByServer: (): boolean => ended,

  begin(next: Session): void {
    const idleMs = expiresInMs(next, Date.now());
    current = idleMs === undefined ? next : { ...next, idle_ms: idleMs };
    ended = false;
    session.used();
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(next));
    listeners.forEach((listener) => listener());
  },

  /** An answer came for this session: its idle time begins again. */
  used(): void {
    clearTimeout(timer);
    // Timers count in 32 bits; a session that long is ended by the server's next answer.
    if (current?.idle_ms === undefined || current.idle_ms > 2 ** 31 - 1) return;
    timer = setTimeout(() => session.end("by-server"), Math.max(0, current.idle_ms));
  },

  end(how: "signed-out" | "by-server"): void {
    if (current === null && how === "by-server") return;
    clearTimeout(timer);
    current = null;
    ended = how === "by-server";
    sessionStorage.removeItem(STORAGE_KEY);
    listeners.forEach((listener) => listener());
  },

  subscribe(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** Milliseconds until the session expires; undefined when the server did not say. */
export function expiresInMs(of: Session, nowMs: number): number | undefined {
  if (of.expires_at === undefined || of.expires_at === null) return undefined;
  const at = typeof of.expires_at === "number" ? of.expires_at : Date.parse(of.expires_at);
  return Number.isNaN(at) ? undefined : at - nowMs;
}
