/** Lists that come in pages: what was read stays, the next page is added below it. */

import { useCallback, useEffect, useRef, useState } from "react";

import type { ApiError } from "../api/error.ts";
import { asApiError } from "./useLoad.ts";

export interface Page<T> {
  items: readonly T[];
  /** What to ask for the page that follows; nothing at the end. */
  next?: string | null | undefined;
}

export interface Pages<T> {
  items: readonly T[] | undefined;
  next: string | undefined;
  loading: boolean;
  error: ApiError | undefined;
  more: () => void;
  reload: () => void;
}

interface State<T> {
  key: string;
  items: readonly T[] | undefined;
  next: string | undefined;
}

interface Wish {
  key: string;
  after: string | undefined;
  round: number;
}

/** Loads the first page when `key` changes; `more` asks for the next. A page that fails leaves those before it standing. */
export function usePages<T>(
  key: string,
  load: (after: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
): Pages<T> {
  const [state, setState] = useState<State<T>>();
  const [wish, setWish] = useState<Wish>({ key, after: undefined, round: 0 });
  const [ended, setEnded] = useState<{ wish: Wish; error: ApiError | undefined }>();
  const loader = useRef(load);
  loader.current = load;
  if (wish.key !== key) setWish({ key, after: undefined, round: 0 });

  useEffect(() => {
    const stop = new AbortController();
    loader.current(wish.after, stop.signal).then(
      (page) => {
        if (stop.signal.aborted) return;
        setState((before) => ({
          key: wish.key,
          items: wish.after && before?.key === wish.key ? [...(before.items ?? []), ...page.items] : page.items,
          next: page.next ?? undefined,
        }));
        setEnded({ wish, error: undefined });
      },
      (cause: unknown) => stop.signal.aborted || setEnded({ wish, error: asApiError(cause) }),
    );
    return () => stop.abort();
  }, [wish]);

  const current = state?.key === key ? state : undefined;
  const done = ended?.wish === wish;
  const next = current?.next;
  return {
    items: current?.items,
    next,
    loading: !done,
    error: done ? ended.error : undefined,
    more: useCallback(() => setWish((before) => ({ key, after: next, round: before.round + 1 })), [key, next]),
    reload: useCallback(() => setWish((before) => ({ ...before, round: before.round + 1 })), []),
  };
}
