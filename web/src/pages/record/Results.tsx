import { useState } from "react";

import type { Result } from "../../api/types.ts";
import { day } from "../../format/date.ts";
import { markOfResult, numeric, rangeText, unitText, valueText } from "../../format/result.ts";
import { Mark, StatusTag } from "../../parts/Mark.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { SourceButton } from "../../parts/Source.tsx";
import { Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";

/** How many results stand there before the reader asks for all. */
const SHOWN = 12;
/** A list this short needs no filter. */
const FILTER_FROM = 8;

interface Props {
  results: readonly Result[];
  chosen: Result | undefined;
  onChoose: (result: Result) => void;
}

export function titleOfResult(result: Result): string {
  return result.title?.trim() || result.code || result.id;
}

export function Results({ results, chosen, onChoose }: Props) {
  const speak = useSpeak();
  const [text, setText] = useState("");
  const [onlyAbnormal, setOnlyAbnormal] = useState(false);
  const [all, setAll] = useState(false);

  const judged = results.some((result) => result.flag || rangeText(result.low, result.high) !== "");
  const spread = new Set(results.map((result) => result.institution_name ?? "")).size > 1;
  const wanted = results.filter(
    (result) =>
      titleOfResult(result).toLowerCase().includes(text.trim().toLowerCase()) &&
      (!onlyAbnormal || markOfResult(result) !== undefined),
  );
  const folded = !all && wanted.length > SHOWN + 1;
  const shown = folded ? wanted.slice(0, SHOWN) : wanted;

  return (
    <Panel
      title={speak("results.title")}
      note={results.length > 0 ? results.length : null}
      className="results"
      tools={
        results.length >= FILTER_FROM && (
          <>
            {judged && (
              <label className="check">
                <input
                  type="checkbox"
                  checked={onlyAbnormal}
                  onChange={(event) => setOnlyAbnormal(event.target.checked)}
                />
                {speak("results.only.abnormal")}
              </label>
            )}
            <input
              type="search"
              className="input results-filter"
              value={text}
              onChange={(event) => setText(event.target.value)}
              placeholder={speak("results.filter")}
              aria-label={speak("results.filter")}
            />
          </>
        )
      }
    >
      {results.length === 0 ? (
        <Nothing title={speak("results.none")} />
      ) : wanted.length === 0 ? (
        <Nothing
          title={text.trim() ? speak("results.filter.none", { text: text.trim() }) : speak("results.no.abnormal")}
        />
      ) : (
        <>
          <table className="result-table">
            <thead>
              <tr>
                <th scope="col">{speak("results.item")}</th>
                <th scope="col" className="end">
                  {speak("results.value")}
                </th>
                <th scope="col">
                  <span className="unseen">{speak("results.unit")}</span>
                </th>
                {judged && <th scope="col">{speak("results.range")}</th>}
                <th scope="col">{speak("results.date")}</th>
                <th scope="col">
                  <span className="unseen">{speak("source.title")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((result) => (
                <Row
                  key={result.id + (result.code ?? "")}
                  result={result}
                  judged={judged}
                  spread={spread}
                  chosen={result === chosen}
                  onChoose={onChoose}
                />
              ))}
            </tbody>
          </table>
          {wanted.length > SHOWN + 1 && (
            <button type="button" className="link-button table-foot" aria-expanded={all} onClick={() => setAll(!all)}>
              {all ? speak("show.fewer") : speak("show.all", { n: wanted.length })}
            </button>
          )}
          {!judged && <p className="table-note">{speak("results.no.ranges")}</p>}
        </>
      )}
    </Panel>
  );
}

interface RowProps {
  result: Result;
  judged: boolean;
  /** They come from more than one institution: each says from which. */
  spread: boolean;
  chosen: boolean;
  onChoose: (result: Result) => void;
}

function Row({ result, judged, spread, chosen, onChoose }: RowProps) {
  const speak = useSpeak();
  const outside = markOfResult(result);
  const title = titleOfResult(result);
  const isNumber = numeric(result.value) !== undefined;
  return (
    <tr className={chosen ? "chosen" : undefined} onClick={() => result.code && onChoose(result)}>
      <th scope="row">
        {result.code ? (
          <button
            type="button"
            className="result-name"
            aria-pressed={chosen}
            title={speak("results.trend", { title })}
            onClick={(event) => {
              event.stopPropagation();
              onChoose(result);
            }}
          >
            {title}
          </button>
        ) : (
          title
        )}
        <Sent result={result} spread={spread} />
      </th>
      {isNumber ? (
        <>
          <td className={`end result-value figures ${outside ? `outside-${outside}` : ""}`}>
            {valueText(result.value)}
          </td>
          <td className="result-unit">
            <span className="unit">{unitText(result.unit)}</span> <Mark mark={outside} />
            <StatusTag status={result.status} />
          </td>
        </>
      ) : (
        <td className="result-words" colSpan={2}>
          {[valueText(result.value), unitText(result.unit)].filter(Boolean).join(" ") || speak("none.mark")}{" "}
          <Mark mark={outside} />
          <StatusTag status={result.status} />
        </td>
      )}
      {judged && <td className="figures result-range">{rangeText(result.low, result.high) || speak("none.mark")}</td>}
      <td className="figures result-date">{day(result.date)}</td>
      <td className="result-source" onClick={(event) => event.stopPropagation()}>
        <SourceButton type={result.type ?? "Observation"} id={result.id} title={title} />
      </td>
    </tr>
  );
}

/** Which institution measured it, and the value as it was sent where that was another unit. */
function Sent({ result, spread }: { result: Result; spread: boolean }) {
  const speak = useSpeak();
  const { original, institution_name: institution } = result;
  const sent = original && [valueText(original.value), unitText(original.unit)].filter(Boolean).join(" ");
  const words = [spread && institution, sent && speak("results.original", { value: sent })].filter(Boolean);
  return words.length > 0 ? <span className="result-sent">{words.join(" · ")}</span> : null;
}
