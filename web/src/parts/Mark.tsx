import type { Mark as MarkOf } from "../format/result.ts";
import { useSpeak } from "../shell/context.ts";

const SIGNS: Readonly<Record<MarkOf, string>> = { high: "↑", low: "↓", abnormal: "●" };

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
