/** 诊疗时间轴: encounters, results and the rest by day, newest first, as far back as the reader asks. */

import { useEffect, useMemo, useRef, useState } from "react";

import { api } from "../../api/client.ts";
import type { ApiError } from "../../api/error.ts";
import type { TimelineEntry } from "../../api/types.ts";
import { Button } from "../../parts/Button.tsx";
import { Select } from "../../parts/Field.tsx";
import { Folded } from "../../parts/Folded.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { EntryTag } from "./EntryTag.tsx";
import { SourceButton } from "../../parts/Source.tsx";
import { Lines, Nothing, Trouble } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { asApiError } from "../../shell/useLoad.ts";
import { byDay, type Day, type Group } from "./days.ts";
import { departmentOf, detailOf, groupName, timesOf } from "./entries.ts";
import { KINDS, kindsOf } from "./kinds.ts";

/** Entries a page of the timeline asks for. */
const PAGE = 60;
/** Entries of one type and day that stay in sight; a laboratory panel has dozens. */
const SHOWN = 6;

interface Props {
  person: string;
  /** Those that know the person; with more than one, the timeline can be asked for one of them. */
  institutions: readonly { code: string; name: string }[];
}

export function Timeline({ person, institutions }: Props) {
  const speak = useSpeak();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [institution, setInstitution] = useState("");
  const { entries, next, loading, error, more, reload } = usePages(person, chosen, institution);
  const years = useMemo(() => byDay(entries), [entries]);

  return (
    <Panel
      title={speak("timeline.title")}
      note={entries.length > 0 ? speak("timeline.loaded", { n: entries.length }) : null}
      className="timeline"
      tools={
        institutions.length > 1 && (
          <Select
            label={speak("timeline.institution")}
            unseen
            value={institution}
            onChange={setInstitution}
            options={[
              { value: "", label: speak("timeline.institutions.all", { n: institutions.length }) },
              ...institutions.map(({ code, name }) => ({ value: code, label: name })),
            ]}
          />
        )
      }
    >
      <Filter chosen={chosen} onChoose={setChosen} />
      {years.map((year) => (
        <section key={year.year} className="year">
          <h3 className="year-name figures">{year.year || speak("timeline.date.unknown")}</h3>
          <ol className="days">
            {year.days.map((day) => (
              <DayOf key={day.date} day={day} />
            ))}
          </ol>
        </section>
      ))}
      {error ? (
        <div className="padded">
          <Trouble error={error} retry={reload} />
        </div>
      ) : loading ? (
        <div className="padded">
          <Lines rows={5} />
        </div>
      ) : entries.length === 0 ? (
        <Nothing title={speak(chosen.size > 0 || institution ? "timeline.none.filtered" : "timeline.none")} />
      ) : (
        <div className="timeline-foot">
          {next ? <Button onClick={more}>{speak("timeline.more")}</Button> : <span>{speak("timeline.end")}</span>}
        </div>
      )}
    </Panel>
  );
}

function Filter({ chosen, onChoose }: { chosen: ReadonlySet<string>; onChoose: (next: ReadonlySet<string>) => void }) {
  const speak = useSpeak();
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose(next.size === KINDS.length ? new Set() : next);
  };
  return (
    <div className="chips" role="group" aria-label={speak("timeline.filter")}>
      <button type="button" className="chip" aria-pressed={chosen.size === 0} onClick={() => onChoose(new Set())}>
        {speak("timeline.all")}
      </button>
      {KINDS.map((kind) => (
        <button
          type="button"
          className="chip"
          key={kind.id}
          aria-pressed={chosen.has(kind.id)}
          onClick={() => toggle(kind.id)}
        >
          {speak(kind.word)}
        </button>
      ))}
    </div>
  );
}

function DayOf({ day }: { day: Day }) {
  const shared = sharedInstitution(day);
  const times = useMemo(() => timesOf(day.groups.flatMap((group) => group.entries)), [day]);
  return (
    <li className="day">
      <time className="day-date figures" dateTime={day.date}>
        {day.date.slice(5) || day.date}
      </time>
      <div className="day-groups">
        {shared && <p className="day-institution">{shared}</p>}
        {day.groups.map((group) => (
          <GroupOf key={`${group.type} ${group.kind}`} group={group} times={times} named={!shared} />
        ))}
      </div>
    </li>
  );
}

/** The institution of a day on which only one was seen: said once. */
function sharedInstitution(day: Day): string {
  const names = new Set(day.groups.flatMap((group) => group.entries.map((entry) => entry.institution_name ?? "")));
  return names.size === 1 ? ([...names][0] ?? "") : "";
}

interface GroupProps {
  group: Group;
  times: ReadonlyMap<TimelineEntry, string>;
  /** Every entry says its institution. */
  named: boolean;
}

function GroupOf({ group, times, named }: GroupProps) {
  const speak = useSpeak();
  return (
    <div className={`group group-${group.kind || "other"}`}>
      <span className="group-name">{groupName(group, speak)}</span>
      <ul>
        <Folded
          items={group.entries}
          shown={SHOWN}
          openLabel={speak("timeline.fold.open", { n: group.entries.length - SHOWN })}
          closeLabel={speak("timeline.fold.close")}
          render={(entry) => <Entry key={entry.id} entry={entry} time={times.get(entry) ?? ""} named={named} />}
        />
      </ul>
    </div>
  );
}

function Entry({ entry, time, named }: { entry: TimelineEntry; time: string; named: boolean }) {
  const speak = useSpeak();
  const title = entry.title?.trim() || `${entry.type}/${entry.id}`;
  const detail = detailOf(entry, speak);
  const department = departmentOf(entry);
  return (
    <li className="entry">
      <span className="entry-text">
        <span className={entry.standing ? "entry-title withdrawn" : "entry-title"}>{title}</span>
        {detail && <span className={entry.standing ? "entry-detail withdrawn" : "entry-detail"}>{detail}</span>}
        <EntryTag entry={entry} />
        {(department || (named && entry.institution_name)) && (
          <span className="entry-place">{[named && entry.institution_name, department].filter(Boolean).join(" ")}</span>
        )}
      </span>
      <span className="entry-time figures">{time}</span>
      <SourceButton type={entry.type} id={entry.id} title={title} />
    </li>
  );
}

interface Pages {
  entries: TimelineEntry[];
  next: string | undefined;
  loading: boolean;
  error: ApiError | undefined;
  more: () => void;
  reload: () => void;
}

interface Loaded {
  key: string;
  entries: TimelineEntry[];
  next: string | undefined;
}

/** The pages read so far for one person and one choice of kinds. A page that fails leaves the pages before it standing. */
function usePages(person: string, chosen: ReadonlySet<string>, institution: string): Pages {
  const kinds = kindsOf(chosen);
  const key = `${person} ${kinds.join(",")} ${institution}`;
  const [loaded, setLoaded] = useState<Loaded>();
  const [error, setError] = useState<ApiError>();
  // What to ask for: the first page of a key, or the page before a mark. The round makes a repetition a new wish.
  const [wish, setWish] = useState<{ key: string; before: string | undefined; round: number }>({
    key,
    before: undefined,
    round: 0,
  });
  const [done, setDone] = useState<unknown>();
  const latest = useRef(key);
  latest.current = key;

  if (wish.key !== key) setWish({ key, before: undefined, round: 0 });

  useEffect(() => {
    if (wish.key !== latest.current) return;
    const stop = new AbortController();
    setError(undefined);
    api
      .timeline(
        person,
        { kinds, institution, limit: PAGE, ...(wish.before ? { before: wish.before } : {}) },
        stop.signal,
      )
      .then((page) => {
        if (stop.signal.aborted) return;
        setLoaded((before) => ({
          key: wish.key,
          entries:
            wish.before && before?.key === wish.key ? withoutRepeats(before.entries, page.entries) : page.entries,
          next: page.next ?? undefined,
        }));
      })
      .catch((cause: unknown) => stop.signal.aborted || setError(asApiError(cause)))
      .finally(() => stop.signal.aborted || setDone(wish));
    return () => stop.abort();
    // The wish names everything that is asked for.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [wish]);

  const current = loaded?.key === key ? loaded : undefined;
  return {
    entries: current?.entries ?? [],
    next: current?.next,
    loading: done !== wish,
    error: done === wish ? error : undefined,
    more: () => setWish((before) => ({ key, before: current?.next, round: before.round + 1 })),
    reload: () => setWish((before) => ({ ...before, round: before.round + 1 })),
  };
}

/** Pages may overlap by entries of the same moment; nothing is listed twice. */
function withoutRepeats(before: TimelineEntry[], page: TimelineEntry[]): TimelineEntry[] {
  const known = new Set(before.map((entry) => `${entry.type}/${entry.id}`));
  return [...before, ...page.filter((entry) => !known.has(`${entry.type}/${entry.id}`))];
}
