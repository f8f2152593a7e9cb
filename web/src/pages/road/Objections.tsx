/** 异议处理: what residents say is wrong about a record of this institution. */

import { useState } from "react";

import { road, type Objection } from "../../api/road.ts";
import { day, minute } from "../../format/date.ts";
import { Chips } from "../../parts/Chips.tsx";
import { Judgement } from "../../parts/Judgement.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";

export function Objections() {
  const speak = useSpeak();
  const load = useLoad("objections", (signal) => road.objections(signal));
  const [chosen, setChosen] = useState<"open" | "all">("open");
  const list = load.value?.objections ?? [];
  const open = list.filter((one) => one.status === "requested");
  const shown = chosen === "open" ? open : list;
  return (
    <div className="page narrow">
      <h1 className="page-title">{speak("objections.title")}</h1>
      <p className="page-lead">{speak("objections.lead")}</p>
      <Panel title={speak("objections.title")}>
        <Chips
          label={speak("objections.filter")}
          value={chosen}
          onChange={(next) => setChosen(next as typeof chosen)}
          options={[
            { value: "open", label: speak("objections.open"), count: open.length },
            { value: "all", label: speak("objections.all"), count: list.length },
          ]}
        />
        <Loaded of={load}>
          {({ truncated }) =>
            shown.length === 0 ? (
              <Nothing title={speak(chosen === "open" ? "objections.none.open" : "objections.none")} />
            ) : (
              <>
                <ul className="objections">
                  {shown.map((objection) => (
                    <Row key={objection.id} objection={objection} onDone={load.reload} />
                  ))}
                </ul>
                {truncated && <p className="cut-off">{speak("list.cut", { n: list.length })}</p>}
              </>
            )
          }
        </Loaded>
      </Panel>
    </div>
  );
}

function Row({ objection, onDone }: { objection: Objection; onDone: () => void }) {
  const speak = useSpeak();
  const { about, status } = objection;
  return (
    <li className="objection">
      <div className="objection-head">
        <span className={`tag objection-${status}`}>{speak(`objection.${status}`)}</span>
        <strong>{about.title ?? speak.code("type", about.type)}</strong>
        <span className="panel-note">
          {[speak.code("type", about.type), day(about.date)].filter(Boolean).join(" · ")}
        </span>
        <time className="figures objection-at">{minute(objection.at)}</time>
      </div>
      {objection.person?.name_masked && <p className="panel-note">{objection.person.name_masked}</p>}
      <blockquote>{objection.text}</blockquote>
      {objection.answer && (
        <p className="objection-answer">
          <span className="panel-note">{speak("objection.answer")}</span> {objection.answer}
        </p>
      )}
      {status === "requested" && <Answer objection={objection} onDone={onDone} />}
    </li>
  );
}

function Answer({ objection, onDone }: { objection: Objection; onDone: () => void }) {
  const speak = useSpeak();
  return (
    <Judgement<"accepted" | "rejected">
      label={speak("objection.answer.label")}
      hint={speak("objection.answer.hint")}
      choices={[
        { status: "accepted", label: speak("objection.accept") },
        { status: "rejected", label: speak("objection.reject") },
      ]}
      send={(status, text) => road.answer(objection.id, status, text)}
      onDone={onDone}
    />
  );
}
