/** Finding registrations by a name or a whole number, masked; what is chosen among them is merged or split off. */

import { useEffect, useRef, useState, type FormEvent } from "react";

import { identity, type Decided, type FoundIdentity, type Registered } from "../../api/identity.ts";
import type { ApiError } from "../../api/error.ts";
import type { PersonSearch } from "../../api/types.ts";
import { readTypedDate } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { DataTable } from "../../parts/DataTable.tsx";
import { Field } from "../../parts/Field.tsx";
import { Judgement } from "../../parts/Judgement.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { papersFirst } from "../../parts/PersonLine.tsx";
import { Nothing, Trouble } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { asApiError } from "../../shell/useLoad.ts";
import { actOf } from "./chosen.ts";

interface Answer {
  search: PersonSearch;
  persons: readonly FoundIdentity[];
  truncated: boolean;
}

export function Find() {
  const speak = useSpeak();
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [done, setDone] = useState<Decided>();
  const asked = useRef<AbortController>(undefined);
  useEffect(() => () => asked.current?.abort(), []);

  const find = async (search: PersonSearch): Promise<void> => {
    asked.current?.abort();
    const stop = (asked.current = new AbortController());
    setBusy(true);
    setError(undefined);
    try {
      setAnswer({ search, ...(await identity.search(search, stop.signal)) });
      setChosen(new Set());
    } catch (cause) {
      if (stop.signal.aborted) return;
      setAnswer(undefined);
      setError(asApiError(cause));
    }
    setBusy(false);
  };

  return (
    <div className="page">
      <h1 className="page-title">{speak("identity.find")}</h1>
      <p className="page-lead">{speak("identity.find.lead")}</p>
      <Form
        busy={busy}
        onFind={(search) => {
          setDone(undefined);
          void find(search);
        }}
      />
      {done && (
        <p role="status" className="rule-box">
          {speak("identity.done", { n: Object.keys(done.persons).length })}
        </p>
      )}
      <div aria-live="polite">{error && <Trouble error={error} />}</div>
      {answer && !error && (
        <>
          <Found answer={answer} chosen={chosen} onChoose={setChosen} />
          {answer.persons.length > 0 && (
            <Act
              answer={answer}
              chosen={chosen}
              onDone={(decided) => {
                setDone(decided);
                void find(answer.search);
              }}
            />
          )}
        </>
      )}
    </div>
  );
}

const INPUT = { autoComplete: "off", spellCheck: false, maxLength: 100 } as const;

function Form({ busy, onFind }: { busy: boolean; onFind: (search: PersonSearch) => void }) {
  const speak = useSpeak();
  const [name, setName] = useState("");
  const [birth, setBirth] = useState("");
  const [identifier, setIdentifier] = useState("");
  const [tried, setTried] = useState(false);
  const day = birth.trim() === "" ? undefined : readTypedDate(birth);
  const birthBad = birth.trim() !== "" && day === undefined;
  const nothing = [name, birth, identifier].every((text) => text.trim() === "");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (nothing || birthBad) return;
    const number = identifier.trim().normalize("NFKC");
    onFind({
      ...(name.trim() && { name: name.trim() }),
      ...(day && { birth_date: day }),
      ...(number && { identifier: number }),
    });
  };
  return (
    <form className="panel find-form" role="search" onSubmit={submit} noValidate autoComplete="off">
      <Field
        label={speak("search.name")}
        hint={speak("search.name.hint")}
        error={tried && nothing ? speak("search.empty.form") : undefined}
        value={name}
        onChange={setName}
        input={INPUT}
      />
      <Field
        label={speak("search.birth")}
        hint={speak("search.birth.hint")}
        error={tried && birthBad ? speak("search.birth.bad") : undefined}
        value={birth}
        onChange={setBirth}
        input={INPUT}
      />
      <Field
        label={speak("search.identifier")}
        hint={speak("search.identifier.hint")}
        value={identifier}
        onChange={setIdentifier}
        input={INPUT}
      />
      <Button kind="primary" type="submit" busy={busy}>
        {speak("search.submit")}
      </Button>
    </form>
  );
}

interface FoundProps {
  answer: Answer;
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
}

function Found({ answer, chosen, onChoose }: FoundProps) {
  const speak = useSpeak();
  const { persons, truncated } = answer;
  if (persons.length === 0) return <Nothing title={speak("identity.find.none")} />;
  const m = persons.reduce((sum, person) => sum + person.registrations.length, 0);
  const toggle = (registration: string): void => {
    const next = new Set(chosen);
    if (!next.delete(registration)) next.add(registration);
    onChoose(next);
  };
  return (
    <>
      <p className={truncated ? "warning" : "panel-note"}>
        {truncated
          ? speak("identity.find.cut", { n: persons.length })
          : speak("identity.find.found", { n: persons.length, m })}
      </p>
      {persons.map(({ person, registrations }) => (
        <Panel
          key={person}
          className="found-identity"
          title={person}
          note={speak("identity.find.count", { n: registrations.length })}
        >
          <Registrations person={person} rows={registrations} chosen={chosen} onToggle={toggle} />
        </Panel>
      ))}
    </>
  );
}

interface RegistrationsProps {
  person: string;
  rows: readonly Registered[];
  chosen: ReadonlySet<string>;
  onToggle: (registration: string) => void;
}

function Registrations({ person, rows, chosen, onToggle }: RegistrationsProps) {
  const speak = useSpeak();
  const list = (texts: readonly string[]): string => texts.join(speak("comma")) || speak("none.mark");
  return (
    <DataTable<Registered>
      label={person}
      rows={rows}
      rowKey={(one) => one.registration}
      columns={[
        {
          key: "name",
          title: speak("identity.name"),
          cell: (one) => (
            <label className="check">
              <input
                type="checkbox"
                checked={chosen.has(one.registration)}
                onChange={() => onToggle(one.registration)}
                aria-label={speak("identity.find.choose", { name: `${list(one.names)} ${one.registration}` })}
              />
              {list(one.names)}
            </label>
          ),
        },
        { key: "sex", title: speak("identity.gender"), cell: (one) => speak.code("gender", one.gender) },
        {
          key: "birth",
          title: speak("identity.birth"),
          tight: true,
          cell: (one) => one.birth_date ?? speak("none.mark"),
        },
        {
          key: "papers",
          title: speak("identity.documents"),
          cell: (one) => list(papersFirst(one.identifiers).map((paper) => paper.masked)),
        },
        { key: "phone", title: speak("identity.phone"), cell: (one) => list(one.telecom) },
        { key: "address", title: speak("identity.address"), cell: (one) => list(one.address) },
        {
          key: "institution",
          title: speak("identity.institution"),
          cell: (one) => one.institution_name ?? one.institution ?? speak("none.mark"),
        },
      ]}
    />
  );
}

interface ActProps {
  answer: Answer;
  chosen: ReadonlySet<string>;
  onDone: (decided: Decided) => void;
}

/** What can be done with what is chosen: two persons are merged, a part of one is split off. */
function Act({ answer, chosen, onDone }: ActProps) {
  const speak = useSpeak();
  const act = actOf(answer.persons, chosen);
  const note = chosen.size > 0 ? speak("identity.find.chosen", { n: chosen.size }) : null;
  const title = act ? speak(act.kind === "merge" ? "identity.find.merge" : "identity.find.split") : undefined;
  return (
    <Panel title={title ?? speak("identity.kind")} note={note} className="act">
      <div className="padded">
        {act && title ? (
          <Judgement<"go">
            key={title}
            label={speak("identity.reason")}
            hint={speak("identity.reason.hint")}
            choices={[{ status: "go", label: title }]}
            send={async (_, reason) =>
              onDone(
                act.kind === "merge"
                  ? await identity.merge(act.persons, reason)
                  : await identity.split(act.person, act.registrations, reason),
              )
            }
            onDone={() => undefined}
          />
        ) : (
          <p className="panel-note">{speak("identity.find.hint")}</p>
        )}
      </div>
    </Panel>
  );
}
