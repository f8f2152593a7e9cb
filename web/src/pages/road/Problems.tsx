/** 问题数据 and 质控问题: records with findings; what was set aside can be opened and, with a reason, taken as it is. */

import { Modal } from "antd";
import { lazy, Suspense, useMemo, useState } from "react";

import type { ApiError } from "../../api/error.ts";
import { road, type Problem } from "../../api/road.ts";
import { second } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { Chips } from "../../parts/Chips.tsx";
import { TextArea } from "../../parts/Field.tsx";
import { PagedFoot } from "../../parts/PagedFoot.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Nothing, Trouble } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { asApiError } from "../../shell/useLoad.ts";
import { usePages } from "../../shell/usePages.ts";
import { gravestFirst, Issues, SeverityTag } from "./Issues.tsx";
import { messageWords, titleOfRule } from "./words.ts";

const OriginalDrawer = lazy(() => import("./OriginalDrawer.tsx"));

/** A reason is a sentence; the server asks for as much. */
const REASON_MIN = 4;

interface Props {
  source: string;
  /** `problems`: set aside, and what was closed; `findings`: taken, to be mended. */
  kind: "problems" | "findings";
  masked: boolean;
}

export function Problems({ source, kind, masked }: Props) {
  const speak = useSpeak();
  const [chosen, setChosen] = useState<"set-aside" | "closed">("set-aside");
  const [open, setOpen] = useState<{ receipt: string; lines: number[] }>();
  const [releasing, setReleasing] = useState<Problem>();
  const state = kind === "findings" ? "accepted" : chosen;
  const pages = usePages(`${source} ${state}`, async (after, signal) => {
    const { problems, next } = await road.problems(source, state, after, signal);
    return { items: problems, next };
  });
  const mayRelease = !masked && state === "set-aside";

  return (
    <Panel
      title={speak(kind === "findings" ? "road.findings" : "road.problems")}
      note={pages.items ? speak("list.shown", { n: pages.items.length }) : null}
      tools={
        <Button small onClick={pages.reload}>
          {speak("refresh")}
        </Button>
      }
    >
      {kind === "problems" && (
        <Chips
          label={speak("problem.state")}
          value={chosen}
          onChange={(next) => setChosen(next as typeof chosen)}
          options={[
            { value: "set-aside", label: speak("problem.waiting") },
            { value: "closed", label: speak("problem.closed") },
          ]}
        />
      )}
      {pages.items && pages.items.length > 0 && <ByRule problems={pages.items} />}
      {pages.items?.length === 0 && !pages.loading ? (
        <Nothing title={speak(state === "set-aside" ? "problem.none" : "problem.none.other")} />
      ) : (
        <ul className="problems">
          {pages.items?.map((problem) => (
            <ProblemRow
              key={problem.id}
              problem={problem}
              onOriginal={
                masked
                  ? undefined
                  : () => setOpen({ receipt: problem.receipt, lines: problem.issues.flatMap((one) => one.line ?? []) })
              }
              onRelease={mayRelease ? () => setReleasing(problem) : undefined}
            />
          ))}
        </ul>
      )}
      <PagedFoot pages={pages} />
      <Suspense>
        {open && (
          <OriginalDrawer
            source={source}
            receipt={open.receipt}
            lines={open.lines}
            onClose={() => setOpen(undefined)}
          />
        )}
      </Suspense>
      {releasing && (
        <Release
          source={source}
          problem={releasing}
          onClose={() => setReleasing(undefined)}
          onDone={() => {
            setReleasing(undefined);
            pages.reload();
          }}
        />
      )}
    </Panel>
  );
}

/** Which rules speak most, in what is shown: what to mend first. */
function ByRule({ problems }: { problems: readonly Problem[] }) {
  const speak = useSpeak();
  const counted = useMemo(() => countByRule(problems), [problems]);
  if (counted.length < 2) return null;
  return (
    <div className="by-rule">
      <p className="by-rule-title">{speak("problem.by.rule")}</p>
      <ul>
        {counted.slice(0, 6).map(([rule, n]) => (
          <li key={rule} title={rule}>
            {titleOfRule(rule, speak)} <strong className="figures">{n}</strong>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** How many records each rule speaks about, the most frequent first. */
export function countByRule(problems: readonly Problem[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { issues } of problems)
    for (const rule of new Set(issues.map((issue) => issue.rule))) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].sort((left, right) => right[1] - left[1] || left[0].localeCompare(right[0]));
}

interface RowProps {
  problem: Problem;
  onOriginal: (() => void) | undefined;
  onRelease: (() => void) | undefined;
}

function ProblemRow({ problem, onOriginal, onRelease }: RowProps) {
  const speak = useSpeak();
  const [gravest] = gravestFirst(problem.issues);
  return (
    <li>
      <details className="problem">
        <summary>
          {gravest && <SeverityTag severity={gravest.severity} />}
          <span className="problem-title">
            {gravest ? titleOfRule(gravest.rule, speak) : problem.record}
            {problem.issues.length > 1 && (
              <span className="panel-note">{speak("problem.more", { n: problem.issues.length - 1 })}</span>
            )}
          </span>
          <span className="problem-where">
            {messageWords(problem.record_type, speak)} <code>{problem.record}</code>
          </span>
          <time className="figures problem-at">{second(problem.received_ms)}</time>
        </summary>
        <div className="problem-body">
          {(problem.state === "corrected" || problem.state === "released") && (
            <p className="closed-note">
              {speak(`problem.${problem.state}`, { time: second(problem.closed_ms) })}
              {problem.closed_by && <code>{problem.closed_by}</code>}
            </p>
          )}
          <Issues issues={problem.issues} />
          <p className="button-row">
            {onOriginal && (
              <Button small onClick={onOriginal}>
                {speak("original.open")}
              </Button>
            )}
            {onRelease && (
              <Button small onClick={onRelease}>
                {speak("release.open")}
              </Button>
            )}
          </p>
        </div>
      </details>
    </li>
  );
}

interface ReleaseProps {
  source: string;
  problem: Problem;
  onClose: () => void;
  onDone: () => void;
}

function Release({ source, problem, onClose, onDone }: ReleaseProps) {
  const speak = useSpeak();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const short = reason.trim().length < REASON_MIN;

  const release = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await road.release(source, problem.id, reason.trim());
      onDone();
    } catch (cause) {
      setError(asApiError(cause));
      setBusy(false);
    }
  };

  return (
    <Modal
      open
      title={speak("release.title")}
      onCancel={onClose}
      footer={null}
      closable={{ "aria-label": speak("close") }}
    >
      <div className="stack">
        <p>{speak("release.lead")}</p>
        {error && <Trouble error={error} />}
        <TextArea
          label={speak("release.reason")}
          hint={speak("release.reason.hint")}
          value={reason}
          onChange={setReason}
        />
        <p className="button-row end">
          <Button onClick={onClose}>{speak("cancel")}</Button>
          <Button kind="primary" disabled={short} busy={busy} onClick={() => void release()}>
            {speak("release.submit")}
          </Button>
        </p>
      </div>
    </Modal>
  );
}
