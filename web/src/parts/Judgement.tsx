/** A yes or no with its reason: an objection answered, an emergency reviewed. Without a reason neither can be chosen. */

import { useState } from "react";

import type { ApiError } from "../api/error.ts";
import { asApiError } from "../shell/useLoad.ts";
import { Button } from "./Button.tsx";
import { TextArea } from "./Field.tsx";
import { Trouble } from "./Waiting.tsx";

/** The shortest reason that says something. */
const REASON_MIN = 4;

interface Props<Status extends string> {
  label: string;
  hint: string;
  /** What can be chosen, the usual one first. */
  choices: readonly { status: Status; label: string }[];
  send: (status: Status, reason: string) => Promise<unknown>;
  onDone: () => void;
}

export function Judgement<Status extends string>({ label, hint, choices, send, onDone }: Props<Status>) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState<Status>();
  const [error, setError] = useState<ApiError>();
  const short = reason.trim().length < REASON_MIN;
  const choose = async (status: Status): Promise<void> => {
    setBusy(status);
    setError(undefined);
    try {
      await send(status, reason.trim());
      onDone();
    } catch (cause) {
      setError(asApiError(cause));
      setBusy(undefined);
    }
  };
  return (
    <div className="answer">
      {error && <Trouble error={error} />}
      <TextArea label={label} hint={hint} value={reason} onChange={setReason} rows={2} />
      <p className="button-row">
        {choices.map((choice, at) => (
          <Button
            key={choice.status}
            {...(at === 0 ? { kind: "primary" as const } : {})}
            small
            disabled={short || busy !== undefined}
            busy={busy === choice.status}
            onClick={() => void choose(choice.status)}
          >
            {choice.label}
          </Button>
        ))}
      </p>
    </div>
  );
}
