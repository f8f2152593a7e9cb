/** 用药记录: every prescription and dispense, across institutions, newest first. */

import { useState } from "react";

import { api } from "../../api/client.ts";
import type { Medicine } from "../../api/types.ts";
import { day } from "../../format/date.ts";
import { newestFirst } from "../../format/order.ts";
import { Chips } from "../../parts/Chips.tsx";
import { DataTable } from "../../parts/DataTable.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { SourceButton } from "../../parts/Source.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";

export function MedicinesPage({ person }: { person: string }) {
  const speak = useSpeak();
  const load = useLoad(`medicines ${person}`, (signal) => api.medicines(person, signal));
  const [chosen, setChosen] = useState("");
  const all = newestFirst(load.value?.entries ?? []);
  const of = (type: string): Medicine[] => all.filter((one) => one.type === type);
  const types = [...new Set(all.map((one) => one.type))];
  const shown = chosen === "" ? all : of(chosen);
  return (
    <Panel title={speak("medicines.title")} note={load.value ? speak("list.shown", { n: shown.length }) : null}>
      {types.length > 1 && (
        <Chips
          label={speak("timeline.filter")}
          value={chosen}
          onChange={setChosen}
          options={[
            { value: "", label: speak("timeline.all"), count: all.length },
            ...types.map((type) => ({ value: type, label: speak.code("type", type), count: of(type).length })),
          ]}
        />
      )}
      <Loaded of={load}>
        {({ truncated }) =>
          shown.length === 0 ? (
            <Nothing title={speak("medicines.none")} />
          ) : (
            <>
              <DataTable<Medicine>
                label={speak("medicines.title")}
                rows={shown}
                rowKey={(one) => `${one.type}/${one.id}`}
                columns={[
                  {
                    key: "title",
                    title: speak("medicine.name"),
                    cell: (one) => (
                      <>
                        <strong className={one.standing ? "withdrawn" : undefined}>{one.title ?? one.id}</strong>
                        {one.specification && <span className="cell-more">{one.specification}</span>}
                      </>
                    ),
                  },
                  { key: "dosage", title: speak("medicine.dosage"), cell: (one) => one.dosage || speak("none.mark") },
                  {
                    key: "quantity",
                    title: speak("medicine.quantity"),
                    cell: (one) => one.quantity ?? speak("none.mark"),
                  },
                  { key: "date", title: speak("results.date"), tight: true, cell: (one) => day(one.date) },
                  {
                    key: "status",
                    title: speak("medicine.status"),
                    tight: true,
                    cell: (one) => (one.over ? speak.code("over", one.over) : speak.code("status", one.status)),
                  },
                  {
                    key: "institution",
                    title: speak("access.institution"),
                    cell: (one) => (
                      <>
                        {one.institution_name || speak("none.mark")}
                        {one.prescriber && <span className="cell-more">{one.prescriber}</span>}
                      </>
                    ),
                  },
                  {
                    key: "source",
                    title: speak("source.title"),
                    unseen: true,
                    cell: (one) => <SourceButton type={one.type} id={one.id} title={one.title ?? one.id} />,
                  },
                ]}
              />
              {truncated && <p className="cut-off">{speak("list.cut", { n: all.length })}</p>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
