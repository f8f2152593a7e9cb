/** 临床医生: whose record, and the record. */

import "../styles/table.css";
import "../styles/record.css";

import { lazy } from "react";

import { Missing } from "../pages/Missing.tsx";
import PersonSearch from "../pages/PersonSearch.tsx";
import { useSpeak } from "../shell/context.ts";
import { Frame } from "../shell/Frame.tsx";
import { href, usePath } from "../shell/route.ts";
import { Staff } from "../shell/Staff.tsx";

const PersonPages = lazy(() => import("../pages/PersonPages.tsx"));

export default function Clinician() {
  const speak = useSpeak();
  const path = usePath();
  return (
    <Staff>
      <Frame
        nav={[
          {
            href: href("persons"),
            label: speak("nav.search"),
            current: path?.length === 0 || (path?.[0] === "persons" && path.length === 1),
          },
        ]}
      >
        <Pages />
      </Frame>
    </Staff>
  );
}

function Pages() {
  const [first, person, tab, ...rest] = usePath() ?? ["?"];
  if (first === undefined) return <PersonSearch />;
  if (first !== "persons" || rest.length > 0) return <Missing />;
  if (person === undefined) return <PersonSearch />;
  if (tab !== undefined && tab !== "access") return <Missing />;
  return <PersonPages key={person} person={person} page={tab ?? "record"} />;
}
