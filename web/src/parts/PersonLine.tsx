/** How a person is named wherever one appears. */

import type { Identifier, Person } from "../api/types.ts";
import { ageOfPerson } from "../format/age.ts";
import { day } from "../format/date.ts";
import { useSpeak } from "../shell/context.ts";
import type { Speak, WordKey } from "../words/index.ts";

export function nameOf(person: Person, speak: Speak): string {
  return person.name?.trim() || speak("person.no.name");
}

/** The institutions that know the person: their names by their codes. */
export function institutionNames(person: Person): ReadonlyMap<string, string> {
  const known = (person.registrations ?? []).map((one) => [one.institution ?? "", one.institution_name ?? ""] as const);
  return new Map(known.filter(([, name]) => name !== ""));
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

/** Masked identifiers, papers before numbers of institutions; the system stands in the title. */
export function Identifiers({ person, limit }: { person: Person; limit: number }) {
  const speak = useSpeak();
  const all = papersFirst(person.identifiers ?? []);
  return (
    <span className="identifiers">
      {all.slice(0, limit).map((identifier, at) => (
        <span className="identifier" key={at} title={identifier.system ?? undefined}>
          <IdentifierName name={nameOfIdentifier(identifier, speak)} />
          <span className="figures">{shortened(identifier.masked)}</span>
        </span>
      ))}
      {all.length > limit && <span className="identifier-more">{`+${all.length - limit}`}</span>}
    </span>
  );
}

function IdentifierName({ name }: { name: string }) {
  return name ? <span className="identifier-name">{name}</span> : null;
}

/** The number of an institution says least: whoever knows it, knows it from there. */
export function papersFirst(identifiers: readonly Identifier[]): Identifier[] {
  const rank = ({ system }: Identifier): number => (system?.startsWith("urn:kangmai:institution:") ? 1 : 0);
  return [...identifiers].sort((left, right) => rank(left) - rank(right));
}

/** A long row of stars says nothing: of machine-made identifiers only the ends are shown. An 18-digit number keeps its length. */
export function shortened(masked: string): string {
  return masked.replace(/\*{12,}/, "…");
}

/** The systems that the platform names itself, by the last part of a key in the dictionary. */
const SYSTEMS: readonly [RegExp, WordKey][] = [
  [/^urn:oid:2\.16\.156\.10011\.1\.3$/, "identifier.resident"],
  [/^urn:oid:2\.16\.156\.10011\.1\.19$/, "identifier.card"],
  [/^urn:oid:2\.16\.156\.10011\.1\.2$/, "identifier.record"],
  [/^urn:kangmai:document:/, "identifier.document"],
  [/^urn:kangmai:institution:[^:]*:patient$/, "identifier.patient"],
  [/^urn:kangmai:institution:/, "identifier.card.local"],
];

/** What the source calls it, else our word, else the last readable part of its system's address: `…/sid/us-ssn` is `us-ssn`. */
export function nameOfIdentifier({ type, system }: Identifier, speak: Speak): string {
  if (type) return type;
  const known = SYSTEMS.find(([pattern]) => pattern.test(system ?? ""));
  if (known) return speak(known[1]);
  if (!system || system.startsWith("urn:")) return "";
  return (
    system
      .replace(/[/#]+$/, "")
      .split(/[/#]/)
      .pop() ?? ""
  );
}
