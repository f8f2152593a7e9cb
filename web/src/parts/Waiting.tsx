/** What stands where content is still to come, is absent, or could not be had. */

import { Alert, Button, Skeleton } from "antd";
import type { ReactNode } from "react";

import type { ApiError } from "../api/error.ts";
import { useSpeak } from "../shell/context.ts";
import { sentenceOf } from "./sentence.ts";

/** Grey lines in the shape of what is coming; said aloud once to those who cannot see it. */
export function Lines({ rows }: { rows: number }) {
  const speak = useSpeak();
  return (
    <div className="waiting" role="status" aria-label={speak("loading")}>
      <Skeleton active title={false} paragraph={{ rows, width: widths(rows) }} />
    </div>
  );
}

function widths(rows: number): string[] {
  return Array.from({ length: rows }, (_, row) => `${[92, 78, 86, 64][row % 4]}%`);
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
    <Alert
      type="error"
      showIcon
      role="alert"
      className="trouble"
      title={sentence ?? sentenceOf(error, speak)}
      description={
        <div className="trouble-more">
          {error.detail && <div>{error.detail}</div>}
          <div className="trouble-code">
            {speak("error.code", { code: error.code })}
            {error.requestId && ` · ${speak("error.request", { id: error.requestId })}`}
          </div>
        </div>
      }
      action={
        retry && (
          <Button size="small" onClick={retry}>
            {speak("retry")}
          </Button>
        )
      }
    />
  );
}
