import { unusualStatus, type Mark as MarkOf } from "../format/result.ts";
import { useSpeak } from "../shell/context.ts";

const SIGNS: Readonly<Record<MarkOf, string>> = {
  high: "↑",
  low: "↓",
  abnormal: "●",
  "critical-high": "↑↑",
  "critical-low": "↓↓",
  critical: "●",
};

/** Above or below the reference range: an arrow and a word, so that nothing hangs on colour. */
export function Mark({ mark }: { mark: MarkOf | undefined }) {
  const speak = useSpeak();
  if (!mark) return null;
  return (
    <span className={`mark-${mark}`}>
      <span aria-hidden="true">{SIGNS[mark]}</span>
      {speak(`mark.${mark}`)}
    </span>
  );
}

/** 初步, 已更正 …: what is not simply final says so wherever it stands. */
export function StatusTag({ status }: { status: string | null | undefined }) {
  const speak = useSpeak();
  const unusual = unusualStatus(status);
  return unusual ? <span className="tag tag-amber">{speak.code("status", unusual)}</span> : null;
}
