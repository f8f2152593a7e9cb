/** A page that keeps itself current while somebody is looking at it. */

import { useEffect, useRef, useState } from "react";

import { useLoad, type Load } from "./useLoad.ts";

/** Without a key or pointer touched for this long, the page stops asking: an unattended screen must not keep a session alive. */
const UNATTENDED_MS = 300_000;

export interface Fresh<T> extends Load<T> {
  /** When the value on the screen was read, if a later try failed. */
  staleSince: number | undefined;
}

/** As {@link useLoad}, and again every `everyMs` while the page is visible and attended. What was read stays until the next is there. */
export function useFresh<T>(key: string, everyMs: number, load: (signal: AbortSignal) => Promise<T>): Fresh<T> {
  const [round, setRound] = useState(0);
  const touched = useRef(Date.now());
  const now = useLoad(`${key} ${round}`, load);
  const [kept, setKept] = useState<{ key: string; value: T; at: number }>();

  useEffect(() => {
    if (now.value !== undefined) setKept({ key, value: now.value, at: Date.now() });
  }, [key, now.value]);

  useEffect(() => {
    const touch = (): void => {
      touched.current = Date.now();
    };
    const again = (): void => {
      const attended = Date.now() - touched.current < UNATTENDED_MS;
      if (document.visibilityState === "visible" && attended) setRound((before) => before + 1);
    };
    const timer = setInterval(again, everyMs);
    window.addEventListener("pointermove", touch);
    window.addEventListener("keydown", touch);
    document.addEventListener("visibilitychange", again);
    return () => {
      clearInterval(timer);
      window.removeEventListener("pointermove", touch);
      window.removeEventListener("keydown", touch);
      document.removeEventListener("visibilitychange", again);
    };
  }, [everyMs]);

  const value = now.value ?? (kept?.key === key ? kept.value : undefined);
  return {
    value,
    error: value === undefined ? now.error : undefined,
    loading: value === undefined && now.loading,
    reload: () => setRound((before) => before + 1),
    staleSince: value !== undefined && now.error ? kept?.at : undefined,
  };
}
