/** 健康档案首页: what must not be missed on the left, what was measured and what happened on the right. */

import { useEffect, useMemo, useRef, useState } from "react";

import type { Result, Summary } from "../../api/types.ts";
import { newestFirst } from "../../format/order.ts";
import { mark, numeric } from "../../format/result.ts";
import { Allergies, Medicines, Problems } from "./Lists.tsx";
import { Results } from "./Results.tsx";
import { Timeline } from "./Timeline.tsx";
import { TrendPanel } from "./TrendPanel.tsx";

export function Record({ person, summary }: { person: string; summary: Summary }) {
  const results = useMemo(() => newestFirst(summary.results), [summary]);
  const [chosen, setChosen] = useState<Result | undefined>(() => firstToShow(results));
  const side = useStaying();
  return (
    <div className="record">
      <div className="record-side" ref={side}>
        <Allergies allergies={summary.allergies} />
        <Problems problems={summary.problems} />
        <Medicines medicines={summary.medicines} />
      </div>
      <div className="record-main">
        <div className="record-results">
          <Results results={results} chosen={chosen} onChoose={setChosen} />
          <TrendPanel person={person} result={chosen} />
        </div>
        <Timeline person={person} />
      </div>
    </div>
  );
}

/** The trend that stands open at first: something abnormal if there is any, else the first number. */
function firstToShow(results: readonly Result[]): Result | undefined {
  const drawable = results.filter((result) => result.code && numeric(result.value) !== undefined);
  return drawable.find((result) => mark(result.value, result.low, result.high)) ?? drawable[0];
}

/** Below the heading of the person, which itself stays at the top. */
const TOP = 104;
const MARGIN = 12;

/**
 * Lets a column stay in sight while the rest is scrolled. A column taller than the window first scrolls to its end, so that no
 * part of it is out of reach.
 */
function useStaying() {
  const column = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = column.current;
    if (!element) return;
    const place = (): void => {
      const top = Math.min(TOP, window.innerHeight - element.offsetHeight - MARGIN);
      element.style.setProperty("--side-top", `${top}px`);
    };
    const watcher = new ResizeObserver(place);
    watcher.observe(element);
    window.addEventListener("resize", place);
    return () => {
      watcher.disconnect();
      window.removeEventListener("resize", place);
    };
  }, []);
  return column;
}
