/** 健康档案首页: what must not be missed on the left, what was measured and what happened on the right. */

import { useEffect, useMemo, useRef, useState } from "react";

import type { Person, Result, Summary } from "../../api/types.ts";
import { newestFirst } from "../../format/order.ts";
import { markOfResult, numeric } from "../../format/result.ts";
import { Allergies, Medicines, Problems } from "./Lists.tsx";
import { NewSince } from "./NewSince.tsx";
import { Registrations } from "./Registrations.tsx";
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
        <Allergies allergies={summary.allergies} denied={summary.allergies_denied} />
        <Problems problems={summary.problems} rule={summary.rules?.problems} />
        <Medicines medicines={summary.medicines} rule={summary.rules?.medicines} />
        <Registrations person={summary.person} />
      </div>
      <div className="record-main">
        {summary.new_since && <NewSince news={summary.new_since} />}
        <div className="record-results">
          <Results results={results} chosen={chosen} onChoose={setChosen} />
          <TrendPanel person={person} result={chosen} />
        </div>
        <Timeline person={person} institutions={institutionsOf(summary.person)} />
      </div>
    </div>
  );
}

/** The institutions that know this person, each once, for the filter of the timeline. */
function institutionsOf(person: Person): { code: string; name: string }[] {
  const known = new Map<string, string>();
  for (const { institution, institution_name } of person.registrations ?? [])
    if (institution) known.set(institution, institution_name ?? institution);
  return [...known].map(([code, name]) => ({ code, name }));
}

/** The trend that stands open at first: something abnormal if there is any, else the first number. */
function firstToShow(results: readonly Result[]): Result | undefined {
  const drawable = results.filter((result) => result.code && numeric(result.value) !== undefined);
  return drawable.find((result) => markOfResult(result)) ?? drawable[0];
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
