/** 运行总览: how much comes, how late, and what is wrong with it, per source. */

import { useEffect, useState } from "react";

import { road, type OperatedSource, type Operations as State } from "../../api/road.ts";
import { second } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { DataTable } from "../../parts/DataTable.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { href } from "../../shell/route.ts";
import { useFresh } from "../../shell/useFresh.ts";
import { MinuteBars } from "./MinuteBars.tsx";
import { countText, lagText } from "./words.ts";

/** How often the page asks again. */
const EVERY_MS = 10_000;
/** Later than this, a source is behind: it sends once a day at least. */
const LATE_SECONDS = 26 * 3_600;

export function Operations() {
  const speak = useSpeak();
  const load = useFresh("operations", EVERY_MS, (signal) => road.operations(signal));
  return (
    <div className="page wide">
      <div className="title-row">
        <div>
          <h1 className="page-title">{speak("operations.title")}</h1>
          <p className="page-lead">
            {load.value
              ? speak("operations.as.of", { time: second(load.value.now), n: EVERY_MS / 1000 })
              : speak("operations.lead")}
          </p>
        </div>
        <Button small onClick={load.reload}>
          {speak("refresh")}
        </Button>
      </div>
      <Loaded of={load} rows={10}>
        {(state) => <Whole state={state} />}
      </Loaded>
      {load.staleSince !== undefined && (
        <p className="cut-off" role="alert">
          {speak("stale", { time: second(load.staleSince) })}
        </p>
      )}
    </div>
  );
}

function Whole({ state }: { state: State }) {
  const speak = useSpeak();
  const sum = (key: "messages_today" | "records_today" | "set_aside_today" | "issues_today"): number =>
    state.sources.reduce((total, source) => total + (source[key] ?? 0), 0);
  const late = state.sources.filter(isLate);
  const [only, setOnly] = useState(false);
  useEffect(() => {
    if (late.length === 0) setOnly(false);
  }, [late.length]);
  const shown = only ? late : state.sources;
  return (
    <>
      <dl className="tiles">
        <Tile name={speak("operations.sources")} value={countText(state.sources.length, speak)} />
        <Tile name={speak("operations.messages")} value={countText(sum("messages_today"), speak)} />
        <Tile name={speak("operations.records")} value={countText(sum("records_today"), speak)} />
        <Tile name={speak("operations.set.aside")} value={countText(sum("set_aside_today"), speak)} />
        <Tile name={speak("operations.issues")} value={countText(sum("issues_today"), speak)} />
        <Tile name={speak("operations.late")} value={countText(late.length, speak)} alarm={late.length > 0} />
      </dl>
      <Panel title={speak("operations.minutes")} className="minutes">
        <MinuteBars minutes={state.minutes} />
      </Panel>
      <Panel
        title={speak("operations.by.source")}
        note={speak("list.shown", { n: shown.length })}
        tools={
          late.length > 0 && (
            <button type="button" className="chip" aria-pressed={only} onClick={() => setOnly(!only)}>
              {speak("operations.only.late")}
            </button>
          )
        }
      >
        {shown.length === 0 ? (
          <Nothing title={speak("operations.none")}>{speak("operations.none.hint")}</Nothing>
        ) : (
          <SourceTable sources={shown} />
        )}
      </Panel>
      <Server state={state} />
    </>
  );
}

/** The server itself. */
function Server({ state }: { state: State }) {
  const speak = useSpeak();
  const facts = [
    [speak("operations.started"), state.started && second(state.started)],
    [speak("operations.version"), state.version],
    [speak("operations.sessions"), countText(state.sessions, speak)],
    [speak("operations.audit"), countText(state.audit_events, speak)],
  ] as const;
  return (
    <Panel title={speak("operations.server")}>
      <dl className="facts facts-wide padded">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div className="fact" key={name}>
              <dt>{name}</dt>
              <dd className="figures">{value}</dd>
            </div>
          ))}
      </dl>
    </Panel>
  );
}

function isLate(source: OperatedSource): boolean {
  return (source.lag_seconds ?? 0) > LATE_SECONDS;
}

function Tile({ name, value, alarm }: { name: string; value: string; alarm?: boolean }) {
  return (
    <div className={alarm ? "tile tile-alarm" : "tile"}>
      <dt>{name}</dt>
      <dd className="figures">{value}</dd>
    </div>
  );
}

function SourceTable({ sources }: { sources: readonly OperatedSource[] }) {
  const speak = useSpeak();
  const number = (key: "messages_today" | "records_today" | "set_aside_today" | "issues_today", title: string) => ({
    key,
    title,
    number: true,
    cell: (source: OperatedSource) => `${source.at_least ? "≥ " : ""}${countText(source[key], speak)}`,
  });
  return (
    <DataTable<OperatedSource>
      label={speak("operations.by.source")}
      rows={sources}
      rowKey={(source) => source.id}
      columns={[
        {
          key: "source",
          title: speak("road.source"),
          cell: (source) => (
            <>
              <a href={href("sources", source.id)}>{source.name}</a>
              {source.institution_name !== source.name && (
                <span className="cell-more">{source.institution_name ?? source.institution}</span>
              )}
            </>
          ),
        },
        {
          key: "lag",
          title: speak("operations.lag"),
          number: true,
          cell: (source) => (
            <span className={isLate(source) ? "late" : undefined}>
              {lagText(source.lag_seconds, speak)}
              {isLate(source) && <span className="tag tag-alarm">{speak("operations.is.late")}</span>}
            </span>
          ),
        },
        {
          key: "last",
          title: speak("operations.last"),
          tight: true,
          cell: (source) => (source.last_message_at ? second(source.last_message_at) : speak("uploads.never")),
        },
        number("messages_today", speak("operations.messages")),
        number("records_today", speak("operations.records")),
        number("set_aside_today", speak("operations.set.aside")),
        number("issues_today", speak("operations.issues")),
        {
          key: "pages",
          title: speak("road.tabs"),
          unseen: true,
          cell: (source) => (
            <span className="row-links">
              <a href={href("sources", source.id, "receipts")}>{speak("road.receipts")}</a>
              <a href={href("sources", source.id, "findings")}>{speak("road.findings")}</a>
            </span>
          ),
        },
      ]}
    />
  );
}
