import { useEffect, useRef } from "react";

interface Props {
  lines: readonly string[];
  /** Numbers of lines, from 1. */
  marked: ReadonlySet<number>;
  label: string;
}

/** Lines that one view shows; a month of rows is not laid out at once. */
const LINES_MAX = 2_000;

/** Text as it was sent, line by line, with some lines marked; the first marked one is brought into sight. */
export function TextLines({ lines, marked, label }: Props) {
  const first = useRef<HTMLDivElement>(null);
  const from = windowFrom(lines.length, marked);
  const shown = lines.slice(from, from + LINES_MAX);
  const firstMarked = Math.min(...marked);

  useEffect(() => {
    // Only inside its own box: scrolling the page would move the heading out of sight.
    const [line, box] = [first.current, first.current?.parentElement];
    if (line && box) box.scrollTop = line.offsetTop - box.clientHeight / 3;
  }, [lines]);

  return (
    <pre className="text-lines" tabIndex={0} aria-label={label}>
      {shown.map((line, at) => {
        const number = from + at + 1;
        const isMarked = marked.has(number);
        return (
          <div
            className={isMarked ? "text-line text-line-marked" : "text-line"}
            key={number}
            data-line={number}
            ref={number === firstMarked ? first : undefined}
          >
            {isMarked ? <mark>{line || " "}</mark> : line || " "}
          </div>
        );
      })}
    </pre>
  );
}

/** The first line of the view: the beginning, or a little above the first marked line of a long text. */
function windowFrom(count: number, marked: ReadonlySet<number>): number {
  if (count <= LINES_MAX || marked.size === 0) return 0;
  return Math.max(0, Math.min(Math.min(...marked) - 200, count - LINES_MAX));
}
