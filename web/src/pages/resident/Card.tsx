import type { ReactNode } from "react";

import type { Line } from "../../api/types.ts";
import { day } from "../../format/date.ts";
import { useSpeak } from "../../shell/context.ts";
import { ObjectButton } from "./Object.tsx";

interface CardProps {
  title: string;
  /** The page that has all of it. */
  more?: string;
  alarm?: boolean;
  children: ReactNode;
}

/** A titled box of the resident's pages. */
export function Card({ title, more, alarm, children }: CardProps) {
  const speak = useSpeak();
  return (
    <section className={alarm ? "card card-alarm" : "card"} aria-label={title}>
      <header className="card-head">
        <h2>{title}</h2>
        {more && (
          <a href={more} aria-label={`${title} ${speak("resident.all")}`}>
            {speak("resident.all")}
          </a>
        )}
      </header>
      {children}
    </section>
  );
}

interface RowProps {
  line: Line;
  tag?: string | undefined;
  /** It was taken back: struck through. */
  withdrawn?: boolean;
  detail: readonly (string | null | undefined)[];
}

/** One record: what, when, where, and the way to say that it is wrong. */
export function LineRow({ line, tag, withdrawn, detail }: RowProps) {
  return (
    <li className="row">
      <span className="row-main">
        <span className="row-title">
          <span className={withdrawn ? "withdrawn" : undefined}>{line.title?.trim() || line.id}</span>
          {tag && <span className="tag tag-alarm">{tag}</span>}
        </span>
        <span className="row-more">{[day(line.date), ...detail].filter(Boolean).join(" · ")}</span>
      </span>
      <ObjectButton about={line} />
    </li>
  );
}
