/** 我的签约居民: whom the family doctor has a contract with. */

import { useState } from "react";

import { care, type Contract } from "../../api/care.ts";
import { day } from "../../format/date.ts";
import { DataTable } from "../../parts/DataTable.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { ListCards } from "./ListCards.tsx";
import { personColumns } from "./personColumns.tsx";

/** Rows that stand there before the reader asks for more: a doctor has up to two thousand contracts. */
const SHOWN = 100;

export function Contracts() {
  const speak = useSpeak();
  const load = useLoad("contracts", (signal) => care.contracts(signal));
  const [text, setText] = useState("");
  const [limit, setLimit] = useState(SHOWN);
  const all = load.value?.persons ?? [];
  const wanted = text.trim();
  const found = all.filter(
    ({ person, problems }) => wanted === "" || [person.name, ...(problems ?? [])].some((one) => one?.includes(wanted)),
  );
  return (
    <div className="page wide">
      <h1 className="page-title">{speak("contracts.title")}</h1>
      <p className="page-lead">{speak("contracts.lead")}</p>
      <ListCards />
      <Panel
        title={speak("contracts.title")}
        note={load.value ? speak("list.shown", { n: found.length }) : null}
        tools={
          <input
            type="search"
            className="input small-filter"
            value={text}
            onChange={(event) => setText(event.target.value)}
            placeholder={speak("contracts.filter")}
            aria-label={speak("contracts.filter")}
          />
        }
      >
        <Loaded of={load}>
          {({ truncated }) =>
            found.length === 0 ? (
              <Nothing title={speak(all.length === 0 ? "contracts.none" : "contracts.none.filtered")} />
            ) : (
              <>
                <ContractTable contracts={found.slice(0, limit)} />
                {found.length > limit && (
                  <p className="list-foot">
                    <button type="button" className="button" onClick={() => setLimit(found.length)}>
                      {speak("show.all", { n: found.length })}
                    </button>
                  </p>
                )}
                {truncated && <p className="cut-off">{speak("list.cut", { n: all.length })}</p>}
              </>
            )
          }
        </Loaded>
      </Panel>
    </div>
  );
}

function ContractTable({ contracts }: { contracts: readonly Contract[] }) {
  const speak = useSpeak();
  return (
    <DataTable<Contract>
      label={speak("contracts.title")}
      rows={contracts}
      rowKey={({ person }) => person.id}
      columns={[
        ...personColumns<Contract>(speak),
        {
          key: "problems",
          title: speak("problems.title"),
          cell: ({ problems }) =>
            problems && problems.length > 0 ? (
              <span className="words-list">
                {problems.map((problem) => (
                  <span className="tag" key={problem}>
                    {problem}
                  </span>
                ))}
              </span>
            ) : (
              speak("none.mark")
            ),
        },
        {
          key: "contact",
          title: speak("contracts.contact"),
          tight: true,
          cell: ({ last_contact }) => (last_contact ? day(last_contact) : speak("contracts.no.contact")),
        },
        {
          key: "since",
          title: speak("contracts.since"),
          tight: true,
          cell: ({ since }) => day(since) || speak("none.mark"),
        },
        {
          key: "until",
          title: speak("contracts.until"),
          tight: true,
          cell: ({ until }) => day(until) || speak("none.mark"),
        },
      ]}
    />
  );
}
