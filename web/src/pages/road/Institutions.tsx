/** 接入机构: who is connected, by which ways. */

import type { Source } from "../../api/road.ts";
import { DataTable } from "../../parts/DataTable.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { href } from "../../shell/route.ts";
import { titleOfSource } from "./SourceFrame.tsx";

interface Institution {
  code: string;
  name: string;
  sources: Source[];
}

/** Sources under their institutions, by name. */
export function byInstitution(sources: readonly Source[]): Institution[] {
  const found = new Map<string, Institution>();
  for (const source of sources) {
    const code = source.institution ?? "";
    const known = found.get(code);
    if (known) known.sources.push(source);
    else found.set(code, { code, name: source.institution_name ?? code, sources: [source] });
  }
  return [...found.values()].sort((left, right) => left.name.localeCompare(right.name, "zh-CN"));
}

export function Institutions({ sources }: { sources: readonly Source[] }) {
  const speak = useSpeak();
  const institutions = byInstitution(sources);
  return (
    <div className="page wide">
      <h1 className="page-title">{speak("institutions.title")}</h1>
      <p className="page-lead">{speak("institutions.lead")}</p>
      <Panel title={speak("institutions.title")} note={speak("list.shown", { n: institutions.length })}>
        {institutions.length === 0 ? (
          <Nothing title={speak("operations.none")}>{speak("operations.none.hint")}</Nothing>
        ) : (
          <DataTable<Institution>
            label={speak("institutions.title")}
            rows={institutions}
            rowKey={(institution) => institution.code}
            columns={[
              { key: "name", title: speak("institutions.name"), cell: (one) => one.name || speak("unknown") },
              {
                key: "code",
                title: speak("institutions.code"),
                tight: true,
                cell: (one) => one.code || speak("unknown"),
              },
              {
                key: "sources",
                title: speak("institutions.sources"),
                cell: (one) => (
                  <ul className="plain-list">
                    {one.sources.map((source) => (
                      <li key={source.name}>
                        <a href={href("sources", source.name)}>{titleOfSource(source)}</a>
                        {source.is_enabled === false && <span className="tag">{speak("uploads.off")}</span>}
                      </li>
                    ))}
                  </ul>
                ),
              },
              {
                key: "ways",
                title: speak("institutions.ways"),
                cell: (one) => (
                  <ul className="plain-list">
                    {one.sources.map((source) => (
                      <li key={source.name}>
                        {source.listen
                          ? speak("uploads.by.mllp", { address: source.listen })
                          : source.folder
                            ? speak("uploads.by.folder")
                            : speak("uploads.by.http")}
                      </li>
                    ))}
                  </ul>
                ),
              },
            ]}
          />
        )}
      </Panel>
    </div>
  );
}
