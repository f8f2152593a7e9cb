/** 调阅记录: who looked at this person. */

import { api } from "../api/client.ts";
import type { AccessEntry } from "../api/types.ts";
import { second } from "../format/date.ts";
import { Button } from "../parts/Button.tsx";
import { Panel } from "../parts/Panel.tsx";
import { Lines, Nothing, Trouble } from "../parts/Waiting.tsx";
import { useSpeak } from "../shell/context.ts";
import { useLoad } from "../shell/useLoad.ts";
import type { Speak, WordKey } from "../words/index.ts";

interface Props {
  person: string;
  /** Institutions by their codes, for entries that name them by code only. */
  names?: ReadonlyMap<string, string>;
}

export default function AccessLog({ person, names }: Props) {
  const speak = useSpeak();
  const { value, error, reload } = useLoad(person, (signal) => api.accessLog(person, signal));
  return (
    <Panel
      title={speak("access.title")}
      note={value ? speak(value.truncated ? "access.truncated" : "access.count", { n: value.entries.length }) : null}
      className="access"
      tools={
        <Button small onClick={reload}>
          {speak("access.refresh")}
        </Button>
      }
    >
      <p className="panel-lead">{speak("access.lead")}</p>
      {error ? (
        <div className="padded">
          <Trouble error={error} retry={reload} />
        </div>
      ) : !value ? (
        <div className="padded">
          <Lines rows={8} />
        </div>
      ) : value.entries.length === 0 ? (
        <Nothing title={speak("access.none")} />
      ) : (
        <AccessTable entries={value.entries.map((entry) => named(entry, names))} />
      )}
    </Panel>
  );
}

function named(entry: AccessEntry, names: Props["names"]): AccessEntry {
  const name = entry.institution_name || names?.get(entry.institution ?? "");
  return name ? { ...entry, institution_name: name } : entry;
}

interface Column {
  name: WordKey;
  className?: string;
  cell: (entry: AccessEntry, speak: Speak) => string;
}

const COLUMNS: readonly Column[] = [
  { name: "access.at", className: "figures access-at", cell: (entry) => second(entry.at) },
  { name: "access.who", className: "access-who", cell: (entry) => entry.display_name?.trim() || entry.actor },
  { name: "access.role", className: "access-role", cell: (entry, speak) => speak.code("role", entry.role) },
  {
    name: "access.institution",
    className: "access-institution",
    cell: (entry, speak) => entry.institution_name || entry.institution || speak("none.mark"),
  },
  { name: "access.purpose", className: "access-purpose", cell: purposeOf },
  { name: "access.action", className: "access-action", cell: actionOf },
  { name: "access.what", className: "access-what", cell: (entry, speak) => whatOf(entry.what, speak) },
  {
    name: "access.request",
    className: "access-request",
    cell: (entry, speak) => entry.request_id || speak("none.mark"),
  },
];

/** Each cell carries its heading, which the narrow layout shows instead of the table's head. */
function AccessTable({ entries }: { entries: readonly AccessEntry[] }) {
  const speak = useSpeak();
  return (
    <table className="access-table">
      <thead>
        <tr>
          {COLUMNS.map((column) => (
            <th scope="col" key={column.name}>
              {speak(column.name)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {entries.map((entry, at) => (
          <tr key={entry.request_id ?? at} className={entry.emergency ? "row-alarm" : undefined}>
            {COLUMNS.map((column) => (
              <td key={column.name} className={column.className} data-label={speak(column.name)}>
                {column.cell(entry, speak)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The server's own Chinese word if it sent one; our word for the code in English. */
function purposeOf(entry: AccessEntry, speak: Speak): string {
  return speak.language === "zh" && entry.purpose_zh
    ? entry.purpose_zh
    : speak.code("purpose", entry.purpose ?? entry.purpose_zh);
}

/** The name of the route, or the act as the audit log calls it. */
export function actionWord(action: string | null | undefined, speak: Speak): string {
  const word = speak.code("action", action);
  return word === action ? speak.code("audit-action", action) : word;
}

/** What was done; said with it when it did not succeed. */
function actionOf(entry: AccessEntry, speak: Speak): string {
  const action = actionWord(entry.action, speak);
  const more = [
    entry.emergency && entry.action !== "emergency" && speak("ground.emergency"),
    entry.emergency && entry.reason,
    entry.outcome && entry.outcome !== "success" && speak.code("outcome", entry.outcome),
  ].filter(Boolean);
  if (more.length === 0) return action;
  return speak.language === "zh" ? `${action}（${more.join("，")}）` : `${action} (${more.join(", ")})`;
}

/** `Observation` or `Observation/123`: the type in words. Anything else is shown as it came. */
export function whatOf(what: string | null | undefined, speak: Speak): string {
  if (!what) return speak("none.mark");
  const [type = "", ...rest] = what.split("/");
  const word = speak.code("type", type);
  return word === type ? what : [word, ...rest].join(" ");
}
