/** The pages of one person share a heading: whose record this is stays in sight while anything of it is on the screen. */

import { lazy, Suspense } from "react";

import { api } from "../api/client.ts";
import type { Freshness, Person } from "../api/types.ts";
import { minute } from "../format/date.ts";
import { Identifiers, nameOf, PersonFacts } from "../parts/PersonLine.tsx";
import { SourceProvider } from "../parts/Source.tsx";
import { Lines, PageSkeleton, Trouble } from "../parts/Waiting.tsx";
import { useSpeak } from "../shell/context.ts";
import { href, personHref } from "../shell/route.ts";
import { useLoad } from "../shell/useLoad.ts";
import { Record } from "./record/Record.tsx";

const AccessLog = lazy(() => import("./AccessLog.tsx"));

interface Props {
  person: string;
  page: "record" | "access";
}

export default function PersonPages({ person, page }: Props) {
  const speak = useSpeak();
  const summary = useLoad(person, (signal) => api.summary(person, signal));

  // Who may see who looked may not see the record itself: an audit administrator reads this page without the other.
  const logOnly = page === "access" && summary.error?.status === 403;
  if (summary.error && !logOnly) {
    return (
      <div className="page narrow">
        <Trouble error={summary.error} retry={summary.reload} />
        <p>
          <a href={href("persons")}>{speak("back.to.search")}</a>
        </p>
      </div>
    );
  }
  return (
    <SourceProvider>
      <PersonHead
        id={person}
        person={logOnly ? { id: person } : summary.value?.person}
        freshness={summary.value?.freshness}
        page={page}
      />
      <div className="page wide">
        {page === "access" ? (
          <Suspense fallback={<PageSkeleton />}>
            <AccessLog person={person} />
          </Suspense>
        ) : summary.value ? (
          <Record person={person} summary={summary.value} />
        ) : (
          <RecordSkeleton />
        )}
      </div>
    </SourceProvider>
  );
}

interface HeadProps {
  id: string;
  person: Person | undefined;
  freshness: Freshness | null | undefined;
  page: Props["page"];
}

function PersonHead({ id, person, freshness, page }: HeadProps) {
  const speak = useSpeak();
  return (
    <div className="person-head">
      <div className="person-head-in">
        {person ? (
          <div className="person-head-text">
            <div className="person-head-first">
              <h1>{nameOf(person, speak)}</h1>
              <PersonFacts person={person} />
            </div>
            <div className="person-head-second">
              <Identifiers person={person} limit={4} />
              {person.address && <span className="person-address">{person.address}</span>}
              {freshness?.last_updated && (
                <span className="person-fresh">{speak("record.fresh", { time: minute(freshness.last_updated) })}</span>
              )}
              {freshness?.truncated && <span className="tag tag-alarm">{speak("record.truncated")}</span>}
            </div>
          </div>
        ) : (
          <div className="person-head-text">
            <Lines rows={2} />
          </div>
        )}
        <nav className="tabs" aria-label={speak("person.tabs")}>
          <a href={personHref(id)} aria-current={page === "record" ? "page" : undefined}>
            {speak("record.title")}
          </a>
          <a href={personHref(id, "access")} aria-current={page === "access" ? "page" : undefined}>
            {speak("access.title")}
          </a>
        </nav>
      </div>
    </div>
  );
}

function RecordSkeleton() {
  return (
    <div className="record">
      <div className="record-side">
        {[3, 5, 5].map((rows, at) => (
          <div className="panel padded" key={at}>
            <Lines rows={rows} />
          </div>
        ))}
      </div>
      <div className="record-main">
        <div className="panel padded">
          <Lines rows={9} />
        </div>
        <div className="panel padded">
          <Lines rows={8} />
        </div>
      </div>
    </div>
  );
}
