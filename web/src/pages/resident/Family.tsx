/** 家庭成员: whose records the account may see, and which of them the pages show. */

import type { Mine } from "../../api/resident.ts";
import { day } from "../../format/date.ts";
import { nameOf, PersonFacts } from "../../parts/PersonLine.tsx";
import { useSpeak } from "../../shell/context.ts";

interface Props {
  persons: readonly Mine[];
  chosen: string;
  onChoose: (person: string) => void;
}

export function Family({ persons, chosen, onChoose }: Props) {
  const speak = useSpeak();
  return (
    <>
      <h1 className="resident-title">{speak("resident.family")}</h1>
      <p className="resident-lead">{speak("resident.family.lead")}</p>
      <ul className="card">
        {persons.map(({ person, relation, until }) => (
          <li key={person.id}>
            <button
              type="button"
              className="family-row"
              aria-pressed={person.id === chosen}
              onClick={() => onChoose(person.id)}
            >
              <span className="row-main">
                <span className="row-title">
                  {nameOf(person, speak)}
                  <span className="tag">{speak.code("relation", relation)}</span>
                </span>
                <PersonFacts person={person} />
                {until && <span className="row-more">{speak("resident.family.until", { date: day(until) })}</span>}
              </span>
              {person.id === chosen && <span className="tag tag-note">{speak("resident.family.shown")}</span>}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
