/** 紧急调阅: opens a record without a ground. The reason is kept, the resident is told, the look is reviewed the next day. */

import { Modal } from "antd";
import { useState } from "react";

import { api } from "../../api/client.ts";
import type { ApiError } from "../../api/error.ts";
import { Button } from "../../parts/Button.tsx";
import { TextArea } from "../../parts/Field.tsx";
import { Trouble } from "../../parts/Waiting.tsx";
import { useSpeak } from "../../shell/context.ts";
import { asApiError } from "../../shell/useLoad.ts";

const REASONS = ["unconscious", "emergency-treatment", "consultation", "other"] as const;
/** As many as the server asks for. */
const REASON_MIN = 5;

interface Props {
  person: string;
  /** How the person is named where the reader met them. */
  name?: string | undefined;
  onClose: () => void;
  onGranted: () => void;
}

export function Emergency({ person, name, onClose, onGranted }: Props) {
  const speak = useSpeak();
  const [code, setCode] = useState<string>();
  const [text, setText] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const short = text.trim().length < REASON_MIN;

  const ask = async (): Promise<void> => {
    setTried(true);
    if (!code || short) return;
    setBusy(true);
    setError(undefined);
    try {
      await api.emergency(person, { reason_code: code, reason: text.trim() });
      onGranted();
    } catch (cause) {
      setError(asApiError(cause));
      setBusy(false);
    }
  };

  return (
    <Modal
      open
      title={name ? speak("emergency.title.of", { name }) : speak("emergency.title")}
      onCancel={onClose}
      footer={null}
      closable={{ "aria-label": speak("close") }}
      width={560}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <p className="warning">{speak("emergency.warning")}</p>
        {error && <Trouble error={error} />}
        <fieldset className="choices">
          <legend>{speak("emergency.reason.code")}</legend>
          {REASONS.map((reason) => (
            <label key={reason} className="check">
              <input
                type="radio"
                name="reason"
                value={reason}
                checked={code === reason}
                onChange={() => setCode(reason)}
              />
              {speak.code("emergency-reason", reason)}
            </label>
          ))}
          {tried && !code && <p className="field-note field-error">{speak("emergency.reason.code.missing")}</p>}
        </fieldset>
        <TextArea
          label={speak("emergency.reason")}
          hint={speak("emergency.reason.hint")}
          error={tried && short ? speak("emergency.reason.hint") : undefined}
          value={text}
          onChange={setText}
        />
        <p className="button-row end">
          <Button onClick={onClose}>{speak("cancel")}</Button>
          <Button kind="danger" type="submit" busy={busy}>
            {speak("emergency.submit")}
          </Button>
        </p>
      </form>
    </Modal>
  );
}
