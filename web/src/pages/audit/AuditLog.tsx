/** 审计日志: every request, newest first, without a value of any record. */

import { useState, type FormEvent } from "react";

import { audit, type AuditEvent, type AuditQuery } from "../../api/audit.ts";
import { day, second } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { DataTable } from "../../parts/DataTable.tsx";
import { DayField } from "../../parts/DayField.tsx";
import { Field, Select } from "../../parts/Field.tsx";
import { PagedFoot } from "../../parts/PagedFoot.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { usePages } from "../../shell/usePages.ts";
import type { Speak } from "../../words/index.ts";

/** The acts that the log knows; the server's own codes. */
const ACTIONS = [
  "sign-in",
  "sign-out",
  "account-locked",
  "read",
  "search",
  "everything",
  "history",
  "emergency-opened",
  "emergency-reviewed",
  "original-read",
  "access-log-read",
  "objection-made",
  "objection-answered",
  "create",
  "update",
  "delete",
  "transaction",
  "message-received",
  "problem-handled",
  "account-created",
  "grants-changed",
  "export",
  "not-signed-in",
] as const;

const DAY_MS = 86_400_000;

export function AuditLog() {
  const speak = useSpeak();
  const [form, setForm] = useState({ from: day(Date.now()), until: "", actor: "", action: "" });
  const [query, setQuery] = useState<AuditQuery>(queryOf(form));
  const key = JSON.stringify(query);
  const pages = usePages(key, async (before, signal) => {
    const { events, next } = await audit.events({ ...query, ...(before ? { before } : {}) }, signal);
    return { items: events, next };
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setQuery(queryOf(form));
  };

  return (
    <div className="page wide">
      <h1 className="page-title">{speak("audit.title")}</h1>
      <p className="page-lead">{speak("audit.lead")}</p>
      <form className="panel filter-form" role="search" onSubmit={submit}>
        <DayField label={speak("audit.from")} value={form.from} onChange={(from) => setForm({ ...form, from })} />
        <DayField label={speak("audit.until")} value={form.until} onChange={(until) => setForm({ ...form, until })} />
        <Field
          label={speak("audit.actor")}
          hint={speak("audit.actor.hint")}
          value={form.actor}
          onChange={(actor) => setForm({ ...form, actor })}
          input={{ autoComplete: "off", spellCheck: false, maxLength: 64 }}
        />
        <Select
          label={speak("audit.action")}
          value={form.action}
          onChange={(action) => setForm({ ...form, action })}
          options={[
            { value: "", label: speak("timeline.all") },
            ...ACTIONS.map((action) => ({ value: action, label: speak.code("audit-action", action) })),
          ]}
        />
        <Button kind="primary" type="submit">
          {speak("search.submit")}
        </Button>
      </form>
      <Panel
        title={speak("audit.events")}
        note={pages.items ? speak("list.shown", { n: pages.items.length }) : null}
        tools={
          <Button small onClick={pages.reload}>
            {speak("refresh")}
          </Button>
        }
      >
        {pages.items?.length === 0 && !pages.loading && !pages.next ? (
          <Nothing title={speak("audit.none")} />
        ) : (
          pages.items && pages.items.length > 0 && <EventTable events={pages.items} />
        )}
        <PagedFoot pages={pages} />
      </Panel>
    </div>
  );
}

/** Days are meant whole: until a day is until its end. */
function queryOf(form: { from: string; until: string; actor: string; action: string }): AuditQuery {
  const until = form.until && day(Date.parse(`${form.until}T00:00:00+08:00`) + DAY_MS);
  return {
    ...(form.from && { from: form.from }),
    ...(until && { until }),
    ...(form.actor.trim() && { actor: form.actor.trim() }),
    ...(form.action && { action: form.action }),
  };
}

function EventTable({ events }: { events: readonly AuditEvent[] }) {
  const speak = useSpeak();
  return (
    <DataTable<AuditEvent>
      label={speak("audit.events")}
      rows={events}
      rowKey={(event) => String(event.sequence)}
      rowClass={(event) => (event.emergency ? "row-alarm" : undefined)}
      columns={[
        { key: "at", title: speak("access.at"), tight: true, cell: (event) => second(event.at) },
        {
          key: "who",
          title: speak("access.who"),
          cell: (event) => (
            <>
              <strong>{event.display_name?.trim() || event.actor || speak("audit.nobody")}</strong>
              <span className="cell-more">
                {[event.role && speak.code("role", event.role), event.institution_name ?? event.institution]
                  .filter(Boolean)
                  .join(" · ")}
              </span>
            </>
          ),
        },
        {
          key: "action",
          title: speak("access.action"),
          cell: (event) => (
            <>
              {actionOf(event, speak)}
              {event.emergency && <span className="tag tag-alarm">{speak("ground.emergency")}</span>}
              {event.outcome && event.outcome !== "success" && (
                <span className="tag tag-alarm">{speak.code("outcome", event.outcome)}</span>
              )}
              {event.reason && (
                <span className="cell-more">{speak("resident.access.reason", { reason: event.reason })}</span>
              )}
            </>
          ),
        },
        { key: "what", title: speak("audit.what"), cell: (event) => <code className="code-quiet">{event.what}</code> },
        {
          key: "purpose",
          title: speak("access.purpose"),
          cell: (event) => (event.purpose ? speak.code("purpose", event.purpose) : speak("none.mark")),
        },
        {
          key: "rule",
          title: speak("audit.rule"),
          cell: (event) => <code className="code-quiet">{event.ground ?? event.rule ?? speak("none.mark")}</code>,
        },
        {
          key: "persons",
          title: speak("audit.persons"),
          number: true,
          cell: (event) => event.persons_count ?? 0,
        },
        {
          key: "sequence",
          title: speak("audit.sequence"),
          number: true,
          cell: (event) => <span className="zero">{event.sequence}</span>,
        },
      ]}
    />
  );
}

/** Our short word for the act, else what the server calls it. */
function actionOf(event: AuditEvent, speak: Speak): string {
  const word = speak.code("audit-action", event.action);
  if (word !== event.action) return word;
  return (speak.language === "zh" ? event.action_zh : event.action_en) ?? event.action;
}
