/** 主索引管理员: who is who. Sees registrations, masked, and no health record. */

import "../styles/table.css";
import "../styles/road.css";
import "../styles/identity.css";

import { Decisions } from "../pages/identity/Decisions.tsx";
import { Find } from "../pages/identity/Find.tsx";
import { Conflicts, Matches } from "../pages/identity/Questions.tsx";
import { Missing } from "../pages/Missing.tsx";
import { useSpeak } from "../shell/context.ts";
import { Frame } from "../shell/Frame.tsx";
import { href, usePath } from "../shell/route.ts";

export default function IndexAdministrator() {
  const speak = useSpeak();
  const first = usePath()?.[0];
  return (
    <Frame
      nav={[
        { href: href(), label: speak("identity.title"), current: first === undefined },
        { href: href("conflicts"), label: speak("identity.conflicts"), current: first === "conflicts" },
        { href: href("find"), label: speak("identity.find"), current: first === "find" },
        { href: href("decisions"), label: speak("identity.work"), current: first === "decisions" },
      ]}
    >
      <Pages />
    </Frame>
  );
}

function Pages() {
  const [first, ...rest] = usePath() ?? ["?"];
  if (rest.length > 0) return <Missing />;
  if (first === undefined) return <Matches />;
  if (first === "conflicts") return <Conflicts />;
  if (first === "find") return <Find />;
  if (first === "decisions") return <Decisions />;
  return <Missing />;
}
