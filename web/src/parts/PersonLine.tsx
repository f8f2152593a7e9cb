/** How a person is named wherever one appears. */

import type { Identifier, Person } from "../api/types.ts";
import { ageOfPerson } from "../format/age.ts";
import { day } from "../format/date.ts";
import { useSpeak } from "../shell/context.ts";
import type { Speak } from "../words/index.ts";

export function nameOf(person: Person, speak: Speak): string {
  return person.name?.trim() || speak("person.no.name");
}

/** Today where the platform runs. */
export function today(): string {
  return day(Date.now());
}

/** Sex, age, birth date: the three facts that tell namesakes apart. */
export function PersonFacts({ person }: { person: Person }) {
  const speak = useSpeak();
  const age = ageOfPerson(person, today(), speak);
  return (
    <span className="person-facts">
      <span>{speak.code("gender", person.gender)}</span>
      {age && <span>{age}</span>}
      <span className="figures">
        {person.birth_date ? day(person.birth_date) : `${speak("person.birth")} ${speak("unknown")}`}
      </span>
      {person.deceased && (
        <span className="person-deceased">
          {typeof person.deceased === "string"
            ? speak("person.deceased.on", { date: day(person.deceased) })
            : speak("person.deceased")}
        </span>
      )}
    </span>
  );
}

/** Masked identifiers; what each one is stands in the title, because systems are long addresses. */
export function Identifiers({ person, limit }: { person: Person; limit: number }) {
  const all = person.identifiers ?? [];
  return (
    <span className="identifiers">
      {all.slice(0, limit).map((identifier, at) => (
        <span className="identifier" key={at} title={identifier.system ?? undefined}>
          {nameOfIdentifier(identifier) && <span className="identifier-name">{nameOfIdentifier(identifier)}</span>}
          <span className="figures">{shortened(identifier.masked)}</span>
        </span>
      ))}
      {all.length > limit && <span className="identifier-more">{`+${all.length - limit}`}</span>}
    </span>
  );
}

/** A long row of stars says nothing: of machine-made identifiers only the ends are shown. An 18-digit number keeps its length. */
export function shortened(masked: string): string {
  return masked.replace(/\*{12,}/, "…");
}

/** What the source calls it, else the last readable part of its system's address: `http://hl7.org/fhir/sid/us-ssn` is `us-ssn`. */
export function nameOfIdentifier({ type, system }: Identifier): string {
  if (type) return type;
  if (!system || system.startsWith("urn:oid:") || system.startsWith("urn:uuid:")) return "";
  return (
    system
      .replace(/[/#]+$/, "")
      .split(/[/#]/)
      .pop() ?? ""
  );
}
