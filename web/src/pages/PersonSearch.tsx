import { useEffect, useRef, useState, type FormEvent } from "react";

import { api } from "../api/client.ts";
import type { ApiError } from "../api/error.ts";
import { session } from "../api/session.ts";
import type { FoundPerson, PersonSearch as Search, PersonsFound } from "../api/types.ts";
import { readTypedDate } from "../format/date.ts";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { GroundTag } from "../parts/GroundTag.tsx";
import { Identifiers, nameOf, PersonFacts } from "../parts/PersonLine.tsx";
import { Lines, Nothing, Trouble } from "../parts/Waiting.tsx";
import { useSpeak } from "../shell/context.ts";
import { personHref } from "../shell/route.ts";
import { asApiError } from "../shell/useLoad.ts";
import { Emergency } from "./care/Emergency.tsx";

interface Form {
  name: string;
  birth: string;
  identifier: string;
}

const EMPTY: Form = { name: "", birth: "", identifier: "" };

/**
 * The last search of this session, so that coming back from a record does not mean searching again. It lives in memory
 * only, never holds the identifier, and goes when the session goes.
 */
let kept: { form: Form; found: PersonsFound | undefined } = { form: EMPTY, found: undefined };
session.subscribe(() => {
  if (session.get() === null) kept = { form: EMPTY, found: undefined };
});

export default function PersonSearch() {
  const speak = useSpeak();
  const [form, setForm] = useState<Form>(kept.form);
  const [found, setFound] = useState(kept.found);
  const [error, setError] = useState<ApiError>();
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const asked = useRef<AbortController>(undefined);

  useEffect(() => () => asked.current?.abort(), []);

  const birth = form.birth.trim() === "" ? undefined : readTypedDate(form.birth);
  const birthBad = form.birth.trim() !== "" && birth === undefined;
  const nothing = [form.name, form.birth, form.identifier].every((text) => text.trim() === "");

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setTried(true);
    if (nothing || birthBad) return;
    asked.current?.abort();
    const stop = (asked.current = new AbortController());
    setBusy(true);
    setError(undefined);
    try {
      const answer = await api.findPersons(searchOf(form, birth), stop.signal);
      kept = { form: { ...form, identifier: "" }, found: answer };
      setFound(answer);
    } catch (cause) {
      if (stop.signal.aborted) return;
      setFound(undefined);
      setError(asApiError(cause));
    }
    setBusy(false);
  };

  const clear = (): void => {
    asked.current?.abort();
    kept = { form: EMPTY, found: undefined };
    setForm(EMPTY);
    setFound(undefined);
    setError(undefined);
    setTried(false);
    setBusy(false);
  };

  return (
    <div className="page narrow">
      <h1 className="page-title">{speak("search.title")}</h1>
      <p className="page-lead">{speak("search.lead")}</p>
      <form
        className="panel search-form"
        role="search"
        onSubmit={(event) => void submit(event)}
        noValidate
        autoComplete="off"
      >
        <Field
          label={speak("search.name")}
          hint={speak("search.name.hint")}
          error={tried && nothing ? speak("search.empty.form") : undefined}
          value={form.name}
          onChange={(name) => setForm({ ...form, name })}
          input={{ autoFocus: true, autoComplete: "off", spellCheck: false, maxLength: 100 }}
        />
        <Field
          label={speak("search.birth")}
          hint={speak("search.birth.hint")}
          error={tried && birthBad ? speak("search.birth.bad") : undefined}
          value={form.birth}
          onChange={(text) => setForm({ ...form, birth: text })}
          input={{ inputMode: "numeric", autoComplete: "off", maxLength: 14 }}
        />
        <Field
          label={speak("search.identifier")}
          hint={speak("search.identifier.hint")}
          value={form.identifier}
          onChange={(identifier) => setForm({ ...form, identifier })}
          input={{ autoComplete: "off", spellCheck: false, maxLength: 100 }}
        />
        <div className="search-buttons">
          <Button kind="primary" type="submit" busy={busy}>
            {speak("search.submit")}
          </Button>
          <Button onClick={clear} disabled={nothing && !found}>
            {speak("search.clear")}
          </Button>
        </div>
      </form>
      <div aria-live="polite">
        {error ? (
          <Trouble error={error} />
        ) : busy ? (
          <div className="panel padded">
            <Lines rows={4} />
          </div>
        ) : (
          <Found found={found} />
        )}
      </div>
    </div>
  );
}

function searchOf(form: Form, birth: string | undefined): Search {
  const [name, identifier] = [form.name.trim(), form.identifier.trim().normalize("NFKC")];
  return { ...(name && { name }), ...(birth && { birth_date: birth }), ...(identifier && { identifier }) };
}

function Found({ found }: { found: PersonsFound | undefined }) {
  const speak = useSpeak();
  if (!found) return <Nothing title={speak("search.start")}>{speak("search.start.hint")}</Nothing>;
  const count = found.persons.length;
  if (count === 0) return <Nothing title={speak("search.none")}>{speak("search.none.hint")}</Nothing>;
  return (
    <>
      <p className={found.truncated ? "found-count found-truncated" : "found-count"}>
        {speak(found.truncated ? "search.truncated" : "search.found", { count })}
      </p>
      <ul className="panel person-list">
        {found.persons.map((person) => (
          <li key={person.id}>{person.masked ? <Closed person={person} /> : <Row person={person} />}</li>
        ))}
      </ul>
    </>
  );
}

function Row({ person }: { person: FoundPerson }) {
  const speak = useSpeak();
  return (
    <a
      className="person-row"
      href={personHref(person.id)}
      aria-label={speak("person.open", { name: nameOf(person, speak) })}
    >
      <span className="person-row-name">{nameOf(person, speak)}</span>
      <PersonFacts person={person} />
      <Identifiers person={person} limit={2} />
      <span className="person-row-address">
        {person.ground ? <GroundTag ground={person.ground} /> : person.address}
      </span>
    </a>
  );
}

/** Somebody whom the reader has no reason to look at: only so much as tells that it is them. */
function Closed({ person }: { person: FoundPerson }) {
  const speak = useSpeak();
  const [asking, setAsking] = useState(false);
  return (
    <div className="person-row person-row-closed">
      <span className="person-row-name">{nameOf(person, speak)}</span>
      <PersonFacts person={person} />
      <span className="person-row-address">{speak("ground.none.short")}</span>
      <span className="person-row-end">
        <Button small onClick={() => setAsking(true)}>
          {speak("emergency.open")}
        </Button>
      </span>
      {asking && (
        <Emergency
          person={person.id}
          name={nameOf(person, speak)}
          onClose={() => setAsking(false)}
          onGranted={() => (window.location.hash = personHref(person.id))}
        />
      )}
    </div>
  );
}
