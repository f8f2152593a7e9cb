/** 当前就诊: whom the clinician is treating, and until when that is a reason to look. */

import { useState } from "react";

import { care, type Visit } from "../../api/care.ts";
import { minute } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { Chips } from "../../parts/Chips.tsx";
import { DataTable } from "../../parts/DataTable.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { href } from "../../shell/route.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { personColumns } from "./personColumns.tsx";

const CLASSES = ["AMB", "EMER", "IMP"] as const;
/** A list this short needs no search field. */
const FILTER_FROM = 12;

export function Worklist() {
  const speak = useSpeak();
  const load = useLoad("worklist", (signal) => care.worklist(signal));
  const [chosen, setChosen] = useState("");
  const [text, setText] = useState("");
  const visits = load.value?.visits ?? [];
  const of = (code: string): Visit[] => visits.filter((visit) => visit.encounter.class === code);
  const shown = (chosen === "" ? visits : of(chosen)).filter((visit) => contains(visit, text));

  return (
    <div className="page wide">
      <h1 className="page-title">{speak("worklist.title")}</h1>
      <p className="page-lead">{speak("worklist.lead")}</p>
      <Panel
        title={speak("worklist.title")}
        note={load.value ? speak("list.shown", { n: shown.length }) : null}
        tools={
          <>
            {visits.length >= FILTER_FROM && (
              <input
                type="search"
                className="input small-filter"
                value={text}
                onChange={(event) => setText(event.target.value)}
                placeholder={speak("worklist.filter")}
                aria-label={speak("worklist.filter")}
              />
            )}
            <Button small onClick={load.reload}>
              {speak("refresh")}
            </Button>
          </>
        }
      >
        {visits.length > 0 && (
          <Chips
            label={speak("worklist.classes")}
            value={chosen}
            onChange={setChosen}
            options={[
              { value: "", label: speak("timeline.all"), count: visits.length },
              ...CLASSES.filter((code) => of(code).length > 0).map((code) => ({
                value: code,
                label: speak.code("class", code),
                count: of(code).length,
              })),
            ]}
          />
        )}
        <Loaded of={load}>
          {({ truncated }) =>
            shown.length === 0 ? (
              <Nothing title={speak(visits.length === 0 ? "worklist.none" : "worklist.none.filtered")}>
                {visits.length === 0 && (
                  <>
                    {speak("worklist.none.hint")} <a href={href("persons")}>{speak("nav.search")}</a>
                  </>
                )}
              </Nothing>
            ) : (
              <>
                <VisitTable visits={shown} />
                {truncated && <p className="cut-off">{speak("list.cut", { n: visits.length })}</p>}
              </>
            )
          }
        </Loaded>
      </Panel>
    </div>
  );
}

function contains({ person, encounter }: Visit, text: string): boolean {
  const wanted = text.trim();
  return wanted === "" || [person.name, encounter.number].some((one) => one?.includes(wanted));
}

function VisitTable({ visits }: { visits: readonly Visit[] }) {
  const speak = useSpeak();
  return (
    <DataTable<Visit>
      label={speak("worklist.title")}
      rows={visits}
      rowKey={(visit) => visit.encounter.id}
      columns={[
        ...personColumns<Visit>(speak),
        {
          key: "class",
          title: speak("worklist.class"),
          tight: true,
          cell: ({ encounter }) => (
            <span className={`tag class-${encounter.class ?? "none"}`}>{speak.code("class", encounter.class)}</span>
          ),
        },
        {
          key: "department",
          title: speak("worklist.department"),
          cell: ({ encounter }) => encounter.department || speak("none.mark"),
        },
        {
          key: "doctor",
          title: speak("worklist.practitioner"),
          cell: ({ encounter }) => encounter.practitioner || speak("none.mark"),
        },
        {
          key: "number",
          title: speak("worklist.number"),
          cell: ({ encounter }) => <code>{encounter.number || speak("none.mark")}</code>,
        },
        { key: "start", title: speak("worklist.start"), tight: true, cell: ({ encounter }) => minute(encounter.start) },
        {
          key: "until",
          title: speak("worklist.until"),
          tight: true,
          cell: ({ until }) => (until ? minute(until) : speak("worklist.until.discharge")),
        },
      ]}
    />
  );
}
