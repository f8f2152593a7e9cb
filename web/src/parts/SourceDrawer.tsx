import { Drawer } from "antd";
import { useMemo, useState } from "react";

import { api } from "../api/client.ts";
import { second } from "../format/date.ts";
import { asText, layOut, metaOf } from "../format/json.ts";
import { useSpeak } from "../shell/context.ts";
import { useLoad } from "../shell/useLoad.ts";
import { Button } from "./Button.tsx";
import type { SourceOf } from "./Source.tsx";
import { Lines, Trouble } from "./Waiting.tsx";

interface Props {
  source: SourceOf;
  open: boolean;
  onClose: () => void;
}

/** The stored resource as it is, opened beside the record. Every opening asks the server again, and is logged by it. */
export default function SourceDrawer({ source, open, onClose }: Props) {
  const speak = useSpeak();
  return (
    <Drawer
      open={open}
      onClose={onClose}
      size="min(720px, 100vw)"
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
      <Body key={`${source.type}/${source.id}`} source={source} />
    </Drawer>
  );
}

function Body({ source }: { source: SourceOf }) {
  const speak = useSpeak();
  const { value, error, reload } = useLoad(`${source.type}/${source.id}`, (signal) =>
    api.source(source.type, source.id, signal),
  );
  const lines = useMemo(() => (value === undefined ? [] : layOut(value)), [value]);
  const meta = useMemo(() => metaOf(value ?? ""), [value]);

  if (error) return <Trouble error={error} retry={reload} />;
  if (value === undefined) return <Lines rows={12} />;
  return (
    <>
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
