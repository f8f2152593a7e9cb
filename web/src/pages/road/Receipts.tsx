/** 接收回执: what came, when, and what became of it. */

import { Drawer } from "antd";
import { lazy, Suspense, useState } from "react";

import { road, type Receipt } from "../../api/road.ts";
import { second } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { DataTable, type Column } from "../../parts/DataTable.tsx";
import { PagedFoot } from "../../parts/PagedFoot.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { usePages } from "../../shell/usePages.ts";
import type { Speak } from "../../words/index.ts";
import { Issues } from "./Issues.tsx";
import { countText, messageWords, sizeText } from "./words.ts";

const OriginalDrawer = lazy(() => import("./OriginalDrawer.tsx"));

interface Props {
  source: string;
  /** Operators see masked values and no originals. */
  masked: boolean;
}

export function Receipts({ source, masked }: Props) {
  const speak = useSpeak();
  const [open, setOpen] = useState<Receipt>();
  const pages = usePages(source, async (after, signal) => {
    const { receipts, next } = await road.receipts(source, after, signal);
    return { items: receipts, next };
  });
  return (
    <Panel
      title={speak("road.receipts")}
      note={pages.items ? speak("list.shown", { n: pages.items.length }) : null}
      tools={
        <Button small onClick={pages.reload}>
          {speak("refresh")}
        </Button>
      }
    >
      {pages.items?.length === 0 && !pages.loading ? (
        <Nothing title={speak("road.receipts.none")}>{speak("road.receipts.none.hint")}</Nothing>
      ) : (
        pages.items && (
          <DataTable
            label={speak("road.receipts")}
            columns={columnsOf(speak, setOpen)}
            rows={pages.items}
            rowKey={(receipt) => receipt.id}
          />
        )
      )}
      <PagedFoot pages={pages} />
      <ReceiptDrawer source={source} receipt={open} masked={masked} onClose={() => setOpen(undefined)} />
    </Panel>
  );
}

function columnsOf(speak: Speak, open: (receipt: Receipt) => void): Column<Receipt>[] {
  const count = (key: keyof Receipt["counts"], title: string): Column<Receipt> => ({
    key,
    title,
    number: true,
    cell: ({ counts }) => (counts[key] === 0 ? <span className="zero">0</span> : countText(counts[key], speak)),
  });
  return [
    { key: "at", title: speak("receipt.at"), tight: true, cell: (receipt) => second(receipt.received_ms) },
    {
      key: "type",
      title: speak("receipt.type"),
      cell: (receipt) => (
        <>
          {messageWords(receipt.message_type, speak)}
          {receipt.name && <span className="cell-more">{receipt.name}</span>}
        </>
      ),
    },
    { key: "outcome", title: speak("receipt.outcome"), cell: (receipt) => <OutcomeTag receipt={receipt} /> },
    count("records", speak("receipt.records")),
    count("accepted", speak("receipt.accepted")),
    count("set_aside", speak("receipt.set.aside")),
    count("repeated", speak("receipt.repeated")),
    count("late", speak("receipt.late")),
    count("findings", speak("receipt.findings")),
    {
      key: "open",
      title: speak("receipt.open"),
      unseen: true,
      cell: (receipt) => (
        <Button
          kind="quiet"
          small
          aria-label={speak("receipt.open.of", { time: second(receipt.received_ms) })}
          onClick={() => open(receipt)}
        >
          {speak("receipt.open")}
        </Button>
      ),
    },
  ];
}

export function OutcomeTag({ receipt }: { receipt: Receipt }) {
  const speak = useSpeak();
  return (
    <>
      <span className={`tag outcome-${receipt.outcome}`}>{speak.code("receipt-outcome", receipt.outcome)}</span>
      {!receipt.is_complete && <span className="tag tag-alarm">{speak("receipt.incomplete")}</span>}
    </>
  );
}

function ReceiptDrawer({
  source,
  receipt,
  masked,
  onClose,
}: Props & { receipt: Receipt | undefined; onClose: () => void }) {
  const speak = useSpeak();
  const [original, setOriginal] = useState(false);
  return (
    <Drawer
      open={receipt !== undefined}
      onClose={onClose}
      size="min(760px, 100vw)"
      title={speak("receipt.title")}
      closable={{ "aria-label": speak("close") }}
      destroyOnHidden
      afterOpenChange={(open) => open || setOriginal(false)}
    >
      {receipt && (
        <div className="stack">
          <dl className="facts facts-wide">
            <Fact name={speak("receipt.number")} value={receipt.id} code />
            <Fact name={speak("receipt.at")} value={second(receipt.received_ms)} />
            <Fact name={speak("receipt.type")} value={messageWords(receipt.message_type, speak)} />
            {receipt.name && <Fact name={speak("receipt.name")} value={receipt.name} />}
            {receipt.message_id && <Fact name={speak("receipt.message.id")} value={receipt.message_id} code />}
            <Fact name={speak("receipt.size")} value={`${sizeText(receipt.bytes)} · ${receipt.encoding}`} />
            <div className="fact">
              <dt>{speak("receipt.outcome")}</dt>
              <dd>
                <OutcomeTag receipt={receipt} />
              </dd>
            </div>
            <Fact
              name={speak("receipt.written")}
              value={speak("receipt.written.counts", {
                created: countText(receipt.counts.created, speak),
                updated: countText(receipt.counts.updated, speak),
              })}
            />
          </dl>
          {!masked && (
            <div>
              <Button small onClick={() => setOriginal(true)}>
                {speak("original.open")}
              </Button>
            </div>
          )}
          {receipt.findings.length > 0 ? (
            <>
              <h3>
                {receipt.findings.length < receipt.counts.findings
                  ? speak("receipt.findings.first", { n: receipt.findings.length, all: receipt.counts.findings })
                  : speak("receipt.findings.all", { n: receipt.findings.length })}
              </h3>
              <Issues issues={receipt.findings} />
            </>
          ) : (
            <Nothing title={speak("receipt.findings.none")} />
          )}
          <Suspense>
            {original && (
              <OriginalDrawer
                source={source}
                receipt={receipt.id}
                lines={receipt.findings.flatMap((finding) => finding.line ?? [])}
                onClose={() => setOriginal(false)}
              />
            )}
          </Suspense>
        </div>
      )}
    </Drawer>
  );
}

function Fact({ name, value, code }: { name: string; value: string; code?: boolean }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{code ? <code>{value}</code> : value}</dd>
    </div>
  );
}
