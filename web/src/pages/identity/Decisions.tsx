/** Merge and split by hand, and everything that was decided, each of which can be taken back. */

import { useState, type ReactNode } from "react";

import { identity, type Decided, type Decision } from "../../api/identity.ts";
import { minute } from "../../format/date.ts";
import { Button } from "../../parts/Button.tsx";
import { DataTable } from "../../parts/DataTable.tsx";
import { Field, TextArea } from "../../parts/Field.tsx";
import { Judgement } from "../../parts/Judgement.tsx";
import { Panel } from "../../parts/Panel.tsx";
import { Loaded, Nothing } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { handlesOf } from "./compare.ts";

export function Decisions() {
  const speak = useSpeak();
  const load = useLoad("identity decisions", (signal) => identity.decisions(signal));
  return (
    <div className="page">
      <h1 className="page-title">{speak("identity.work")}</h1>
      <div className="two-forms">
        <Merge onDone={load.reload} />
        <Split onDone={load.reload} />
      </div>
      <Panel title={speak("identity.history")} note={load.value?.truncated ? speak("identity.history.cut") : null}>
        <Loaded of={load}>
          {({ decisions }) =>
            decisions.length === 0 ? (
              <Nothing title={speak("identity.history.none")} />
            ) : (
              <History decisions={decisions} onDone={load.reload} />
            )
          }
        </Loaded>
      </Panel>
    </div>
  );
}

function History({ decisions, onDone }: { decisions: readonly Decision[]; onDone: () => void }) {
  const speak = useSpeak();
  return (
    <DataTable<Decision>
      label={speak("identity.history")}
      rows={decisions}
      rowKey={(one) => one.id}
      columns={[
        { key: "at", title: speak("identity.at"), tight: true, cell: (one) => minute(one.at) },
        { key: "kind", title: speak("identity.kind"), cell: (one) => speak.code("decision", one.kind) },
        { key: "by", title: speak("identity.by"), cell: (one) => one.by },
        { key: "reason", title: speak("identity.reason"), cell: (one) => one.reason || speak("none.mark") },
        { key: "state", title: speak("identity.state"), cell: (one) => <State decision={one} onDone={onDone} /> },
      ]}
    />
  );
}

function State({ decision, onDone }: { decision: Decision; onDone: () => void }) {
  const speak = useSpeak();
  const [open, setOpen] = useState(false);
  if (decision.undone_by) return <span className="tag">{speak("identity.undone")}</span>;
  if (decision.kind === "undo") return <span className="zero">{speak("none.mark")}</span>;
  if (!open)
    return (
      <>
        {speak("identity.holds")}{" "}
        <Button small onClick={() => setOpen(true)}>
          {speak("identity.undo")}
        </Button>
      </>
    );
  return (
    <>
      <Judgement<"undo">
        label={speak("identity.reason")}
        hint={speak("identity.undo.hint")}
        choices={[{ status: "undo", label: speak("identity.undo") }]}
        send={(_, reason) => identity.undo(decision.id, reason)}
        onDone={() => {
          setOpen(false);
          onDone();
        }}
      />
      <p className="button-row">
        <Button small onClick={() => setOpen(false)}>
          {speak("identity.cancel")}
        </Button>
      </p>
    </>
  );
}

interface FormProps {
  title: "identity.merge" | "identity.split";
  lead: "identity.merge.lead" | "identity.split.lead";
  /** What the reason is sent with. */
  send: (reason: string) => Promise<Decided>;
  onDone: () => void;
  children: ReactNode;
}

/** What a form is about, then the reason with its button; afterwards how many persons it concerned. */
function Form({ title, lead, send, onDone, children }: FormProps) {
  const speak = useSpeak();
  const [done, setDone] = useState<Decided>();
  return (
    <Panel title={speak(title)}>
      <div className="padded form-stack">
        <p className="panel-note">{speak(lead)}</p>
        {children}
        <Judgement<"go">
          key={done?.decision.id ?? "first"}
          label={speak("identity.reason")}
          hint={speak("identity.reason.hint")}
          choices={[{ status: "go", label: speak(title) }]}
          send={async (_, reason) => setDone(await send(reason))}
          onDone={onDone}
        />
        {done && <p role="status">{speak("identity.done", { n: Object.keys(done.persons).length })}</p>}
      </div>
    </Panel>
  );
}

const INPUT = { autoComplete: "off", spellCheck: false, maxLength: 80 } as const;

/** The handle of a person, typed or pasted. */
function Handle({
  label,
  value,
  onChange,
}: {
  label: "identity.merge.one" | "identity.merge.other";
  value: string;
  onChange: (text: string) => void;
}) {
  const speak = useSpeak();
  return (
    <Field
      label={speak(label)}
      hint={speak("identity.handle.hint")}
      value={value}
      onChange={onChange}
      input={INPUT}
    />
  );
}

function Merge({ onDone }: { onDone: () => void }) {
  const [one, setOne] = useState("");
  const [other, setOther] = useState("");
  const first = (text: string): string => handlesOf(text, "Person")[0] ?? "";
  return (
    <Form
      title="identity.merge"
      lead="identity.merge.lead"
      send={(reason) => identity.merge([first(one), first(other)], reason)}
      onDone={onDone}
    >
      <Handle label="identity.merge.one" value={one} onChange={setOne} />
      <Handle label="identity.merge.other" value={other} onChange={setOther} />
    </Form>
  );
}

function Split({ onDone }: { onDone: () => void }) {
  const speak = useSpeak();
  const [person, setPerson] = useState("");
  const [registrations, setRegistrations] = useState("");
  return (
    <Form
      title="identity.split"
      lead="identity.split.lead"
      send={(reason) =>
        identity.split(handlesOf(person, "Person")[0] ?? "", handlesOf(registrations, "Patient"), reason)
      }
      onDone={onDone}
    >
      <Handle label="identity.merge.one" value={person} onChange={setPerson} />
      <TextArea
        label={speak("identity.registrations")}
        hint={speak("identity.registration.hint")}
        value={registrations}
        onChange={setRegistrations}
        rows={2}
      />
    </Form>
  );
}
