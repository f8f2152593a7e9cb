/** Questions that the index asks: both registrations side by side, the evidence item by item, and a decision with its reason. */

import { useState } from "react";

import { identity, type Question, type QuestionKind, type Questions as Answer } from "../../api/identity.ts";
import { minute } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { Chips } from "../../parts/Chips.tsx";
import { Judgement } from "../../parts/Judgement.tsx";
import { PagedFoot } from "../../parts/PagedFoot.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { usePages } from "../../shell/usePages.ts";
import { bitsText, reasonText, rowsOf } from "./compare.ts";

const MATCHES: readonly QuestionKind[] = ["unsure", "vetoed", "seen_together"];

/** 疑似同一人. */
export function Matches() {
  return <Queue kinds={MATCHES} title="identity.title" lead="identity.lead" />;
}

/** 证件冲突: counted and worked off apart. */
export function Conflicts() {
  return <Queue kinds={["document_conflict"]} title="identity.conflicts" lead="identity.conflicts.lead" />;
}

interface Props {
  kinds: readonly QuestionKind[];
  title: "identity.title" | "identity.conflicts";
  lead: "identity.lead" | "identity.conflicts.lead";
}

function Queue({ kinds, title, lead }: Props) {
  const speak = useSpeak();
  const [kind, setKind] = useState<QuestionKind>(kinds[0] ?? "unsure");
  const [counts, setCounts] = useState<Answer["counts"]>();
  const [later, setLater] = useState<ReadonlySet<string>>(new Set());
  const pages = usePages(`identity ${kind}`, async (after, signal) => {
    const answer = await identity.questions(kind, after, signal);
    setCounts(answer.counts);
    return { items: answer.reviews, next: answer.next };
  });
  const shown = pages.items?.filter((question) => !later.has(question.id));
  return (
    <div className="page">
      <h1 className="page-title">{speak(title)}</h1>
      <p className="page-lead">{speak(lead)}</p>
      {kinds.length > 1 && (
        <Chips
          label={speak("identity.kinds")}
          value={kind}
          onChange={(value) => setKind(value as QuestionKind)}
          options={kinds.map((one) => ({
            value: one,
            label: speak.code("identity-kind", one),
            count: counts && (counts[one] ?? 0),
          }))}
        />
      )}
      <Panel
        title={speak.code("identity-kind", kind)}
        note={counts && speak("identity.waiting", { n: counts[kind] ?? 0 })}
        tools={
          <Button small onClick={pages.reload}>
            {speak("refresh")}
          </Button>
        }
      >
        <p className="padded panel-note">{speak(`identity.why.${kind}`)}</p>
        {shown?.length === 0 && !pages.loading && !pages.next && (
          <Nothing title={speak(pages.items?.length === 0 ? "identity.none" : "identity.later.rest")} />
        )}
        {shown && shown.length > 0 && (
          <ul className="objections">
            {shown.map((question) => (
              <Card
                key={question.id}
                question={question}
                onDone={pages.reload}
                onLater={() => setLater(new Set([...later, question.id]))}
              />
            ))}
          </ul>
        )}
        <PagedFoot pages={pages} />
      </Panel>
    </div>
  );
}

function Card({ question, onDone, onLater }: { question: Question; onDone: () => void; onLater: () => void }) {
  const speak = useSpeak();
  return (
    <li className="objection question">
      <div className="objection-head">
        <strong className="figures">{speak("identity.weight", { bits: bitsText(question.weight_bits) })}</strong>
        <time className="figures objection-at">{speak("identity.since", { at: minute(question.since) })}</time>
      </div>
      <table className="data sides">
        <thead>
          <tr>
            <th scope="col">{speak("identity.item")}</th>
            <th scope="col">{speak("identity.left")}</th>
            <th scope="col">{speak("identity.right")}</th>
          </tr>
        </thead>
        <tbody>
          {rowsOf(question.left, question.right, speak).map((row) => (
            <tr key={row.title} className={row.differs ? "differs" : undefined}>
              <th scope="row">{speak(row.title)}</th>
              <td data-label={speak("identity.left")}>{row.left.join(speak("comma")) || speak("none.mark")}</td>
              <td data-label={speak("identity.right")}>{row.right.join(speak("comma")) || speak("none.mark")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Evidence question={question} />
      <Judgement<"same" | "different">
        label={speak("identity.reason")}
        hint={speak("identity.reason.hint")}
        choices={[
          { status: "same", label: speak("identity.same") },
          { status: "different", label: speak("identity.different") },
        ]}
        send={(status, reason) => identity.decide(question.id, status, reason)}
        onDone={onDone}
      />
      <p className="button-row">
        <Button small onClick={onLater}>
          {speak("identity.later")}
        </Button>
      </p>
    </li>
  );
}

function Evidence({ question }: { question: Question }) {
  const speak = useSpeak();
  return (
    <ul className="weighed" aria-label={speak("identity.reasons")}>
      {question.reasons.map((reason) => {
        const { field, level } = reasonText(reason, speak);
        const side = reason.bits > 0 ? "for" : reason.bits < 0 ? "against" : "neutral";
        return (
          <li key={field} className={`weighed-${side}`} title={speak(`identity.${side}`)}>
            <span className="weighed-field">{field}</span> {level}
            <span className="figures weighed-bits">{bitsText(reason.bits)}</span>
            <span className="unseen">{speak(`identity.${side}`)}</span>
          </li>
        );
      })}
    </ul>
  );
}
