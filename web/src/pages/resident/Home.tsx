/** 我的健康档案: what a resident should know about themselves, on one screen of a telephone. */

import { api } from "../../api/client.ts";
import type { Mine, Notice } from "../../api/resident.ts";
import type { Gathered, Line, Result, Rule, Summary } from "../../api/types.ts";
import { bloodText } from "../../format/blood.ts";
import { isCurrent, type Stated } from "../../format/current.ts";
import { day, minute } from "../../format/date.ts";
import { newestFirst } from "../../format/order.ts";
import { markOfResult, rangeText, unitText, valueText } from "../../format/result.ts";
import { saidText } from "../../format/said.ts";
import { Mark, StatusTag } from "../../parts/Mark.tsx";
import { Identifiers, nameOf, PersonFacts } from "../../parts/PersonLine.tsx";
import { Loaded } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { href } from "../../shell/route.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { departmentOf } from "../record/entries.ts";
import { Card, LineRow } from "./Card.tsx";

const SHOWN = 5;

export function Home({ mine, notices }: { mine: Mine; notices: readonly Notice[] }) {
  const speak = useSpeak();
  const { person } = mine;
  const summary = useLoad(`summary ${person.id}`, (signal) => api.summary(person.id, signal));
  const visits = useLoad(`visits ${person.id}`, (signal) =>
    api.timeline(person.id, { kinds: ["encounters"], limit: SHOWN }, signal),
  );
  const about = notices.filter((notice) => idOf(notice) === person.id);
  return (
    <>
      <h1 className="unseen">{speak("resident.home")}</h1>
      {about.slice(0, 3).map((notice) => (
        <a className="emergency-notice" key={`${notice.at}`} href={href("access")}>
          <strong>{speak("resident.notice")}</strong>
          <span>{speak.language === "zh" ? notice.zh : notice.en}</span>
          <time className="figures">{minute(notice.at)}</time>
        </a>
      ))}
      <Identity mine={mine} summary={summary.value} />
      <Loaded of={summary} rows={8}>
        {(value) => <Health summary={value} />}
      </Loaded>
      <Card title={speak("resident.visits")} more={href("visits")}>
        <Loaded of={visits} rows={3}>
          {({ entries }) =>
            entries.length === 0 ? (
              <p className="card-none">{speak("resident.visits.none")}</p>
            ) : (
              <ul>
                {entries.map((entry) => (
                  <LineRow
                    key={entry.id}
                    line={entry}
                    tag={entry.standing ? speak.code("status", entry.standing) : undefined}
                    detail={[entry.institution_name, departmentOf(entry)]}
                  />
                ))}
              </ul>
            )
          }
        </Loaded>
      </Card>
    </>
  );
}

function idOf(notice: Notice): string {
  return typeof notice.person === "string" ? notice.person : notice.person.id;
}

function Identity({ mine, summary }: { mine: Mine; summary: Summary | undefined }) {
  const speak = useSpeak();
  const person = summary?.person ?? mine.person;
  const { blood_type, contract } = summary?.basics ?? {};
  return (
    <section className="identity" aria-label={speak("resident.identity")}>
      <p className="identity-name">
        {nameOf(person, speak)}
        {mine.relation !== "self" && <span className="tag">{speak.code("relation", mine.relation)}</span>}
      </p>
      <PersonFacts person={person} />
      <Identifiers person={person} limit={1} />
      <dl className="identity-facts">
        {blood_type && (
          <div>
            <dt>{speak("resident.blood")}</dt>
            <dd>{bloodText(blood_type, speak)}</dd>
          </div>
        )}
        {contract && (
          <div>
            <dt>{speak("resident.doctor")}</dt>
            <dd>{[contract.doctor, contract.institution_name].filter(Boolean).join(" · ")}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function current<T extends Line & Stated>(list: readonly T[]): T[] {
  return newestFirst(list).filter(isCurrent);
}

function Health({ summary }: { summary: Summary }) {
  const speak = useSpeak();
  const [allergies, problems, medicines] = [summary.allergies, summary.problems, summary.medicines].map(current) as [
    Summary["allergies"],
    Summary["problems"],
    Summary["medicines"],
  ];
  return (
    <>
      <Card title={speak("allergies.title")} alarm={allergies.some((one) => one.criticality === "high")}>
        {allergies.length === 0 ? (
          <p className="card-none">{speak("allergies.none")}</p>
        ) : (
          <ul>
            {highFirst(allergies).map((one) => (
              <LineRow
                key={one.id + (one.title ?? "")}
                line={one.unnamed ? { ...one, title: speak("allergies.unnamed") } : one}
                tag={one.criticality === "high" ? speak("criticality.high") : undefined}
                detail={[saidText(one, speak)]}
              />
            ))}
          </ul>
        )}
      </Card>
      <Card title={speak("problems.title")}>
        {problems.length === 0 ? (
          <p className="card-none">{speak("problems.no.active")}</p>
        ) : (
          <ul>
            {problems.slice(0, SHOWN).map((one) => (
              <LineRow key={one.id} line={one} detail={[saidText(one, speak)]} />
            ))}
          </ul>
        )}
        <RuleNote lines={summary.problems} rule={summary.rules?.problems} />
      </Card>
      <Card title={speak("resident.medicines.current")} more={href("medicines")}>
        {medicines.length === 0 ? (
          <p className="card-none">{speak("medicines.no.current")}</p>
        ) : (
          <ul>
            {medicines.slice(0, SHOWN).map((one) => (
              <LineRow key={one.id} line={one} detail={[one.dosage, saidText(one, speak)]} />
            ))}
          </ul>
        )}
        <RuleNote lines={summary.medicines} rule={summary.rules?.medicines} />
      </Card>
      <Card title={speak("results.title")} more={href("reports")}>
        {summary.results.length === 0 ? (
          <p className="card-none">{speak("results.none")}</p>
        ) : (
          <ul>
            {abnormalFirst(summary.results)
              .slice(0, SHOWN + 1)
              .map((result) => (
                <ResultRow key={result.id + (result.code ?? "")} result={result} />
              ))}
          </ul>
        )}
      </Card>
      {summary.freshness?.truncated && <p className="cut-off">{speak("record.truncated")}</p>}
    </>
  );
}

/** What is past by a rule, and the rule. */
function RuleNote({ lines, rule }: { lines: readonly (Gathered & Stated)[]; rule: Rule | undefined }) {
  const speak = useSpeak();
  const over = lines.filter((line) => line.over);
  if (over.length === 0 || !rule) return null;
  return (
    <details className="rule-note">
      <summary>{speak("over.count", { n: over.length })}</summary>
      <p>{speak("over.rule", { rule: rule[speak.language], version: rule.version })}</p>
      <ul>
        {newestFirst(over).map((one) => (
          <LineRow key={one.id} line={one} tag={speak.code("over", one.over)} detail={[saidText(one, speak)]} />
        ))}
      </ul>
    </details>
  );
}

function highFirst(allergies: Summary["allergies"]): Summary["allergies"] {
  const rank = (one: Summary["allergies"][number]): number => (one.criticality === "high" ? 0 : 1);
  return [...allergies].sort((left, right) => rank(left) - rank(right));
}

/** What lies outside its range first; inside each part the newest. */
function abnormalFirst(results: readonly Result[]): Result[] {
  const rank = (result: Result): number => (markOfResult(result) ? 0 : 1);
  return newestFirst(results).sort((left, right) => rank(left) - rank(right));
}

function ResultRow({ result }: { result: Result }) {
  const range = rangeText(result.low, result.high);
  const speak = useSpeak();
  return (
    <li className="row">
      <span className="row-main">
        <span className="row-title">{result.title ?? result.code}</span>
        {range && <span className="row-more figures">{speak("trend.range", { range })}</span>}
        <span className="row-more">{[day(result.date), result.institution_name].filter(Boolean).join(" · ")}</span>
      </span>
      <span className="row-value figures">
        {valueText(result.value)} <span className="unit">{unitText(result.unit)}</span>
        <Mark mark={markOfResult(result)} />
        <StatusTag status={result.status} />
      </span>
    </li>
  );
}
