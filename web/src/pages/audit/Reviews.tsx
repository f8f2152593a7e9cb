/** 紧急调阅复核: every emergency access of a day, judged by somebody who was not there. */

import { useState } from "react";

import { audit, type Review, type Verdict } from "../../api/audit.ts";
import type { ApiError } from "../../api/error.ts";
import { day, minute } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { DayField } from "../../parts/DayField.tsx";
import { TextArea } from "../../parts/Field.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing, Trouble } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { asApiError, useLoad } from "../../shell/useLoad.ts";

const DAY_MS = 86_400_000;
const NOTE_MIN = 4;

export function Reviews() {
  const speak = useSpeak();
  const [chosen, setChosen] = useState(() => day(Date.now()));
  const load = useLoad(chosen === "" ? undefined : `reviews ${chosen}`, (signal) => audit.reviews(chosen, signal));
  const move = (days: number): void => setChosen(day(Date.parse(`${chosen}T00:00:00+08:00`) + days * DAY_MS));
  const open = load.value?.reviews.filter((review) => review.status === "open").length;
  return (
    <div className="page narrow">
      <h1 className="page-title">{speak("reviews.title")}</h1>
      <p className="page-lead">{speak("reviews.lead")}</p>
      <Panel
        title={speak("reviews.title")}
        note={open === undefined ? null : speak("reviews.open", { n: open })}
        tools={
          <div className="day-chooser">
            <Button small disabled={chosen === ""} onClick={() => move(-1)}>
              {speak("day.before")}
            </Button>
            <DayField label={speak("reviews.day")} value={chosen} onChange={setChosen} />
            <Button small disabled={chosen === "" || chosen >= day(Date.now())} onClick={() => move(1)}>
              {speak("day.after")}
            </Button>
          </div>
        }
      >
        {chosen === "" ? (
          <Nothing title={speak("day.missing")} />
        ) : (
          <Loaded of={load}>
            {({ reviews }) =>
              reviews.length === 0 ? (
                <Nothing title={speak("reviews.none")} />
              ) : (
                <ul className="objections">
                  {reviews.map((review) => (
                    <Row key={review.id} review={review} onDone={load.reload} />
                  ))}
                </ul>
              )
            }
          </Loaded>
        )}
      </Panel>
    </div>
  );
}

function Row({ review, onDone }: { review: Review; onDone: () => void }) {
  const speak = useSpeak();
  const institution = review.institution_name ?? review.institution;
  return (
    <li className="objection">
      <div className="objection-head">
        <span className={`tag review-${review.status}`}>{speak(`review.${review.status}`)}</span>
        <strong>{review.display_name || review.actor}</strong>
        <span className="panel-note">{[review.staff_number, institution].filter(Boolean).join(" · ")}</span>
        <time className="figures objection-at">{minute(review.at)}</time>
      </div>
      <p>
        {speak("review.of", { name: review.person.name_masked || speak("person.no.name") })}
        <span className="tag">{speak("review.looks", { n: review.looks ?? 0 })}</span>
      </p>
      <blockquote>
        <strong>{speak.code("emergency-reason", review.reason_code)}</strong>
        {review.reason && ` ${review.reason}`}
      </blockquote>
      {review.status === "open" ? (
        <Decide review={review} onDone={onDone} />
      ) : (
        <p className="objection-answer">
          <span className="panel-note">
            {[review.reviewed_by, review.reviewed_at && minute(review.reviewed_at)].filter(Boolean).join(" · ")}
          </span>{" "}
          {review.note}
        </p>
      )}
    </li>
  );
}

function Decide({ review, onDone }: { review: Review; onDone: () => void }) {
  const speak = useSpeak();
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState<Verdict>();
  const [error, setError] = useState<ApiError>();
  const short = note.trim().length < NOTE_MIN;
  const send = async (status: Verdict): Promise<void> => {
    setBusy(status);
    setError(undefined);
    try {
      await audit.review(review.id, status, note.trim());
      onDone();
    } catch (cause) {
      setError(asApiError(cause));
      setBusy(undefined);
    }
  };
  return (
    <div className="answer">
      {error && <Trouble error={error} />}
      <TextArea
        label={speak("review.note")}
        hint={speak("review.note.hint")}
        value={note}
        onChange={setNote}
        rows={2}
      />
      <p className="button-row">
        <Button
          kind="primary"
          small
          disabled={short || busy !== undefined}
          busy={busy === "justified"}
          onClick={() => void send("justified")}
        >
          {speak("review.justify")}
        </Button>
        <Button
          small
          disabled={short || busy !== undefined}
          busy={busy === "unjustified"}
          onClick={() => void send("unjustified")}
        >
          {speak("review.reject")}
        </Button>
      </p>
    </div>
  );
}
