/** 平台运维: whether everything that should come comes; values are masked, originals stay with their institutions. */

import "../styles/table.css";
import "../styles/road.css";

import { road } from "../api/road.ts";
import { Missing } from "../pages/Missing.tsx";
import { Institutions } from "../pages/road/Institutions.tsx";
import { Operations } from "../pages/road/Operations.tsx";
import { SourcePages } from "../pages/road/SourcePages.tsx";
import { Loaded } from "../parts/Waiting.tsx";
import { useSpeak } from "../shell/context.ts";
import { Frame } from "../shell/Frame.tsx";
import { href, usePath } from "../shell/route.ts";
import { Staff } from "../shell/Staff.tsx";
import { useLoad } from "../shell/useLoad.ts";

export default function Operator() {
  const speak = useSpeak();
  const first = usePath()?.[0];
  return (
    <Staff>
      <Frame
        nav={[
          { href: href(), label: speak("operations.title"), current: first === undefined },
          { href: href("institutions"), label: speak("institutions.title"), current: first === "institutions" },
          { href: href("sources"), label: speak("nav.sources"), current: first === "sources" },
        ]}
      >
        <Pages />
      </Frame>
    </Staff>
  );
}

function Pages() {
  const [first, name, tab, ...rest] = usePath() ?? ["?"];
  if (rest.length > 0) return <Missing />;
  if (first === undefined) return <Operations />;
  if (first === "institutions") return name === undefined ? <OfSources page="institutions" /> : <Missing />;
  return first === "sources" ? <OfSources page="sources" name={name} tab={tab} /> : <Missing />;
}

interface Props {
  page: "institutions" | "sources";
  name?: string | undefined;
  tab?: string | undefined;
}

function OfSources({ page, name, tab }: Props) {
  const sources = useLoad("sources", (signal) => road.sources(signal));
  return (
    <Loaded of={sources} rows={8}>
      {({ sources: list }) =>
        page === "institutions" || list.length === 0 ? (
          <Institutions sources={list} />
        ) : (
          <SourcePages sources={list} name={name ?? list[0]?.name ?? ""} tab={tab} masked />
        )
      }
    </Loaded>
  );
}
