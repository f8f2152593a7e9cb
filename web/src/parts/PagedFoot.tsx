import type { Pages } from "../shell/usePages.ts";
import { useSpeak } from "../shell/context.ts";
import { Button } from "./Button.tsx";
import { Lines, Trouble } from "./Waiting.tsx";

/** Below a list that comes in pages: what is still coming, what failed, the way to more, or that this was all. */
export function PagedFoot<T>({ pages }: { pages: Pages<T> }) {
  const speak = useSpeak();
  if (pages.error)
    return (
      <div className="padded">
        <Trouble error={pages.error} retry={pages.reload} />
      </div>
    );
  if (pages.loading)
    return (
      <div className="padded">
        <Lines rows={pages.items ? 2 : 6} />
      </div>
    );
  if (!pages.items || (pages.items.length === 0 && !pages.next)) return null;
  return (
    <p className="list-foot">
      {pages.next ? (
        <Button onClick={pages.more}>{speak("list.more")}</Button>
      ) : (
        speak("list.end", { n: pages.items.length })
      )}
    </p>
  );
}
