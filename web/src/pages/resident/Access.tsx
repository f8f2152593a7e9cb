/** 调阅记录（谁看过我的档案）: keeps itself current, so that a look appears within five seconds. */

import { useState } from "react";

import { api } from "../../api/client.ts";
import type { AccessEntry } from "../../api/types.ts";
import { second } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { Chips } from "../../parts/Chips.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSession, useSpeak } from "../../shell/context.ts";
import { actionWord } from "../AccessLog.tsx";
import { useFresh } from "../../shell/useFresh.ts";
import type { Speak } from "../../words/index.ts";

/** A look must be here within five seconds; the answer itself takes its time, too. */
const EVERY_MS = 4_000;

interface Props {
  person: string;
  /** Institutions by their codes, for entries that name them by code only. */
  names: ReadonlyMap<string, string>;
}

export function Access({ person, names }: Props) {
  const speak = useSpeak();
  const account = useSession()?.account;
  const [chosen, setChosen] = useState<"others" | "all">("others");
  const load = useFresh(`access ${person}`, EVERY_MS, (signal) => api.accessLog(person, signal));
  const all = load.value?.entries ?? [];
  const others = all.filter((entry) => entry.actor !== account?.name && entry.role !== "machine");
  const shown = chosen === "others" ? others : all;
  return (
    <>
      <h1 className="resident-title">{speak("resident.access")}</h1>
      <p className="resident-lead">{speak("resident.access.lead")}</p>
      <div className="access-tools">
        <Chips
          label={speak("resident.access.filter")}
          value={chosen}
          onChange={(next) => setChosen(next as typeof chosen)}
          options={[
            { value: "others", label: speak("resident.access.others"), count: others.length },
            { value: "all", label: speak("timeline.all"), count: all.length },
          ]}
        />
        <Button small onClick={load.reload}>
          {speak("refresh")}
        </Button>
      </div>
      {load.staleSince !== undefined && (
        <p className="cut-off" role="alert">
          {speak("stale", { time: second(load.staleSince) })}
        </p>
      )}
      <Loaded of={load}>
        {({ truncated }) =>
          shown.length === 0 ? (
            <Nothing title={speak("resident.access.none")} />
          ) : (
            <>
              <ul className="card access-list" aria-live="polite">
                {merged(shown).map((look) => (
                  <LookRow key={look.key} look={look} names={names} />
                ))}
              </ul>
              {truncated && <p className="cut-off">{speak("access.truncated", { n: all.length })}</p>}
            </>
          )
        }
      </Loaded>
    </>
  );
}

interface Look {
  key: string;
  entry: AccessEntry;
  actions: string[];
  until: string | number;
}

/** Requests of one person within this time are one look to whoever is looked at. */
const ONE_LOOK_MS = 10 * 60_000;

const at = (value: string | number): number => new Date(value).getTime();

/** One page of the portal asks several times: looks of the same person in a row are told as one, with all that they did. */
export function merged(entries: readonly AccessEntry[]): Look[] {
  const looks: Look[] = [];
  for (const entry of entries) {
    const last = looks.at(-1);
    const same =
      last &&
      last.entry.actor === entry.actor &&
      last.entry.outcome === entry.outcome &&
      Boolean(last.entry.emergency) === Boolean(entry.emergency) &&
      Math.abs(at(last.entry.at) - at(entry.at)) < ONE_LOOK_MS;
    const action = entry.action ?? "";
    if (same) {
      if (!last.actions.includes(action)) last.actions.push(action);
      last.until = entry.at;
    } else {
      looks.push({ key: `${entry.at} ${entry.request_id ?? looks.length}`, entry, actions: [action], until: entry.at });
    }
  }
  return looks;
}

function LookRow({ look, names }: { look: Look; names: Props["names"] }) {
  const speak = useSpeak();
  const { entry } = look;
  const place =
    entry.institution_name ||
    names.get(entry.institution ?? "") ||
    entry.institution ||
    speak("resident.access.no.institution");
  const refused = entry.outcome && entry.outcome !== "success";
  return (
    <li className={entry.emergency ? "look look-emergency" : "look"}>
      <p className="look-who">
        <strong>{entry.display_name?.trim() || entry.actor}</strong>
        <span>{speak.code("role", entry.role)}</span>
        {entry.emergency && <span className="tag tag-alarm">{speak("ground.emergency")}</span>}
        {refused && <span className="tag">{speak.code("outcome", entry.outcome)}</span>}
      </p>
      <p className="row-more">{place}</p>
      <p className="look-what">
        {[purposeOf(entry, speak), look.actions.map((action) => actionWord(action, speak)).join(speak("comma"))]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {entry.reason && <p className="look-reason">{speak("resident.access.reason", { reason: entry.reason })}</p>}
      <time className="row-more figures">{second(entry.at)}</time>
    </li>
  );
}

/** The ground, which says more than the purpose. */
function purposeOf(entry: AccessEntry, speak: Speak): string {
  const ground = entry.ground ? speak.code("rule", entry.ground) : "";
  if (ground && ground !== entry.ground) return ground;
  return entry.purpose ? speak.code("purpose", entry.purpose) : (entry.purpose_zh ?? "");
}
