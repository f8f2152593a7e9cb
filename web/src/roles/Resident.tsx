/** 居民: made for a telephone of 360 pixels, without the component library that staff pages use. */

import "../styles/resident.css";

import { useEffect, useState } from "react";

import { session } from "../api/session.ts";
import { resident, type Mine, type Notice } from "../api/resident.ts";
import { Access } from "../pages/resident/Access.tsx";
import { Family } from "../pages/resident/Family.tsx";
import { Home } from "../pages/resident/Home.tsx";
import { Bills, Immunizations, Medicines, MyObjections, Visits } from "../pages/resident/Lists.tsx";
import { More } from "../pages/resident/More.tsx";
import { ObjectionProvider } from "../pages/resident/Object.tsx";
import { Reports } from "../pages/resident/Reports.tsx";
import { institutionNames, nameOf } from "../parts/PersonLine.tsx";
import { Loaded, Nothing } from "../parts/Waiting.tsx";
import { Boundary } from "../shell/Boundary.tsx";
import { useSpeak } from "../shell/context.ts";
import { Pulse } from "../shell/Pulse.tsx";
import { href, usePath } from "../shell/route.ts";
import { useFresh } from "../shell/useFresh.ts";
import { Missing } from "../pages/Missing.tsx";
import type { WordKey } from "../words/index.ts";

/** Notices of emergency looks come while the page is open. */
const EVERY_MS = 15_000;

/** Whose record is shown; gone when the session goes. */
let kept: string | undefined;
session.subscribe(() => {
  if (session.get() === null) kept = undefined;
});

const TABS: readonly { path: string; word: WordKey; icon: string }[] = [
  { path: "", word: "tab.record", icon: "M4 20V9l8-6 8 6v11h-6v-6h-4v6z" },
  { path: "reports", word: "tab.reports", icon: "M6 3h9l4 4v14H6zM9 11h7M9 15h7M9 7h3" },
  {
    path: "medicines",
    word: "tab.medicines",
    icon: "M4.5 14.5l10-10a3.5 3.5 0 0 1 5 5l-10 10a3.5 3.5 0 0 1-5-5zM9.5 9.5l5 5",
  },
  { path: "bills", word: "tab.bills", icon: "M5 3h14v18l-3-2-2 2-2-2-2 2-2-2-3 2zM8 8l4 4 4-4M12 12v5M9 13h6" },
  {
    path: "access",
    word: "tab.access",
    icon: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
  },
  { path: "more", word: "tab.more", icon: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 4-6 8-6s8 2 8 6" },
];

export default function Resident() {
  const speak = useSpeak();
  const me = useFresh("me", EVERY_MS, (signal) => resident.me(signal));
  const path = usePath() ?? ["?"];
  const where = path.join("/");
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [where]);
  return (
    <div className="resident">
      <a
        className="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("content")?.focus();
        }}
      >
        {speak("skip.to.content")}
      </a>
      <Loaded of={me} rows={8}>
        {({ persons, notices }) =>
          persons[0] ? (
            <Inside persons={persons} first={persons[0]} notices={notices} where={where} />
          ) : (
            <main id="content" tabIndex={-1}>
              <Nothing title={speak("resident.nobody")}>{speak("resident.nobody.hint")}</Nothing>
              <More />
            </main>
          )
        }
      </Loaded>
      <nav className="tab-bar" aria-label={speak("nav.label")}>
        {TABS.map(({ path: tab, word, icon }) => (
          <a key={tab} href={href(...(tab ? [tab] : []))} aria-current={(path[0] ?? "") === tab ? "page" : undefined}>
            <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
              <path d={icon} />
            </svg>
            {speak(word)}
          </a>
        ))}
      </nav>
    </div>
  );
}

interface InsideProps {
  persons: readonly Mine[];
  first: Mine;
  notices: readonly Notice[];
  where: string;
}

function Inside({ persons, first, notices, where }: InsideProps) {
  const speak = useSpeak();
  const [chosen, setChosen] = useState(kept ?? first.person.id);
  const mine = persons.find(({ person }) => person.id === chosen) ?? first;
  const choose = (person: string): void => {
    kept = person;
    setChosen(person);
    window.location.hash = href();
  };
  return (
    <>
      <header className="resident-head">
        <Pulse />
        <span className="resident-product">{speak("resident.product")}</span>
        {persons.length > 1 && (
          <a className="whose" href={href("family")}>
            {nameOf(mine.person, speak)}
            <span className="unseen">{speak("resident.family.change")}</span>
            <span aria-hidden="true"> ⇄</span>
          </a>
        )}
      </header>
      <main id="content" tabIndex={-1}>
        <Boundary where={where}>
          <ObjectionProvider person={mine.person.id}>
            <Page key={mine.person.id} mine={mine} notices={notices} persons={persons} onChoose={choose} />
          </ObjectionProvider>
        </Boundary>
      </main>
    </>
  );
}

interface PageProps {
  mine: Mine;
  notices: readonly Notice[];
  persons: readonly Mine[];
  onChoose: (person: string) => void;
}

function Page({ mine, notices, persons, onChoose }: PageProps) {
  const [first, ...rest] = usePath() ?? ["?"];
  const person = mine.person.id;
  if (rest.length > 0) return <Missing />;
  switch (first) {
    case undefined:
      return <Home mine={mine} notices={notices} />;
    case "reports":
      return <Reports person={person} />;
    case "medicines":
      return <Medicines person={person} />;
    case "bills":
      return <Bills person={person} />;
    case "access":
      return <Access person={person} names={institutionNames(mine.person)} />;
    case "visits":
      return <Visits person={person} />;
    case "immunizations":
      return <Immunizations person={person} />;
    case "objections":
      return <MyObjections person={person} />;
    case "family":
      return <Family persons={persons} chosen={person} onChoose={onChoose} />;
    case "more":
      return <More />;
    default:
      return <Missing />;
  }
}
