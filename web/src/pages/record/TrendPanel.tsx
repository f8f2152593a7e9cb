/** 历次结果趋势: one result over time, as a chart or as a table with the same numbers. */

import { Segmented } from "antd";
import { lazy, Suspense, useMemo, useState } from "react";

import { api } from "../../api/client.ts";
import type { Result, Trend, TrendPoint } from "../../api/types.ts";
import { day, minute } from "../../format/date.ts";
import { markOfResult, numeric, rangeText, unitText, valueText } from "../../format/result.ts";
import { Mark, StatusTag } from "../../parts/Mark.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { SourceButton } from "../../parts/Source.tsx";
import { Lines, Nothing, Trouble } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { titleOfResult } from "./Results.tsx";
import { drawable, type Drawn } from "./series.ts";

const TrendChart = lazy(() => import("./TrendChart.tsx"));

export function TrendPanel({ person, result }: { person: string; result: Result | undefined }) {
  const speak = useSpeak();
  const [view, setView] = useState<"chart" | "table">("chart");
  const code = result?.code ? [result.system, result.code].filter(Boolean).join("|") : undefined;
  const { value, error, reload } = useLoad(code && `${person} ${code}`, (signal) =>
    api.trend(person, code ?? "", signal),
  );
  const { drawn, otherUnits, words } = useMemo(
    () => (value ? drawable(value) : { drawn: [], otherUnits: 0, words: 0 }),
    [value],
  );

  return (
    <Panel
      title={speak("trend.title")}
      className="trend"
      tools={
        drawn.length > 0 && (
          <Segmented
            size="small"
            aria-label={speak("trend.view")}
            value={view}
            onChange={setView}
            options={[
              { value: "chart", label: speak("trend.as.chart") },
              { value: "table", label: speak("trend.as.table") },
            ]}
          />
        )
      }
    >
      {!result || !code ? (
        <Nothing title={speak("trend.pick")} />
      ) : error ? (
        <div className="padded">
          <Trouble error={error} retry={reload} />
        </div>
      ) : !value ? (
        <div className="padded">
          <Lines rows={6} />
        </div>
      ) : value.points.length === 0 ? (
        <Nothing title={speak("trend.none")}>{titleOfResult(result)}</Nothing>
      ) : (
        <>
          <Heading result={result} trend={value} />
          {view === "chart" && drawn.length > 0 ? (
            <Chart result={result} drawn={drawn} trend={value} />
          ) : (
            <Table result={result} points={value.points} />
          )}
          {value.truncated && <p className="table-note">{speak("trend.truncated")}</p>}
          {otherUnits > 0 && <p className="table-note">{speak("trend.other.units", { n: otherUnits })}</p>}
          {words > 0 && <p className="table-note">{speak("trend.words", { n: words })}</p>}
        </>
      )}
    </Panel>
  );
}

/** How many institutions a series comes from. */
function institutionsOf(points: readonly TrendPoint[]): number {
  return new Set(points.map((point) => point.institution_name ?? "")).size;
}

function Heading({ result, trend }: { result: Result; trend: Trend }) {
  const speak = useSpeak();
  const institutions = institutionsOf(trend.points);
  const range = rangeText(result.low, result.high);
  return (
    <div className="trend-head">
      <span className="trend-name">{trend.title?.trim() || titleOfResult(result)}</span>
      <span className="trend-facts">
        {[
          unitText(trend.unit ?? result.unit),
          speak("trend.points", { n: trend.points.length }),
          institutions > 1 && speak("trend.institutions", { n: institutions }),
          range && speak("trend.range", { range }),
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </div>
  );
}

function Chart({ result, drawn, trend }: { result: Result; drawn: Drawn[]; trend: Trend }) {
  const speak = useSpeak();
  const numbers = drawn.map((point) => point.number);
  const points = useMemo(() => drawn.map((point) => ({ ...point, outside: markOfResult(point) })), [drawn]);
  const described = speak("trend.described", {
    title: trend.title?.trim() || titleOfResult(result),
    first: day(drawn[0]?.date),
    last: day(drawn.at(-1)?.date),
    n: drawn.length,
    min: valueText(String(Math.min(...numbers))),
    max: valueText(String(Math.max(...numbers))),
  });
  return (
    <div className="trend-chart" role="img" aria-label={described}>
      <Suspense
        fallback={
          <div className="padded">
            <Lines rows={6} />
          </div>
        }
      >
        <TrendChart
          points={points}
          unit={unitText(trend.unit ?? result.unit)}
          low={numeric(result.low)}
          high={numeric(result.high)}
          speak={speak}
        />
      </Suspense>
    </div>
  );
}

/** Every result, also those that no chart can draw. */
function Table({ result, points }: { result: Result; points: readonly TrendPoint[] }) {
  const speak = useSpeak();
  const spread = institutionsOf(points) > 1;
  return (
    <div className="trend-table" tabIndex={0} role="group" aria-label={speak("trend.title")}>
      <table className="result-table">
        <thead>
          <tr>
            <th scope="col">{speak("results.date")}</th>
            <th scope="col" className="end">
              {speak("results.value")}
            </th>
            {spread && <th scope="col">{speak("access.institution")}</th>}
            <th scope="col">
              <span className="unseen">{speak("source.title")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {[...points].reverse().map((point, at) => (
            <tr key={`${point.id} ${at}`}>
              <td className="figures">{minute(point.date)}</td>
              <td className="end">
                <span className="figures">{valueText(point.value)}</span>{" "}
                <span className="unit">{unitText(point.unit)}</span> <Mark mark={markOfResult(point)} />
                <StatusTag status={point.status} />
                {point.original && (
                  <span className="result-sent">
                    {speak("results.original", {
                      value: `${valueText(point.original.value)} ${unitText(point.original.unit)}`.trim(),
                    })}
                  </span>
                )}
              </td>
              {spread && <td>{point.institution_name ?? speak("none.mark")}</td>}
              <td className="result-source">
                <SourceButton type="Observation" id={point.id} title={`${titleOfResult(result)} ${day(point.date)}`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
