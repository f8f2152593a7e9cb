/** 紧急调阅复核: every emergency access of a day, judged by somebody who was not there. */

import { useState } from "react";

import { audit, type Review, type Verdict } from "../../api/audit.ts";
import { day, minute } from "../../format/date.ts";
import { DayChooser } from "../../parts/DayChooser.tsx";
import { Judgement } from "../../parts/Judgement.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";

export function Reviews() {
  const speak = useSpeak();
  const [chosen, setChosen] = useState(() => day(Date.now()));
  const load = useLoad(chosen === "" ? undefined : `reviews ${chosen}`, (signal) => audit.reviews(chosen, signal));
  const open = load.value?.reviews.filter((review) => review.status === "open").length;
  return (
    <div className="page narrow">
      <h1 className="page-title">{speak("reviews.title")}</h1>
      <p className="page-lead">{speak("reviews.lead")}</p>
      <Panel
        title={speak("reviews.title")}
        note={open === undefined ? null : speak("reviews.open", { n: open })}
        tools={
          <DayChooser label={speak("reviews.day")} value={chosen} onChange={setChosen} />
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
  return (
    <Judgement<Verdict>
      label={speak("review.note")}
      hint={speak("review.note.hint")}
      choices={[
        { status: "justified", label: speak("review.justify") },
        { status: "unjustified", label: speak("review.reject") },
      ]}
      send={(status, note) => audit.review(review.id, status, note)}
      onDone={onDone}
    />
  );
}
