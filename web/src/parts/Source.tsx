/** 查看原文: every line of the record leads to the resource it was read from. */

import { createContext, lazy, Suspense, use, useMemo, useState, type ReactNode } from "react";

import type { Purpose } from "../api/client.ts";
import { useSpeak } from "../shell/context.ts";

const SourceDrawer = lazy(() => import("./SourceDrawer.tsx"));

/** Which resource, and under what name the reader met it. */
export interface SourceOf {
  type: string;
  id: string;
  title: string;
}

const OpenSource = createContext<(source: SourceOf) => void>(() => undefined);

interface ProviderProps {
  /** The purpose under which the lines are shown; an original is opened under the same. */
  purpose?: Purpose | undefined;
  children: ReactNode;
}

/** Gives every line inside it the way to its source. */
export function SourceProvider({ purpose, children }: ProviderProps) {
  const [source, setSource] = useState<SourceOf>();
  const [open, setOpen] = useState(false);
  const show = useMemo(
    () => (next: SourceOf) => {
      setSource(next);
      setOpen(true);
    },
    [],
  );
  return (
    <OpenSource value={show}>
      {children}
      <Suspense>
        {source && <SourceDrawer source={source} purpose={purpose} open={open} onClose={() => setOpen(false)} />}
      </Suspense>
    </OpenSource>
  );
}

/** The small button at the end of a line. */
export function SourceButton({ type, id, title }: SourceOf) {
  const speak = useSpeak();
  const open = use(OpenSource);
  const label = speak("source.open", { title });
  return (
    <button
      type="button"
      className="source-button"
      aria-label={label}
      title={label}
      onClick={() => open({ type, id, title })}
    >
      <svg
        viewBox="0 0 16 16"
        width="16"
        height="16"
        aria-hidden="true"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      >
        <path d="M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5" />
      </svg>
    </button>
  );
}
