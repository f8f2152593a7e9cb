/** What is wrong with a record: which rule, where, what was found, and what the sender can do about it. */

import type { Issue, Severity } from "../../api/road.ts";
import { useSpeak } from "../../shell/context.ts";
import { placeOf, titleOfRule } from "./words.ts";

const ORDER: readonly Severity[] = ["fatal", "error", "warning", "information"];

/** The gravest first; what is equally grave keeps the order of the reader. */
export function gravestFirst<T extends Issue>(issues: readonly T[]): T[] {
  return [...issues].sort((left, right) => ORDER.indexOf(left.severity) - ORDER.indexOf(right.severity));
}

export function SeverityTag({ severity }: { severity: Severity }) {
  const speak = useSpeak();
  return <span className={`tag severity-${severity}`}>{speak(`severity.${severity}`)}</span>;
}

export function Issues({ issues }: { issues: readonly (Issue & { record?: string })[] }) {
  const speak = useSpeak();
  return (
    <ul className="issues">
      {gravestFirst(issues).map((issue, at) => (
        <li className="issue" key={at}>
          <div className="issue-head">
            <SeverityTag severity={issue.severity} />
            <strong>{titleOfRule(issue.rule, speak)}</strong>
            <code className="code-quiet">{issue.rule}</code>
          </div>
          <dl className="facts">
            {issue.record && <Fact name={speak("issue.record")} value={issue.record} code />}
            <Fact name={speak("issue.place")} value={placeOf(issue, speak)} code />
            {issue.found !== null && issue.found !== undefined && (
              <Fact
                name={speak("issue.found")}
                value={issue.found === "" ? speak("issue.found.empty") : issue.found}
                code
              />
            )}
            {issue.expected && <Fact name={speak("issue.expected")} value={issue.expected} sent />}
            {issue.hint && <Fact name={speak("issue.hint")} value={issue.hint} sent />}
          </dl>
        </li>
      ))}
    </ul>
  );
}

/** Hints are written in Chinese, for the people at the hospital; a page in English says so to a screen reader. */
function Fact({ name, value, code, sent }: { name: string; value: string; code?: boolean; sent?: boolean }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd lang={sent ? "zh-CN" : undefined}>{code ? <code>{value}</code> : value}</dd>
    </div>
  );
}
