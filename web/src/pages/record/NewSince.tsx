/** What came since the last visit at the reader's own institution: the first thing to read at the next one. */

import type { Summary } from "../../api/types.ts";
import { day } from "../../format/date.ts";
import { Folded } from "../../parts/Folded.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { SourceButton } from "../../parts/Source.tsx";
import { useSpeak } from "../../shell/context.ts";
import { detailOf, groupName } from "./entries.ts";
import { EntryTag } from "./EntryTag.tsx";

const SHOWN = 5;

export function NewSince({ news }: { news: NonNullable<Summary["new_since"]> }) {
  const speak = useSpeak();
  const { since, entries } = news;
  return (
    <Panel
      title={speak("news.title", { date: day(since) })}
      note={entries.length > 0 ? speak("list.shown", { n: entries.length }) : null}
      className="news"
    >
      {entries.length === 0 ? (
        <p className="part-none">{speak("news.none")}</p>
      ) : (
        <ul className="news-list">
          <Folded
            items={entries}
            shown={SHOWN}
            openLabel={speak("show.all", { n: entries.length })}
            closeLabel={speak("show.fewer")}
            render={(entry) => (
              <li className="news-line" key={`${entry.type}/${entry.id}`}>
                <time className="figures line-date">{day(entry.date)}</time>
                <span className="group-name">{groupName(entry, speak)}</span>
                <span className="news-text">
                  <span className="entry-title">{entry.title?.trim() || `${entry.type}/${entry.id}`}</span>
                  <span className="entry-detail">{detailOf(entry, speak)}</span>
                  <EntryTag entry={entry} />
                </span>
                <span className="panel-note">{entry.institution_name}</span>
                <SourceButton type={entry.type} id={entry.id} title={entry.title ?? entry.id} />
              </li>
            )}
          />
        </ul>
      )}
      {news.truncated && <p className="cut-off">{speak("news.cut", { n: entries.length })}</p>}
    </Panel>
  );
}
