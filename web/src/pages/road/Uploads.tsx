/** 上传情况: for every source of the institution, when it sent last and what became of it. */

import { useEffect, useState } from "react";

import { road, type Receipt, type Source } from "../../api/road.ts";
import { day, second } from "../../format/date.ts";
import { DataTable } from "../../parts/DataTable.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Lines, Nothing, Trouble } from "../../parts/Waiting.tsx";
import type { ApiError } from "../../api/error.ts";
import { useSpeak } from "../../shell/context.ts";
import { href } from "../../shell/route.ts";
import { asApiError } from "../../shell/useLoad.ts";
import type { Speak } from "../../words/index.ts";
import { OutcomeTag } from "./Receipts.tsx";
import { titleOfSource } from "./SourceFrame.tsx";
import { countText, messageWords } from "./words.ts";

interface Row {
  source: Source;
  latest: Receipt | undefined;
  /** Of the messages of today among the receipts of the first page. */
  today: { messages: number; records: number; setAside: number; findings: number };
  /** There may be more of today than the first page has. */
  isCut: boolean;
}

/** What a list of receipts, newest first, says about a day. */
export function today(receipts: readonly Receipt[], on: string): Row["today"] {
  const of = receipts.filter((receipt) => day(receipt.received_ms) === on);
  const sum = (key: "records" | "set_aside" | "findings"): number =>
    of.reduce((total, { counts }) => total + counts[key], 0);
  return { messages: of.length, records: sum("records"), setAside: sum("set_aside"), findings: sum("findings") };
}

export function Uploads({ sources }: { sources: readonly Source[] }) {
  const speak = useSpeak();
  const [rows, setRows] = useState<Row[]>();
  const [error, setError] = useState<ApiError>();

  useEffect(() => {
    const stop = new AbortController();
    const on = day(Date.now());
    Promise.all(
      sources.map(async (source): Promise<Row> => {
        const { receipts, next } = await road.receipts(source.name, undefined, stop.signal);
        const oldest = receipts.at(-1);
        const isCut = Boolean(next && oldest && day(oldest.received_ms) === on);
        return { source, latest: receipts[0], today: today(receipts, on), isCut };
      }),
    ).then(setRows, (cause: unknown) => stop.signal.aborted || setError(asApiError(cause)));
    return () => stop.abort();
  }, [sources]);

  return (
    <div className="page wide">
      <h1 className="page-title">{speak("uploads.title")}</h1>
      <p className="page-lead">{speak("uploads.lead")}</p>
      {error ? (
        <Trouble error={error} />
      ) : (
        <Panel title={speak("uploads.sources")} note={rows ? speak("list.shown", { n: rows.length }) : null}>
          {!rows ? (
            <div className="padded">
              <Lines rows={5} />
            </div>
          ) : rows.length === 0 ? (
            <Nothing title={speak("uploads.none")}>{speak("uploads.none.hint")}</Nothing>
          ) : (
            <UploadTable rows={rows} />
          )}
          {rows?.some((row) => row.isCut) && <p className="cut-off">{speak("uploads.cut")}</p>}
        </Panel>
      )}
    </div>
  );
}

function UploadTable({ rows }: { rows: readonly Row[] }) {
  const speak = useSpeak();
  const number = (key: string, title: string, of: (row: Row) => number) => ({
    key,
    title,
    number: true,
    cell: (row: Row) => (row.isCut ? `≥ ${countText(of(row), speak)}` : countText(of(row), speak)),
  });
  return (
    <DataTable<Row>
      label={speak("uploads.sources")}
      rows={rows}
      rowKey={(row) => row.source.name}
      columns={[
        {
          key: "source",
          title: speak("road.source"),
          cell: ({ source }) => (
            <>
              <a href={href("sources", source.name)}>{titleOfSource(source)}</a>
              <span className="cell-more">{roadOf(source, speak)}</span>
            </>
          ),
        },
        {
          key: "last",
          title: speak("uploads.last"),
          tight: true,
          cell: ({ latest }) => (latest ? second(latest.received_ms) : speak("uploads.never")),
        },
        {
          key: "outcome",
          title: speak("uploads.last.outcome"),
          cell: ({ latest }) =>
            latest ? (
              <>
                <OutcomeTag receipt={latest} />
                <span className="cell-more">{messageWords(latest.message_type, speak)}</span>
              </>
            ) : (
              speak("none.mark")
            ),
        },
        number("messages", speak("uploads.messages"), (row) => row.today.messages),
        number("records", speak("uploads.records"), (row) => row.today.records),
        number("set-aside", speak("uploads.set.aside"), (row) => row.today.setAside),
        number("findings", speak("uploads.findings"), (row) => row.today.findings),
        {
          key: "pages",
          title: speak("road.tabs"),
          unseen: true,
          cell: ({ source }) => (
            <span className="row-links">
              <a href={href("sources", source.name, "problems")}>{speak("road.problems")}</a>
              <a href={href("sources", source.name, "reconciliation")}>{speak("road.reconciliation")}</a>
            </span>
          ),
        },
      ]}
    />
  );
}

/** How the source delivers. */
function roadOf(source: Source, speak: Speak): string {
  const ways = [
    source.listen && speak("uploads.by.mllp", { address: source.listen }),
    source.folder && speak("uploads.by.folder"),
    !source.listen && !source.folder && speak("uploads.by.http"),
    source.is_enabled === false && speak("uploads.off"),
  ];
  return ways.filter(Boolean).join(" · ");
}
