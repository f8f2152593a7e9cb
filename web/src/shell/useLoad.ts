/** Loading: one hook for every request that a page shows. */

import { useCallback, useEffect, useState } from "react";

import { ApiError, UNREADABLE } from "../api/error.ts";

export interface Load<T> {
  value: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

interface State<T> {
  key: string | undefined;
  value: T | undefined;
  error: ApiError | undefined;
}

/**
 * Loads when `key` changes and cancels what is no longer wanted. Without a key nothing is asked. The value of another key
 * is never shown: a chart or a record must not stand under somebody else's heading, even for a moment.
 */
export function useLoad<T>(key: string | undefined, load: (signal: AbortSignal) => Promise<T>): Load<T> {
  const [state, setState] = useState<State<T>>({ key: undefined, value: undefined, error: undefined });
  const [round, setRound] = useState(0);

  useEffect(() => {
    if (key === undefined) return;
    const stop = new AbortController();
    load(stop.signal).then(
      (value) => stop.signal.aborted || setState({ key, value, error: undefined }),
      (cause: unknown) => stop.signal.aborted || setState({ key, value: undefined, error: asApiError(cause) }),
    );
    return () => stop.abort();
    // `load` is a new function at every rendering; the key says what it loads.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, round]);

  const reload = useCallback(() => {
    setState({ key: undefined, value: undefined, error: undefined });
    setRound((before) => before + 1);
  }, []);
  const current = state.key === key && key !== undefined ? state : undefined;
  return {
    value: current?.value,
    error: current?.error,
    loading: key !== undefined && current === undefined,
    reload,
  };
}

/** A fault of our own, while reading an answer, is shown like an answer that cannot be read. */
export function asApiError(cause: unknown): ApiError {
  return cause instanceof ApiError ? cause : new ApiError({ status: 0, code: UNREADABLE, detail: String(cause) });
}
