/** The pages of one person share a heading: whose record this is stays in sight while anything of it is on the screen. */

import { useMemo } from "react";

import { api } from "../api/client.ts";
import type { Freshness, Person, Summary } from "../api/types.ts";
import { bloodText } from "../format/blood.ts";
import { minute } from "../format/date.ts";
import { GroundTag } from "../parts/GroundTag.tsx";
import { Identifiers, institutionNames, nameOf, PersonFacts } from "../parts/PersonLine.tsx";
import { SourceProvider } from "../parts/Source.tsx";
import { Lines, Trouble } from "../parts/Waiting.tsx";
import { Watermark } from "../parts/Watermark.tsx";
import { isEmbedded } from "../shell/account.ts";
import { useSession, useSpeak } from "../shell/context.ts";
import { href, personHref, type PersonTab } from "../shell/route.ts";
import { useLoad } from "../shell/useLoad.ts";
import AccessLog from "./AccessLog.tsx";
import { NoGround } from "./care/NoGround.tsx";
import { MedicinesPage } from "./record/MedicinesPage.tsx";
import { Record } from "./record/Record.tsx";

const TABS: readonly { tab: PersonTab; word: "record.title" | "medicines.title" | "access.title" }[] = [
  { tab: "record", word: "record.title" },
  { tab: "medicines", word: "medicines.title" },
  { tab: "access", word: "access.title" },
];

interface Props {
  person: string;
  page: PersonTab;
}

export default function PersonPages({ person, page }: Props) {
  const speak = useSpeak();
  const summary = useLoad(person, (signal) => api.summary(person, signal));

  if (summary.error?.rule === "no-ground")
    return <NoGround person={person} error={summary.error} onGranted={summary.reload} />;
  if (summary.error) {
    return (
      <div className="page narrow">
        <Trouble error={summary.error} retry={summary.reload} />
        {!isEmbedded() && (
          <p>
            <a href={href("persons")}>{speak("back.to.search")}</a>
          </p>
        )}
      </div>
    );
  }
  return (
    <SourceProvider purpose={summary.value?.ground?.kind === "emergency" ? "ETREAT" : undefined}>
      {summary.value?.ground?.watermark && <Mark />}
      <PersonHead id={person} summary={summary.value} page={page} />
      <div className="page wide">
        {page === "access" ? (
          <AccessLog person={person} {...(summary.value ? { names: institutionNames(summary.value.person) } : {})} />
        ) : page === "medicines" ? (
          <MedicinesPage person={person} />
        ) : summary.value ? (
          <Record person={person} summary={summary.value} />
        ) : (
          <RecordSkeleton />
        )}
      </div>
    </SourceProvider>
  );
}

/** Who reads this, and since when: the time stands still, so that a picture says when the page was opened. */
function Mark() {
  const account = useSession()?.account;
  const opened = useMemo(() => minute(Date.now()), []);
  const name = account?.display_name || account?.name;
  return <Watermark text={[name, account?.staff_number ?? account?.name, opened].filter(Boolean).join(" ")} />;
}

interface HeadProps {
  id: string;
  summary: Summary | undefined;
  page: PersonTab;
}

function PersonHead({ id, summary, page }: HeadProps) {
  const speak = useSpeak();
  const person = summary?.person;
  return (
    <div className="person-head">
      <div className="person-head-in">
        {person && summary ? (
          <div className="person-head-text">
            <div className="person-head-first">
              <h1>{nameOf(person, speak)}</h1>
              <PersonFacts person={person} />
              {summary.ground && <GroundTag ground={summary.ground} />}
            </div>
            <div className="person-head-second">
              <Identifiers person={person} limit={4} />
              <Basics person={person} summary={summary} />
              <Fresh freshness={summary.freshness} />
            </div>
          </div>
        ) : (
          <div className="person-head-text">
            <Lines rows={2} />
          </div>
        )}
        <nav className="tabs" aria-label={speak("person.tabs")}>
          {TABS.map(({ tab, word }) => (
            <a key={tab} href={personHref(id, tab)} aria-current={page === tab ? "page" : undefined}>
              {speak(word)}
            </a>
          ))}
        </nav>
      </div>
    </div>
  );
}

/** 个人基本健康信息 that fits into a line. */
function Basics({ person, summary }: { person: Person; summary: Summary }) {
  const speak = useSpeak();
  const { blood_type, phone_masked, address, contract } = summary.basics ?? {};
  const facts = [
    blood_type && speak("basics.blood", { type: bloodText(blood_type, speak) }),
    phone_masked && speak("basics.phone", { phone: phone_masked }),
    contract &&
      speak("basics.contract", {
        doctor: [contract.doctor, contract.institution_name].filter(Boolean).join(" "),
      }),
    address ?? person.address,
  ].filter(Boolean);
  return facts.map((fact) => (
    <span className="person-address" key={fact}>
      {fact}
    </span>
  ));
}

function Fresh({ freshness }: { freshness: Freshness | null | undefined }) {
  const speak = useSpeak();
  return (
    <>
      {freshness?.last_updated && (
        <span className="person-fresh">{speak("record.fresh", { time: minute(freshness.last_updated) })}</span>
      )}
      {freshness?.truncated && <span className="tag tag-alarm">{speak("record.truncated")}</span>}
    </>
  );
}

function RecordSkeleton() {
  return (
    <div className="record">
      <div className="record-side">
        {[3, 5, 5].map((rows, at) => (
          <div className="panel padded" key={at}>
            <Lines rows={rows} />
          </div>
        ))}
      </div>
      <div className="record-main">
        <div className="panel padded">
          <Lines rows={9} />
        </div>
        <div className="panel padded">
          <Lines rows={8} />
        </div>
      </div>
    </div>
  );
}
