/** One line that many sources say, and the way to each original. */

import type { Line } from "../api/types.ts";
import { day } from "../format/date.ts";
import { useSpeak } from "../shell/context.ts";
import { SourceButton } from "./Source.tsx";

/** Everything that a line was made of, each with its original. */
export function Originals({ sources }: { sources: readonly Line[] }) {
  const speak = useSpeak();
  return (
    <details className="originals">
      <summary>{speak("front.originals", { n: sources.length })}</summary>
      <ul>
        {sources.map((source) => (
          <li key={`${source.type}/${source.id}`}>
            <time className="figures">{day(source.date) || speak("none.mark")}</time>
            <span className="originals-words">
              {source.title}
              {source.institution_name && <span className="originals-place">{source.institution_name}</span>}
            </span>
            <SourceButton type={source.type} id={source.id} title={source.title ?? source.id} />
          </li>
        ))}
      </ul>
    </details>
  );
}
