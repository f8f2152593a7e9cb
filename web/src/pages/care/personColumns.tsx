/** Who a row is about: the columns that every list of persons begins with. */

import type { Person } from "../../api/types.ts";
import type { Column } from "../../parts/DataTable.tsx";
import { nameOf, PersonFacts } from "../../parts/PersonLine.tsx";
import { personHref } from "../../shell/route.ts";
import type { Speak } from "../../words/index.ts";

export function personColumns<Row extends { person: Person }>(speak: Speak): Column<Row>[] {
  return [
    {
      key: "person",
      title: speak("worklist.person"),
      cell: ({ person }) => (
        <a
          className="person-link"
          href={personHref(person.id)}
          aria-label={speak("person.open", { name: nameOf(person, speak) })}
        >
          {nameOf(person, speak)}
        </a>
      ),
    },
    { key: "facts", title: speak("worklist.facts"), cell: ({ person }) => <PersonFacts person={person} /> },
  ];
}
