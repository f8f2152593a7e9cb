/** The message as it was sent, decoded, with the lines marked that an issue is about. */

import { Drawer } from "antd";
import { useMemo } from "react";

import { road, type Receipt } from "../../api/road.ts";
import { TextLines } from "../../parts/TextLines.tsx";
import { Loaded } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { useLoad } from "../../shell/useLoad.ts";
import { sizeText } from "./words.ts";

interface Props {
  source: string;
  receipt: string | undefined;
  lines: readonly number[];
  onClose: () => void;
}

export default function OriginalDrawer({ source, receipt, lines, onClose }: Props) {
  const speak = useSpeak();
  return (
    <Drawer
      open={receipt !== undefined}
      onClose={onClose}
      size="min(860px, 100vw)"
      rootClassName="source-drawer"
      title={speak("original.title")}
      closable={{ "aria-label": speak("close") }}
      destroyOnHidden
    >
      {receipt && <Body key={receipt} source={source} receipt={receipt} lines={lines} />}
    </Drawer>
  );
}

interface Read {
  receipt: Receipt;
  lines: string[];
  size: number;
}

function Body({ source, receipt, lines }: { source: string; receipt: string; lines: readonly number[] }) {
  const speak = useSpeak();
  const load = useLoad<Read>(`${source} ${receipt}`, async (signal) => {
    const about = await road.receipt(source, receipt, signal);
    const body = await road.original(source, receipt, signal);
    return { receipt: about, lines: decoded(body, about.encoding).split(/\r\n|\r|\n/), size: body.byteLength };
  });
  const marked = useMemo(() => new Set(lines), [lines]);
  return (
    <Loaded of={load} rows={12}>
      {({ receipt: about, lines: text, size }) => (
        <>
          <p className="source-head">{[about.name, sizeText(size), about.encoding].filter(Boolean).join(" · ")}</p>
          <p className="page-note">{speak("original.logged")}</p>
          <TextLines lines={text} marked={marked} label={speak("original.title")} />
        </>
      )}
    </Loaded>
  );
}

/** Decoded as the reader decoded it; an encoding that this browser does not know is read as UTF-8. */
export function decoded(body: ArrayBuffer, encoding: string): string {
  try {
    return new TextDecoder(encoding || "utf-8").decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}
