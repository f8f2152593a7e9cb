/** 机构管理员: what the institution sends, what became of it, and what residents object to. */

import "../styles/table.css";
import "../styles/road.css";

import { road } from "../api/road.ts";
import { Missing } from "../pages/Missing.tsx";
import { Objections } from "../pages/road/Objections.tsx";
import { SourcePages } from "../pages/road/SourcePages.tsx";
import { Uploads } from "../pages/road/Uploads.tsx";
import { Loaded } from "../parts/Waiting.tsx";
import { useSpeak } from "../shell/context.ts";
import { Frame } from "../shell/Frame.tsx";
import { href, usePath } from "../shell/route.ts";
import { Staff } from "../shell/Staff.tsx";
import { useLoad } from "../shell/useLoad.ts";

export default function Institution() {
  const speak = useSpeak();
  const path = usePath();
  const first = path?.[0];
  return (
    <Staff>
      <Frame
        nav={[
          { href: href(), label: speak("uploads.title"), current: first === undefined },
          { href: href("sources"), label: speak("nav.sources"), current: first === "sources" },
          { href: href("objections"), label: speak("objections.title"), current: first === "objections" },
        ]}
      >
        <Pages />
      </Frame>
    </Staff>
  );
}

function Pages() {
  const path = usePath();
  const sources = useLoad("sources", (signal) => road.sources(signal));
  const [first, name, tab, ...rest] = path ?? ["?"];
  if (rest.length > 0) return <Missing />;
  if (first === "objections") return name === undefined ? <Objections /> : <Missing />;
  if (first !== undefined && first !== "sources") return <Missing />;
  return (
    <Loaded of={sources} rows={8}>
      {({ sources: list }) =>
        first === undefined || list.length === 0 ? (
          <Uploads sources={list} />
        ) : (
          <SourcePages sources={list} name={name ?? list[0]?.name ?? ""} tab={tab} masked={false} />
        )
      }
    </Loaded>
  );
}
