/** The lists of the day, each with how many it names: what the doctor should do first. */

import { care, type RuleList } from "../../api/care.ts";
import { Loaded } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { href } from "../../shell/route.ts";
import { useLoad } from "../../shell/useLoad.ts";
import type { Speak } from "../../words/index.ts";

export function titleOfList(list: RuleList, speak: Speak): string {
  return speak.language === "zh" ? list.title_zh : list.title_en;
}

export function ruleOfList(list: RuleList, speak: Speak): string {
  return speak.language === "zh" ? list.rule_zh : list.rule_en;
}

export function ListCards() {
  const speak = useSpeak();
  const load = useLoad("lists", (signal) => care.lists(signal));
  return (
    <Loaded of={load} rows={2}>
      {({ lists }) =>
        lists.length === 0 ? null : (
          <ul className="list-cards">
            {lists.map((list) => (
              <li key={list.id}>
                <a className="list-card" href={href("lists", list.id)}>
                  <span className="list-card-title">{titleOfList(list, speak)}</span>
                  <span className="list-card-count figures">{list.count ?? speak("none.mark")}</span>
                  <span className="list-card-rule">{ruleOfList(list, speak)}</span>
                </a>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}
