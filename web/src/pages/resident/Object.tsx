/** 有异议: a resident says that a record is wrong; the institution that sent it answers. */

import { createContext, use, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

import type { ApiError } from "../../api/error.ts";
import { resident } from "../../api/resident.ts";
import type { Line } from "../../api/types.ts";
import { day } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { TextArea } from "../../parts/Field.tsx";
import { Trouble } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { asApiError } from "../../shell/useLoad.ts";

const TEXT_MIN = 5;

const OpenObjection = createContext<(about: Line) => void>(() => undefined);

/** Gives every line inside it the way to an objection. */
export function ObjectionProvider({ person, children }: { person: string; children: ReactNode }) {
  const [about, setAbout] = useState<Line>();
  const open = useMemo(() => (line: Line) => setAbout(line), []);
  return (
    <OpenObjection value={open}>
      {children}
      {about && (
        <Dialog key={`${about.type}/${about.id}`} person={person} about={about} onClose={() => setAbout(undefined)} />
      )}
    </OpenObjection>
  );
}

/** The small button at the end of a record. */
export function ObjectButton({ about }: { about: Line }) {
  const speak = useSpeak();
  const open = use(OpenObjection);
  return (
    <button
      type="button"
      className="object-button"
      aria-label={speak("object.to", { title: about.title ?? "" })}
      onClick={() => open(about)}
    >
      {speak("object.open")}
    </button>
  );
}

/** The browser's own dialog: it keeps the focus inside and closes by Escape. */
function Dialog({ person, about, onClose }: { person: string; about: Line; onClose: () => void }) {
  const speak = useSpeak();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [state, setState] = useState<"writing" | "sending" | "sent">("writing");
  const [error, setError] = useState<ApiError>();
  const short = text.trim().length < TEXT_MIN;

  useEffect(() => dialog.current?.showModal(), []);

  const send = async (): Promise<void> => {
    setState("sending");
    setError(undefined);
    try {
      await resident.object(person, { type: about.type, id: about.id, text: text.trim() });
      setState("sent");
    } catch (cause) {
      setError(asApiError(cause));
      setState("writing");
    }
  };

  return (
    <dialog ref={dialog} className="sheet" aria-labelledby="object-title" onClose={onClose}>
      <h2 id="object-title">{speak("object.title")}</h2>
      <p className="sheet-about">
        <strong>{about.title}</strong>
        {[speak.code("type", about.type), day(about.date), about.institution_name].filter(Boolean).join(" · ")}
      </p>
      {state === "sent" ? (
        <>
          <p className="notice" role="status">
            {speak("object.sent")}
          </p>
          <p className="button-row end">
            <a className="button" href="#/objections" onClick={onClose}>
              {speak("object.see")}
            </a>
            <Button kind="primary" onClick={() => dialog.current?.close()}>
              {speak("close")}
            </Button>
          </p>
        </>
      ) : (
        <>
          {error && <Trouble error={error} />}
          <TextArea
            label={speak("object.text")}
            hint={speak("object.text.hint")}
            value={text}
            onChange={setText}
            rows={4}
          />
          <p className="button-row end">
            <Button onClick={() => dialog.current?.close()}>{speak("cancel")}</Button>
            <Button kind="primary" disabled={short} busy={state === "sending"} onClick={() => void send()}>
              {speak("object.submit")}
            </Button>
          </p>
        </>
      )}
    </dialog>
  );
}
