/** 查看原文: what the institution sent, beside the same for people, the line marked; and the resource that it became. */

import { Drawer, Segmented } from "antd";
import { useMemo, useState } from "react";

import { api, type Purpose } from "../api/client.ts";
import type { Origin } from "../api/types.ts";
import { second } from "../format/date.ts";
import { asText, layOut, metaOf } from "../format/json.ts";
import { linesOf, markedLines, namedValues } from "../format/origin.ts";
import { useSpeak } from "../shell/context.ts";
import { useLoad } from "../shell/useLoad.ts";
import { Button } from "./Button.tsx";
import type { SourceOf } from "./Source.tsx";
import { TextLines } from "./TextLines.tsx";
import { Lines, Nothing, Trouble } from "./Waiting.tsx";

interface Props {
  source: SourceOf;
  purpose: Purpose | undefined;
  open: boolean;
  onClose: () => void;
}

type View = "origin" | "stored";

/** Every opening asks the server again, and is logged by it. */
export default function SourceDrawer({ source, purpose, open, onClose }: Props) {
  const speak = useSpeak();
  return (
    <Drawer
      open={open}
      onClose={onClose}
      size="min(1080px, 100vw)"
      rootClassName="source-drawer"
      title={
        <div className="source-title">
          <span>{speak("source.title")}</span>
          <span className="source-title-of">{source.title}</span>
        </div>
      }
      closable={{ "aria-label": speak("close") }}
      destroyOnHidden
    >
      <Body key={`${source.type}/${source.id}`} source={source} purpose={purpose} />
    </Drawer>
  );
}

interface BodyProps {
  source: SourceOf;
  purpose: Purpose | undefined;
}

function Body({ source, purpose }: BodyProps) {
  const speak = useSpeak();
  const [chosen, setChosen] = useState<View>("origin");
  const origin = useLoad(`${source.type}/${source.id}`, (signal) =>
    api.origin(source.type, source.id, purpose, signal),
  );
  // What did not come in a message has no other original than what is stored. Whether that is so is known when it can be read: what
  // the reader may not see is not found either.
  const hasNone = origin.error?.status === 404;
  const view = hasNone ? "stored" : chosen;
  return (
    <>
      {!hasNone && (
        <Segmented<View>
          aria-label={speak("source.view")}
          value={chosen}
          onChange={setChosen}
          options={[
            { value: "origin", label: speak("source.as.sent") },
            { value: "stored", label: speak("source.as.stored") },
          ]}
        />
      )}
      {view === "stored" ? (
        <Stored source={source} purpose={purpose} note={hasNone ? speak("source.no.message") : undefined} />
      ) : origin.error ? (
        <Trouble error={origin.error} retry={origin.reload} />
      ) : origin.value ? (
        <Sent origin={origin.value} />
      ) : (
        <Lines rows={12} />
      )}
    </>
  );
}

/** The message on one side, the same for people on the other. */
function Sent({ origin }: { origin: Origin }) {
  const speak = useSpeak();
  const lines = useMemo(() => linesOf(origin), [origin]);
  const marked = useMemo(() => markedLines(origin, lines), [origin, lines]);
  const values = useMemo(() => namedValues(origin, lines, marked), [origin, lines, marked]);
  const form = origin.form ?? "";
  return (
    <>
      <p className="source-head">
        <span>{speak.code("form", form)}</span>
        <code className="source-id">{origin.path}</code>
        <span>{speak(origin.is_whole ? "source.whole" : "source.part")}</span>
      </p>
      <div className="sent">
        <section className="sent-side">
          <h3>{speak("source.readable")}</h3>
          {origin.html ? (
            <iframe className="rendering" sandbox="" srcDoc={origin.html} title={speak("source.readable")} />
          ) : values.length > 0 ? (
            <dl className="named-values">
              {values.map(({ name, value }, at) => (
                <div key={at}>
                  <dt>
                    <code>{name}</code>
                  </dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          ) : (
            <Nothing title={speak("source.readable.none")} />
          )}
        </section>
        <section className="sent-side">
          <h3>{speak("source.text")}</h3>
          <TextLines lines={lines} marked={marked} label={speak("source.text")} />
        </section>
      </div>
    </>
  );
}

/** The stored resource, byte for byte. */
function Stored({ source, purpose, note }: BodyProps & { note: string | undefined }) {
  const speak = useSpeak();
  const { value, error, reload } = useLoad(`${source.type}/${source.id}`, (signal) =>
    api.source(source.type, source.id, purpose, signal),
  );
  const lines = useMemo(() => (value === undefined ? [] : layOut(value)), [value]);
  const meta = useMemo(() => metaOf(value ?? ""), [value]);

  if (error) return <Trouble error={error} retry={reload} />;
  if (value === undefined) return <Lines rows={12} />;
  return (
    <>
      {note && <p className="page-note">{note}</p>}
      <div className="source-head">
        <code className="source-id">{`${source.type}/${source.id}`}</code>
        <span>
          {[
            meta.version && speak("source.version", { version: meta.version }),
            meta.updated && speak("source.updated", { time: second(meta.updated) }),
            speak("source.lines", { n: lines.length }),
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
        <CopyButton text={() => asText(lines)} />
      </div>
      <pre className="source-json" tabIndex={0} aria-label={source.title}>
        {lines.map((line, at) => (
          <div className="source-line" key={at}>
            {"  ".repeat(line.depth)}
            {line.tokens.map((token, position) => (
              <span className={`json-${token.kind}`} key={position}>
                {token.text}
              </span>
            ))}
          </div>
        ))}
      </pre>
    </>
  );
}

function CopyButton({ text }: { text: () => string }) {
  const speak = useSpeak();
  const [state, setState] = useState<"ready" | "copied" | "failed">("ready");
  // The clipboard exists only on HTTPS and on the machine itself.
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text());
      setState("copied");
    } catch {
      setState("failed");
    }
  };
  return (
    <span className="source-copy" role="status">
      {state === "failed" && <span>{speak("source.copy.failed")}</span>}
      <Button small onClick={() => void copy()}>
        {speak(state === "copied" ? "source.copied" : "source.copy")}
      </Button>
    </span>
  );
}
