/** What stands where content is still to come, is absent, or could not be had. */

import type { ReactNode } from "react";

import type { ApiError } from "../api/error.ts";
import { useSpeak } from "../shell/context.ts";
import type { Load } from "../shell/useLoad.ts";
import { Button } from "./Button.tsx";
import { sentenceOf } from "./sentence.ts";

/** Grey lines in the shape of what is coming; said aloud once to those who cannot see it. */
export function Lines({ rows }: { rows: number }) {
  const speak = useSpeak();
  return (
    <div className="waiting" role="status" aria-label={speak("loading")}>
      {Array.from({ length: rows }, (_, row) => (
        <span className="waiting-line" key={row} style={{ inlineSize: `${[92, 78, 86, 64][row % 4]}%` }} />
      ))}
    </div>
  );
}

export function PageSkeleton() {
  return (
    <div className="page">
      <Lines rows={8} />
    </div>
  );
}

/** Nothing here, and what that means. */
export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="nothing">
      <p className="nothing-title">{title}</p>
      {children && <p className="nothing-hint">{children}</p>}
    </div>
  );
}

interface TroubleProps {
  error: ApiError;
  /** Says it better than the general sentence of the code, where the page knows more. */
  sentence?: string | undefined;
  retry?: (() => void) | undefined;
}

/** What went wrong, its code for whoever will be asked about it, and a way to try again. */
export function Trouble({ error, sentence, retry }: TroubleProps) {
  const speak = useSpeak();
  return (
    <div className="trouble" role="alert">
      <div className="trouble-text">
        <p className="trouble-title">{sentence ?? sentenceOf(error, speak)}</p>
        {error.detail && <p className="trouble-detail">{error.detail}</p>}
        <p className="trouble-code">
          {speak("error.code", { code: error.code })}
          {error.requestId && ` · ${speak("error.request", { id: error.requestId })}`}
        </p>
      </div>
      {retry && (
        <Button small onClick={retry}>
          {speak("retry")}
        </Button>
      )}
    </div>
  );
}

/** Stands for what is loading or failed; shows the content when it is there. */
export function Loaded<T>({
  of,
  rows = 6,
  children,
}: {
  of: Load<T>;
  rows?: number;
  children: (value: T) => ReactNode;
}) {
  if (of.error)
    return (
      <div className="padded">
        <Trouble error={of.error} retry={of.reload} />
      </div>
    );
  if (of.value === undefined)
    return (
      <div className="padded">
        <Lines rows={rows} />
      </div>
    );
  return children(of.value);
}
