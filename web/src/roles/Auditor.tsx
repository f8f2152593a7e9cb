/** 审计管理员: who looked at what, and whether the emergencies were any. */

import "../styles/table.css";
import "../styles/road.css";
import "../styles/record.css";

import AccessLog from "../pages/AccessLog.tsx";
import { AuditLog } from "../pages/audit/AuditLog.tsx";
import { Reviews } from "../pages/audit/Reviews.tsx";
import { Missing } from "../pages/Missing.tsx";
import { useSpeak } from "../shell/context.ts";
import { Frame } from "../shell/Frame.tsx";
import { href, usePath } from "../shell/route.ts";

export default function Auditor() {
  const speak = useSpeak();
  const first = usePath()?.[0];
  return (
    <Frame
      nav={[
        { href: href(), label: speak("audit.title"), current: first === undefined },
        { href: href("reviews"), label: speak("reviews.title"), current: first === "reviews" },
      ]}
    >
      <Pages />
    </Frame>
  );
}

function Pages() {
  const [first, person, tab, ...rest] = usePath() ?? ["?"];
  if (first === undefined) return <AuditLog />;
  if (first === "reviews" && person === undefined) return <Reviews />;
  // Who looked at one person: reached by an address that somebody was given, never by a search for people.
  if (first === "persons" && person !== undefined && tab === "access" && rest.length === 0)
    return (
      <div className="page wide">
        <AccessLog person={person} />
      </div>
    );
  return <Missing />;
}
