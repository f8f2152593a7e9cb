/** 处方与用药, 就诊记录, 预防接种, 费用清单, 异议: lists of one shape. */

import { api } from "../../api/client.ts";
import { resident, type Bill, type BillLine } from "../../api/resident.ts";
import { day, minute } from "../../format/date.ts";
import { newestFirst } from "../../format/order.ts";
import { PagedFoot } from "../../parts/PagedFoot.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { usePages } from "../../shell/usePages.ts";
import { departmentOf, detailOf } from "../record/entries.ts";
import type { Medicine } from "../../api/types.ts";
import type { Speak, WordKey } from "../../words/index.ts";
import { LineRow } from "./Card.tsx";
import { ObjectButton } from "./Object.tsx";

export function Medicines({ person }: { person: string }) {
  const speak = useSpeak();
  const load = useLoad(`medicines ${person}`, (signal) => resident.medicines(person, signal));
  return (
    <>
      <h1 className="resident-title">{speak("resident.medicines")}</h1>
      <Loaded of={load}>
        {({ entries, truncated }) =>
          entries.length === 0 ? (
            <Nothing title={speak("medicines.none")} />
          ) : (
            <>
              <ul className="card">
                {newestFirst(entries).map((one) => (
                  <LineRow
                    key={`${one.type}/${one.id}`}
                    line={one}
                    tag={tagOf(one, speak)}
                    withdrawn={Boolean(one.standing)}
                    detail={[
                      one.specification,
                      one.dosage,
                      one.quantity === null || one.quantity === undefined ? undefined : String(one.quantity),
                      one.institution_name,
                      one.prescriber,
                    ]}
                  />
                ))}
              </ul>
              {truncated && <p className="cut-off">{speak("list.cut", { n: entries.length })}</p>}
            </>
          )
        }
      </Loaded>
    </>
  );
}

/** A prescription that holds, or was carried out, goes without saying; everything else says what it is. */
export function tagOf({ status, standing, over }: Pick<Medicine, "status" | "standing" | "over">, speak: Speak) {
  if (standing) return speak.code("status", standing);
  if (over) return speak.code("over", over);
  return !status || status === "active" || status === "completed" ? undefined : speak.code("status", status);
}

export function Visits({ person }: { person: string }) {
  return <Entries person={person} kind="encounters" title="resident.visits" none="resident.visits.none" />;
}

export function Immunizations({ person }: { person: string }) {
  return (
    <Entries person={person} kind="immunizations" title="resident.immunizations" none="resident.immunizations.none" />
  );
}

interface EntriesProps {
  person: string;
  /** A kind of the timeline. */
  kind: string;
  title: WordKey;
  none: WordKey;
}

/** What the timeline has of one kind, newest first. */
function Entries({ person, kind, title, none }: EntriesProps) {
  const speak = useSpeak();
  const pages = usePages(`${kind} ${person}`, async (before, signal) => {
    const options = { kinds: [kind], limit: 30, ...(before ? { before } : {}) };
    const { entries, next } = await api.timeline(person, options, signal);
    return { items: entries, next };
  });
  return (
    <>
      <h1 className="resident-title">{speak(title)}</h1>
      {pages.items?.length === 0 && !pages.loading ? (
        <Nothing title={speak(none)} />
      ) : (
        <ul className="card">
          {pages.items?.map((entry) => (
            <LineRow
              key={entry.id}
              line={entry}
              tag={entry.standing ? speak.code("status", entry.standing) : undefined}
              withdrawn={Boolean(entry.standing)}
              detail={[entry.institution_name, departmentOf(entry), detailOf(entry, speak)]}
            />
          ))}
        </ul>
      )}
      <PagedFoot pages={pages} />
    </>
  );
}

/** Money as the source wrote it, with two decimals if it is a number. */
export function moneyText(amount: string | number | null | undefined): string {
  if (amount === null || amount === undefined || amount === "") return "";
  const number = Number(amount);
  if (Number.isNaN(number)) return String(amount);
  return `${number < 0 ? "−" : ""}¥${Math.abs(number).toFixed(2)}`;
}

export function Bills({ person }: { person: string }) {
  const speak = useSpeak();
  const load = useLoad(`bills ${person}`, (signal) => resident.bills(person, signal));
  return (
    <>
      <h1 className="resident-title">{speak("resident.bills")}</h1>
      <Loaded of={load}>
        {({ visits, truncated }) =>
          visits.length === 0 ? (
            <Nothing title={speak("resident.bills.none")} />
          ) : (
            <>
              {visits.map((bill, at) => (
                <BillCard key={bill.encounter ?? at} bill={bill} isFirst={at === 0} />
              ))}
              {truncated && <p className="cut-off">{speak("list.cut", { n: visits.length })}</p>}
            </>
          )
        }
      </Loaded>
    </>
  );
}

function BillCard({ bill, isFirst }: { bill: Bill; isFirst: boolean }) {
  const speak = useSpeak();
  const refunded = bill.lines.some((line) => line.refund);
  return (
    <details className="card report" open={isFirst}>
      <summary>
        <span className="row-main">
          <span className="row-title">{bill.institution_name ?? speak("unknown")}</span>
          <span className="row-more">
            {[day(bill.date), bill.department, speak("resident.bill.lines", { n: bill.lines.length })]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </span>
        <span className="row-value figures">
          {moneyText(bill.total) || speak("none.mark")}
          {refunded && <span className="tag">{speak("resident.refunded")}</span>}
        </span>
      </summary>
      <ul>
        {bill.lines.map((line) => (
          <BillRow key={line.id} line={line} bill={bill} />
        ))}
      </ul>
    </details>
  );
}

function BillRow({ line, bill }: { line: BillLine; bill: Bill }) {
  const speak = useSpeak();
  const count =
    line.quantity === null || line.quantity === undefined
      ? ""
      : line.unit_price
        ? `${moneyText(line.unit_price)} × ${String(line.quantity)}`
        : speak("resident.quantity", { n: String(line.quantity) });
  const withdrawn = line.status === "entered-in-error";
  const about = {
    type: "ChargeItem",
    id: line.id,
    title: line.title ?? null,
    date: line.date ?? null,
    institution_name: bill.institution_name ?? null,
  };
  return (
    <li className="row">
      <span className="row-main">
        <span className="row-title">
          {line.title ?? line.id}
          {line.refund && <span className="tag tag-alarm">{speak("resident.refund")}</span>}
          {withdrawn && <span className="tag">{speak("resident.withdrawn")}</span>}
        </span>
        <span className="row-more figures">{[day(line.date), count].filter(Boolean).join(" · ")}</span>
      </span>
      <span className={withdrawn ? "row-value figures withdrawn" : "row-value figures"}>{moneyText(line.amount)}</span>
      <ObjectButton about={about} />
    </li>
  );
}

export function MyObjections({ person }: { person: string }) {
  const speak = useSpeak();
  const load = useLoad(`objections ${person}`, (signal) => resident.objections(person, signal));
  return (
    <>
      <h1 className="resident-title">{speak("resident.objections")}</h1>
      <p className="resident-lead">{speak("resident.objections.lead")}</p>
      <Loaded of={load}>
        {({ objections }) =>
          objections.length === 0 ? (
            <Nothing title={speak("objections.none")}>{speak("resident.objections.none.hint")}</Nothing>
          ) : (
            objections.map((one) => (
              <section className="card my-objection" key={one.id} aria-label={one.about.title ?? one.id}>
                <p className="row-title">
                  {one.about.title ?? speak.code("type", one.about.type)}
                  <span className={`tag objection-${one.status}`}>{speak(`objection.${one.status}`)}</span>
                </p>
                <p className="row-more">
                  {[speak.code("type", one.about.type), day(one.about.date), one.institution_name]
                    .filter(Boolean)
                    .join(" · ")}
                </p>
                <blockquote>{one.text}</blockquote>
                <p className="row-more figures">{minute(one.at)}</p>
                {one.answer && (
                  <p className="my-answer">
                    <strong>{speak("resident.answer")}</strong> {one.answer}
                  </p>
                )}
              </section>
            ))
          )
        }
      </Loaded>
    </>
  );
}
