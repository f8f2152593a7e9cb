/** 患者登记: as which patients the institutions know this person. */

import type { Person } from "../../api/types.ts";
import { Panel } from "../../parts/Panel.tsx";
import { useSpeak } from "../../shell/context.ts";

export function Registrations({ person }: { person: Person }) {
  const speak = useSpeak();
  const registrations = person.registrations ?? [];
  if (registrations.length === 0) return null;
  return (
    <Panel title={speak("registrations.title")} note={registrations.length}>
      <ul className="lines">
        {registrations.map((registration) => (
          <li className="line" key={registration.id}>
            <span className="line-title">
              {registration.institution_name ?? registration.institution ?? speak("unknown")}
            </span>
            <code className="line-date">{registration.number_masked}</code>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
