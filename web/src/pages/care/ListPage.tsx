/** One list, with the rule that makes it: whom it names, why, and the records that say so. */

import { care, type Listed } from "../../api/care.ts";
import { day } from "../../format/date.ts";
import { DataTable } from "../../parts/DataTable.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { SourceButton, SourceProvider } from "../../parts/Source.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { href } from "../../shell/route.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { ruleOfList, titleOfList } from "./ListCards.tsx";
import { personColumns } from "./personColumns.tsx";

export function ListPage({ id }: { id: string }) {
  const speak = useSpeak();
  const lists = useLoad("lists", (signal) => care.lists(signal));
  const load = useLoad(`list ${id}`, (signal) => care.list(id, signal));
  const list = load.value?.list ?? lists.value?.lists.find((one) => one.id === id);
  return (
    <SourceProvider>
      <div className="page wide">
        <h1 className="page-title">{list ? titleOfList(list, speak) : speak("lists.title")}</h1>
        <nav className="tabs source-tabs" aria-label={speak("lists.title")}>
          {lists.value?.lists.map((one) => (
            <a key={one.id} href={href("lists", one.id)} aria-current={one.id === id ? "page" : undefined}>
              {titleOfList(one, speak)} <span className="figures">{one.count}</span>
            </a>
          ))}
        </nav>
        {list && (
          <p className="rule-box">
            <strong>{speak("lists.rule")}</strong> {ruleOfList(list, speak)}
            {(list.source || list.version) && (
              <span className="panel-note">
                {[list.source, list.version && speak("lists.version", { version: list.version })]
                  .filter(Boolean)
                  .join(" · ")}
              </span>
            )}
          </p>
        )}
        <Panel
          title={list ? titleOfList(list, speak) : speak("lists.title")}
          note={load.value ? speak("list.shown", { n: load.value.persons.length }) : null}
        >
          <Loaded of={load}>
            {({ persons, truncated }) =>
              persons.length === 0 ? (
                <Nothing title={speak("lists.none")} />
              ) : (
                <>
                  <ListTable persons={persons} />
                  {truncated && <p className="cut-off">{speak("list.cut", { n: persons.length })}</p>}
                </>
              )
            }
          </Loaded>
        </Panel>
      </div>
    </SourceProvider>
  );
}

function ListTable({ persons }: { persons: readonly Listed[] }) {
  const speak = useSpeak();
  return (
    <DataTable<Listed>
      label={speak("lists.title")}
      rows={persons}
      rowKey={({ person }) => person.id}
      columns={[
        ...personColumns<Listed>(speak),
        {
          key: "why",
          title: speak("lists.why"),
          cell: ({ why_zh, why_en }) => (speak.language === "zh" ? why_zh : why_en) ?? speak("none.mark"),
        },
        { key: "date", title: speak("results.date"), tight: true, cell: ({ date }) => day(date) || speak("none.mark") },
        {
          key: "evidence",
          title: speak("lists.evidence"),
          cell: ({ evidence }) => (
            <ul className="evidence">
              {evidence?.map((line) => (
                <li key={`${line.type}/${line.id}`}>
                  <span>{[line.title ?? speak.code("type", line.type), day(line.date)].filter(Boolean).join(" ")}</span>
                  <SourceButton type={line.type} id={line.id} title={line.title ?? line.id} />
                </li>
              ))}
            </ul>
          ),
        },
      ]}
    />
  );
}
