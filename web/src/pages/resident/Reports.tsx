/** 检验检查报告: newest first; every value with its range and whether it lies outside. */

import { useState } from "react";

import { resident, type Report, type ReportResult } from "../../api/resident.ts";
import { day } from "../../format/date.ts";
import { markOfResult, rangeText, unitText, valueText } from "../../format/result.ts";
import { Mark, StatusTag } from "../../parts/Mark.tsx";
import { PagedFoot } from "../../parts/PagedFoot.tsx";
import { Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { usePages } from "../../shell/usePages.ts";
import { ObjectButton } from "./Object.tsx";

export function Reports({ person }: { person: string }) {
  const speak = useSpeak();
  const [cut, setCut] = useState(false);
  const pages = usePages(`reports ${person}`, async (before, signal) => {
    const { reports, next, truncated } = await resident.reports(person, before, signal);
    if (truncated) setCut(true);
    return { items: reports, next };
  });
  return (
    <>
      <h1 className="resident-title">{speak("resident.reports")}</h1>
      {pages.items?.length === 0 && !pages.loading ? (
        <Nothing title={speak("resident.reports.none")} />
      ) : (
        pages.items?.map((report, at) => <ReportCard key={report.id} report={report} isFirst={at === 0} />)
      )}
      {cut && <p className="cut-off">{speak("reports.cut")}</p>}
      <PagedFoot pages={pages} />
    </>
  );
}

function ReportCard({ report, isFirst }: { report: Report; isFirst: boolean }) {
  const speak = useSpeak();
  const outside = report.results.filter((result) => markOfResult(result)).length;
  return (
    <details className="card report" open={isFirst}>
      <summary>
        <span className="row-main">
          <span className="row-title">{report.title ?? speak.code("type", report.type)}</span>
          <span className="row-more">
            {[day(report.date), report.institution_name, speak("timeline.report.results", { n: report.results.length })]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </span>
        <StatusTag status={report.status} />
        {outside > 0 && <span className="tag tag-alarm">{speak("resident.outside", { n: outside })}</span>}
      </summary>
      {report.conclusion && <p className="report-conclusion">{report.conclusion}</p>}
      {report.results.length === 0 ? (
        !report.conclusion && <p className="card-none">{speak("resident.report.empty")}</p>
      ) : (
        <ul>
          {report.results.map((result, at) => (
            <ResultRow key={at} result={result} />
          ))}
        </ul>
      )}
      <p className="card-foot">
        <ObjectButton about={report} />
      </p>
    </details>
  );
}

function ResultRow({ result }: { result: ReportResult }) {
  const speak = useSpeak();
  const range = rangeText(result.low, result.high);
  return (
    <li className="row">
      <span className="row-main">
        <span className="row-title">{result.title}</span>
        {range && <span className="row-more figures">{speak("trend.range", { range })}</span>}
      </span>
      <span className="row-value figures">
        {valueText(result.value) || speak("none.mark")} <span className="unit">{unitText(result.unit)}</span>
        <Mark mark={markOfResult(result)} />
        <StatusTag status={result.status} />
      </span>
    </li>
  );
}
