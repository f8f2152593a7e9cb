/** 日对账: what the source says it sent on a day, against what is here. */

import { useState } from "react";

import { road, type Chain, type Compared } from "../../api/road.ts";
import { day } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { DataTable } from "../../parts/DataTable.tsx";
import { DayChooser } from "../../parts/DayChooser.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { SeverityTag } from "./Issues.tsx";
import { countText, messageWords, titleOfRule } from "./words.ts";

const DAY_MS = 86_400_000;
/** Keys of one kind that stand there before the reader asks for all. */
const KEYS_SHOWN = 20;
/** Broken chains that one page lists: whoever has more mends the rule first. */
const CHAINS_SHOWN = 200;

/** 业务链: what came without its other half, by rule. */
function Chains({ source, day: chosen }: { source: string; day: string }) {
  const speak = useSpeak();
  const load = useLoad(`chains ${source} ${chosen}`, (signal) => road.chains(source, chosen, signal));
  return (
    <Panel
      title={speak("chains.title")}
      note={load.value ? speak("list.shown", { n: load.value.chains.length }) : null}
    >
      <p className="panel-lead">{speak("chains.lead")}</p>
      <Loaded of={load} rows={3}>
        {({ chains, truncated }) =>
          chains.length === 0 ? (
            <Nothing title={speak("chains.none")} />
          ) : (
            <>
              <DataTable<Chain>
                label={speak("chains.title")}
                rows={chains.slice(0, CHAINS_SHOWN)}
                rowKey={(chain) => `${chain.rule} ${chain.number} ${chain.about ?? ""}`}
                columns={[
                  {
                    key: "rule",
                    title: speak("unmapped.rule"),
                    cell: (chain) => (
                      <>
                        <SeverityTag severity={chain.severity} /> {titleOfRule(chain.rule, speak)}
                      </>
                    ),
                  },
                  { key: "number", title: speak("chains.number"), cell: (chain) => <code>{chain.number}</code> },
                  {
                    key: "hint",
                    title: speak("issue.hint"),
                    cell: (chain) => <span lang="zh-CN">{chain.hint ?? speak("none.mark")}</span>,
                  },
                ]}
              />
              {(truncated || chains.length > CHAINS_SHOWN) && (
                <p className="cut-off">{speak("list.cut", { n: Math.min(chains.length, CHAINS_SHOWN) })}</p>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

export function Reconciliation({ source }: { source: string }) {
  const speak = useSpeak();
  const [chosen, setChosen] = useState(() => day(Date.now() - DAY_MS));
  const load = useLoad(chosen === "" ? undefined : `${source} ${chosen}`, (signal) =>
    road.reconciliation(source, chosen, signal),
  );
  return (
    <>
      <Panel
        title={speak("road.reconciliation")}
        note={load.value && load.value.types.length > 0 ? summaryOf(load.value.types, speak) : null}
        tools={
          <DayChooser label={speak("day.chosen")} value={chosen} onChange={setChosen} />
        }
      >
        {chosen === "" ? (
          <Nothing title={speak("day.missing")} />
        ) : (
          <Loaded of={load}>
            {({ types }) =>
              types.length === 0 ? (
                <Nothing title={speak("reconciliation.none")}>{speak("reconciliation.none.hint")}</Nothing>
              ) : (
                <>
                  <DataTable<Compared>
                    label={speak("road.reconciliation")}
                    rows={types}
                    rowKey={(type) => type.record_type}
                    rowClass={(type) => (differs(type) ? "row-alarm" : undefined)}
                    columns={[
                      {
                        key: "type",
                        title: speak("reconciliation.type"),
                        cell: (type) => messageWords(type.record_type, speak),
                      },
                      {
                        key: "agrees",
                        title: speak("reconciliation.result"),
                        cell: (type) => <Verdict type={type} />,
                      },
                      {
                        key: "declared",
                        title: speak("reconciliation.declared"),
                        number: true,
                        cell: (type) => countText(type.declared, speak),
                      },
                      {
                        key: "present",
                        title: speak("reconciliation.present"),
                        number: true,
                        cell: (type) => countText(type.present, speak),
                      },
                      {
                        key: "declared-amount",
                        title: speak("reconciliation.declared.amount"),
                        number: true,
                        cell: (type) => type.declared_amount || speak("none.mark"),
                      },
                      {
                        key: "present-amount",
                        title: speak("reconciliation.present.amount"),
                        number: true,
                        cell: (type) => type.present_amount || speak("none.mark"),
                      },
                    ]}
                  />
                  {types.filter(differs).map((type) => (
                    <Differences key={type.record_type} type={type} />
                  ))}
                </>
              )
            }
          </Loaded>
        )}
      </Panel>
      {chosen !== "" && <Chains source={source} day={chosen} />}
    </>
  );
}

/** What nobody declared cannot differ. */
function differs(type: Compared): boolean {
  return isDeclared(type) && !type.agrees;
}

function isDeclared({ declared }: Compared): boolean {
  return declared !== null && declared !== undefined;
}

function summaryOf(types: readonly Compared[], speak: ReturnType<typeof useSpeak>): string {
  const differ = types.filter(differs).length;
  const declared = types.filter(isDeclared).length;
  if (declared === 0) return speak("reconciliation.nothing.declared");
  return differ === 0
    ? speak("reconciliation.all.agree", { n: declared })
    : speak("reconciliation.differ", { n: differ });
}

function Verdict({ type }: { type: Compared }) {
  const speak = useSpeak();
  if (!isDeclared(type)) return <span className="tag">{speak("reconciliation.undeclared")}</span>;
  return type.agrees ? (
    <span className="tag tag-good">{speak("reconciliation.agrees")}</span>
  ) : (
    <span className="tag tag-alarm">{speak("reconciliation.disagrees")}</span>
  );
}

function Differences({ type }: { type: Compared }) {
  const speak = useSpeak();
  const { is_by_key, missing, surplus } = type.difference;
  return (
    <section className="differences">
      <h3>{messageWords(type.record_type, speak)}</h3>
      {!is_by_key && <p className="page-note">{speak("reconciliation.no.keys")}</p>}
      {is_by_key && missing.length + surplus.length === 0 && (
        <p className="page-note">{speak("reconciliation.amount.only")}</p>
      )}
      <Keys title={speak("reconciliation.missing", { n: missing.length })} keys={missing} />
      <Keys title={speak("reconciliation.surplus", { n: surplus.length })} keys={surplus} />
    </section>
  );
}

function Keys({ title, keys }: { title: string; keys: readonly string[] }) {
  const speak = useSpeak();
  const [all, setAll] = useState(false);
  if (keys.length === 0) return null;
  return (
    <div className="keys">
      <h4>{title}</h4>
      <ul>
        {(all ? keys : keys.slice(0, KEYS_SHOWN)).map((key) => (
          <li key={key}>
            <code>{key}</code>
          </li>
        ))}
      </ul>
      {keys.length > KEYS_SHOWN && (
        <Button kind="quiet" small aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? speak("show.fewer") : speak("show.all", { n: keys.length })}
        </Button>
      )}
    </div>
  );
}
