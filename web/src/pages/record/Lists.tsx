/** 过敏史, 诊断与慢病, 用药记录: three short lists that share one shape of line. */

import type { ReactNode } from "react";

import type { Allergy, Denied, Gathered, Line, Medicine, Problem, Rule } from "../../api/types.ts";
import { isCurrent, type Stated } from "../../format/current.ts";
import { day } from "../../format/date.ts";
import { newestFirst } from "../../format/order.ts";
import { placeOf, saidText } from "../../format/said.ts";
import { Folded } from "../../parts/Folded.tsx";
import { Originals } from "../../parts/Gathered.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { SourceButton } from "../../parts/Source.tsx";
import { Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";

/** How many lines a list shows before it folds. */
const SHOWN = 8;

function titleOf(line: Line): string {
  return line.title?.trim() || `${line.type}/${line.id}`;
}

interface AllergiesProps {
  allergies: readonly Allergy[];
  denied?: Denied | null | undefined;
}

export function Allergies({ allergies, denied }: AllergiesProps) {
  const speak = useSpeak();
  const severe = allergies.some((allergy) => rank(allergy) === 0);
  const named = (allergy: Allergy): Allergy =>
    allergy.unnamed ? { ...allergy, title: speak("allergies.unnamed") } : allergy;
  return (
    <Panel title={speak("allergies.title")} note={count(allergies)} className={severe ? "panel-alarm" : ""}>
      {allergies.length === 0 ? (
        <Nothing title={speak("allergies.none")}>{speak("allergies.none.hint")}</Nothing>
      ) : (
        <ul className="lines">
          {/* Never folded: an allergy behind a button is an allergy that nobody saw. */}
          {newestFirst(allergies)
            .sort(severeFirst)
            .map((allergy) => (
              <RecordLine key={allergy.id + (allergy.title ?? "")} line={named(allergy)} tag={<Tags allergy={allergy} />}>
                {allergy.refuted_by?.map((said) => (
                  <span className="line-against" key={said.institution ?? ""}>
                    {speak("allergies.refuted", { place: placeOf(said, speak), date: day(said.date) })}
                  </span>
                ))}
              </RecordLine>
            ))}
        </ul>
      )}
      {denied && <DeniedBy denied={denied} against={allergies.some((allergy) => rank(allergy) < 2)} />}
    </Panel>
  );
}

function Tags({ allergy }: { allergy: Allergy }) {
  const speak = useSpeak();
  const { criticality, status } = allergy;
  return (
    <>
      {criticality && (
        <span className={criticality === "high" ? "tag tag-alarm" : "tag"}>
          {criticality === "high" && <Warning />}
          {speak.code("criticality", criticality)}
        </span>
      )}
      {status && status !== "active" && <span className="tag">{speak.code("status", status)}</span>}
    </>
  );
}

/** A denial is no allergy; beside an allergy it is a contradiction, and says so. */
function DeniedBy({ denied, against }: { denied: Denied; against: boolean }) {
  const speak = useSpeak();
  return (
    <div className={against ? "denied denied-against" : "denied"}>
      <p>
        <strong>{speak("allergies.denied")}</strong>
        {against && <span className="tag tag-amber">{speak("allergies.denied.against")}</span>}
      </p>
      <ul>
        {denied.institutions.map((said) => (
          <li key={said.institution ?? ""}>
            {speak("allergies.denied.place", { place: placeOf(said, speak), n: said.count, date: day(said.date) })}
          </li>
        ))}
      </ul>
      <Originals sources={denied.sources} />
    </div>
  );
}

/** High risk first, then the others; those that no longer hold come last. */
function severeFirst(left: Allergy, right: Allergy): number {
  return rank(left) - rank(right);
}

function rank({ criticality, status }: Allergy): number {
  if (!isCurrent({ status })) return 2;
  return criticality === "high" ? 0 : 1;
}

export function Problems({ problems, rule }: { problems: readonly Problem[]; rule: Rule | undefined }) {
  const speak = useSpeak();
  const all = newestFirst(problems);
  const current = all.filter(isCurrent);
  const past = all.filter((problem) => !isCurrent(problem));
  return (
    <Panel title={speak("problems.title")} note={count(problems)}>
      <TwoParts
        all={problems.length}
        none={speak("problems.none")}
        currentTitle={speak("problems.active")}
        current={current}
        noCurrent={speak("problems.no.active")}
        pastTitle={speak("problems.past", { n: past.length })}
        past={past}
        unusual={(problem) => problem.status !== "active"}
        rule={rule}
      />
    </Panel>
  );
}

export function Medicines({ medicines, rule }: { medicines: readonly Medicine[]; rule: Rule | undefined }) {
  const speak = useSpeak();
  const all = newestFirst(medicines);
  const current = all.filter(isCurrent);
  const past = all.filter((medicine) => !isCurrent(medicine));
  return (
    <Panel title={speak("medicines.title")} note={count(medicines)}>
      <TwoParts
        all={medicines.length}
        none={speak("medicines.none")}
        currentTitle={speak("medicines.current")}
        current={current}
        noCurrent={speak(past.some((medicine) => medicine.over) ? "medicines.no.current.reckoned" : "medicines.no.current")}
        pastTitle={speak("medicines.past", { n: past.length })}
        past={past}
        unusual={(medicine) => medicine.status !== "active"}
        rule={rule}
      />
    </Panel>
  );
}

interface TwoPartsProps<T extends Line & Stated> {
  all: number;
  none: string;
  currentTitle: string;
  current: readonly T[];
  noCurrent: string;
  pastTitle: string;
  past: readonly T[];
  /** Whether the status says more than the heading it stands under. */
  unusual: (line: T) => boolean;
  /** By what a line is past although its source said that it goes on. */
  rule: Rule | undefined;
}

function TwoParts<T extends Line & Stated>(props: TwoPartsProps<T>) {
  const speak = useSpeak();
  if (props.all === 0) return <Nothing title={props.none} />;
  const status = (line: T): ReactNode => {
    if (line.over) return <span className="tag">{speak.code("over", line.over)}</span>;
    return line.status && <span className="tag">{speak.code("status", line.status)}</span>;
  };
  const ruled = props.past.some((line) => line.over) ? props.rule : undefined;
  return (
    <>
      <h3 className="part-title">{props.currentTitle}</h3>
      {props.current.length === 0 ? (
        <p className="part-none">{props.noCurrent}</p>
      ) : (
        <ul className="lines">
          <Folded
            items={props.current}
            shown={SHOWN}
            openLabel={speak("show.all", { n: props.current.length })}
            closeLabel={speak("show.fewer")}
            render={(line) => <RecordLine key={line.id} line={line} tag={props.unusual(line) && status(line)} />}
          />
        </ul>
      )}
      {props.past.length > 0 && (
        <details className="past">
          <summary>{props.pastTitle}</summary>
          <ul className="lines lines-past">
            {props.past.map((line) => (
              <RecordLine key={line.id} line={line} tag={status(line)} />
            ))}
          </ul>
          {ruled && (
            <p className="table-note">{speak("over.rule", { rule: ruled[speak.language], version: ruled.version })}</p>
          )}
        </details>
      )}
    </>
  );
}

interface LineProps {
  line: Gathered & { dosage?: string | null };
  tag?: ReactNode;
  children?: ReactNode;
}

function RecordLine({ line, tag, children }: LineProps) {
  const speak = useSpeak();
  const said = saidText(line, speak);
  const sources = line.sources ?? [];
  return (
    <li className="line">
      <span className="line-title">
        {titleOf(line)}
        {tag}
        {line.dosage && <span className="line-more">{line.dosage}</span>}
        {said && <span className="line-said">{said}</span>}
        {children}
      </span>
      <time className="line-date figures">{day(line.date)}</time>
      <SourceButton type={line.type} id={line.id} title={titleOf(line)} />
      {sources.length > 1 && <Originals sources={sources} />}
    </li>
  );
}

function count(list: readonly unknown[]): number | null {
  return list.length > 0 ? list.length : null;
}

function Warning() {
  return (
    <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
      <path d="M8 1.2 15.4 14.4H.6L8 1.2Z" fill="currentColor" />
      <path d="M8 6v4M8 11.6v1" stroke="#fff" strokeWidth="1.5" strokeLinecap="round" />
    </svg>
  );
}
