/** Roles whose work is done at the command line: what they may do, and where. */

import { useSession, useSpeak } from "../shell/context.ts";
import { Frame } from "../shell/Frame.tsx";
import type { WordKey } from "../words/index.ts";

const WORDS: Readonly<Record<string, WordKey>> = {
  "system-administrator": "other.system",
  "security-administrator": "other.security",
  machine: "other.machine",
};

export default function Other() {
  const speak = useSpeak();
  const account = useSession()?.account;
  return (
    <Frame>
      <div className="page narrow">
        <h1 className="page-title">{speak.code("role", account?.role)}</h1>
        <p className="page-lead">{speak(WORDS[account?.role ?? ""] ?? "other.unknown")}</p>
        <p className="page-lead">{speak("other.records")}</p>
      </div>
    </Frame>
  );
}
