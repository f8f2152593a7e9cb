/**
 * 紧急调阅复核: every emergency access, judged by somebody who was not there. What waits is listed whatever its day, the oldest first;
 * a day shows also what was judged.
 */

import { Segmented } from "antd";
import { useRef, useState } from "react";

import { audit, type Review, type Verdict } from "../../api/audit.ts";
import { day, instantMs, minute } from "../../format/date.ts";
import { DayChooser } from "../../parts/DayChooser.tsx";
import { Judgement } from "../../parts/Judgement.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";

type View = "open" | "day";

const DAY_MS = 86_400_000;

/** What the server lists, and what was judged on this page since, in its place: a verdict does not vanish as it is given. */
export function withJudged(listed: readonly Review[], judged: readonly Review[]): Review[] {
  const others = judged.filter((review) => listed.every(({ id }) => id !== review.id));
  const atMs = ({ at }: Review): number => (typeof at === "number" ? at : instantMs(at));
  return [...listed, ...others].sort((left, right) => atMs(left) - atMs(right));
}

export function Reviews() {
  const speak = useSpeak();
  const [view, setView] = useState<View>("open");
  // The next day's review: yesterday.
  const [chosen, setChosen] = useState(() => day(Date.now() - DAY_MS));
  const [judged, setJudged] = useState<readonly Review[]>([]);
  const asked = view === "open" ? "" : chosen;
  const missing = view === "day" && chosen === "";
  const load = useLoad(missing ? undefined : `reviews ${asked}`, (signal) => audit.reviews(asked, signal));
  const open = load.value?.reviews.filter((review) => review.status === "open").length;
  const done = (review: Review): void => {
    setJudged((before) => [...before, review]);
    load.reload();
  };
  return (
    <div className="page narrow">
      <h1 className="page-title">{speak("reviews.title")}</h1>
      <p className="page-lead">{speak("reviews.lead")}</p>
      <Panel
        title={speak("reviews.title")}
        note={open === undefined ? null : speak("reviews.open", { n: open })}
        tools={
          <>
            {view === "day" && <DayChooser label={speak("reviews.day")} value={chosen} onChange={setChosen} />}
            <Segmented<View>
              size="small"
              aria-label={speak("reviews.view")}
              value={view}
              onChange={setView}
              options={[
                { value: "open", label: speak("reviews.all.open") },
                { value: "day", label: speak("reviews.by.day") },
              ]}
            />
          </>
        }
      >
        {missing ? (
          <Nothing title={speak("day.missing")} />
        ) : (
          <Loaded of={load}>
            {({ reviews, truncated }) => {
              const shown = view === "open" ? withJudged(reviews, judged) : reviews;
              return shown.length === 0 ? (
                <Nothing title={speak(view === "open" ? "reviews.none.open" : "reviews.none")} />
              ) : (
                <>
                  <ul className="objections">
                    {shown.map((review) => (
                      <Row key={review.id} review={review} onDone={done} />
                    ))}
                  </ul>
                  {truncated && <p className="cut-off">{speak("reviews.cut", { n: reviews.length })}</p>}
                </>
              );
            }}
          </Loaded>
        )}
      </Panel>
    </div>
  );
}

interface RowProps {
  review: Review;
  /** With the review as it is after the verdict. */
  onDone: (review: Review) => void;
}

function Row({ review, onDone }: RowProps) {
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

function Decide({ review, onDone }: RowProps) {
  const speak = useSpeak();
  const answered = useRef(review);
  return (
    <Judgement<Verdict>
      label={speak("review.note")}
      hint={speak("review.note.hint")}
      choices={[
        { status: "justified", label: speak("review.justify") },
        { status: "unjustified", label: speak("review.reject") },
      ]}
      send={async (status, note) => {
        answered.current = await audit.review(review.id, status, note);
      }}
      onDone={() => onDone(answered.current)}
    />
  );
}
