/** 字典对照: codes and units of the source that no map knows. */

import { road, type Unmapped as Item } from "../../api/road.ts";
import { minute } from "../../format/date.ts";
import { DataTable } from "../../parts/DataTable.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { titleOfRule } from "./words.ts";

export function Unmapped({ source }: { source: string }) {
  const speak = useSpeak();
  const load = useLoad(`unmapped ${source}`, (signal) => road.unmapped(source, signal));
  const list = load.value?.unmapped;
  return (
    <Panel title={speak("road.unmapped")} note={list ? speak("list.shown", { n: list.length }) : null}>
      <Loaded of={load}>
        {({ unmapped, truncated }) =>
          unmapped.length === 0 ? (
            <Nothing title={speak("unmapped.none")} />
          ) : (
            <>
              <DataTable<Item>
                label={speak("road.unmapped")}
                rows={unmapped}
                rowKey={(item) => `${item.rule} ${item.found}`}
                columns={[
                  { key: "found", title: speak("unmapped.found"), cell: (item) => <code>{item.found}</code> },
                  { key: "rule", title: speak("unmapped.rule"), cell: (item) => titleOfRule(item.rule, speak) },
                  {
                    key: "hint",
                    title: speak("issue.hint"),
                    cell: (item) => <span lang="zh-CN">{item.hint ?? speak("none.mark")}</span>,
                  },
                  {
                    key: "first",
                    title: speak("unmapped.first"),
                    tight: true,
                    cell: (item) => minute(item.first_seen_ms),
                  },
                ]}
              />
              {truncated && <p className="cut-off">{speak("list.cut", { n: unmapped.length })}</p>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
