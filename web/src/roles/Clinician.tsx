/** 临床医生: whom they treat, whose record, and the record. */

import "../styles/table.css";
import "../styles/record.css";

import { Worklist } from "../pages/care/Worklist.tsx";
import { Missing } from "../pages/Missing.tsx";
import PersonPages from "../pages/PersonPages.tsx";
import PersonSearch from "../pages/PersonSearch.tsx";
import { useSpeak } from "../shell/context.ts";
import { Frame } from "../shell/Frame.tsx";
import { href, isPersonTab, usePath } from "../shell/route.ts";
import { Staff } from "../shell/Staff.tsx";

export default function Clinician() {
  const speak = useSpeak();
  const path = usePath();
  return (
    <Staff>
      <Frame
        nav={[
          { href: href(), label: speak("worklist.title"), current: path?.length === 0 },
          {
            href: href("persons"),
            label: speak("nav.search"),
            current: path?.[0] === "persons" && path.length === 1,
          },
        ]}
      >
        <Pages />
      </Frame>
    </Staff>
  );
}

function Pages() {
  const [first, person, tab = "record", ...rest] = usePath() ?? ["?"];
  if (first === undefined) return <Worklist />;
  if (first !== "persons" || rest.length > 0 || !isPersonTab(tab)) return <Missing />;
  return person === undefined ? <PersonSearch /> : <PersonPages key={person} person={person} page={tab} />;
}
