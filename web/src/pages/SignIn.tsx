import { useState, type FormEvent } from "react";

import { api } from "../api/client.ts";
import type { ApiError } from "../api/error.ts";
import { session } from "../api/session.ts";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { Trouble } from "../parts/Waiting.tsx";
import { useSpeak } from "../shell/context.ts";
import { asApiError } from "../shell/useLoad.ts";
import type { Speak } from "../words/index.ts";

export function SignIn() {
  const speak = useSpeak();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setTried(true);
    setError(undefined);
    if (name.trim() === "" || password === "") return;
    setBusy(true);
    try {
      session.begin(await api.signIn(name.trim(), password));
    } catch (cause) {
      setPassword("");
      setTried(false);
      setError(asApiError(cause));
      setBusy(false);
    }
  };

  return (
    <div className="sign-in">
      <form className="panel sign-in-panel" onSubmit={(event) => void submit(event)} noValidate>
        <h1>{speak("signin.title")}</h1>
        {session.endedByServer() && !error && (
          <p className="notice" role="status">
            {speak("signin.ended")}
          </p>
        )}
        {error && <Trouble error={error} sentence={sentenceFor(error, speak)} />}
        <Field
          label={speak("signin.name")}
          value={name}
          onChange={setName}
          error={tried && name.trim() === "" ? speak("signin.name.missing") : undefined}
          input={{
            autoComplete: "username",
            autoCapitalize: "none",
            spellCheck: false,
            autoFocus: true,
          }}
        />
        <Field
          label={speak("signin.password")}
          value={password}
          onChange={setPassword}
          error={tried && password === "" ? speak("signin.password.missing") : undefined}
          input={{ autoComplete: "current-password" }}
          password
        />
        <Button kind="primary" type="submit" busy={busy}>
          {speak("signin.submit")}
        </Button>
        <p className="sign-in-notice">{speak("signin.notice")}</p>
      </form>
    </div>
  );
}

/** On this page “sign in first” would be no help: it was tried. */
function sentenceFor(error: ApiError, speak: Speak): string | undefined {
  if (error.status === 401) return speak("signin.wrong");
  return error.status === 403 ? speak("signin.locked") : undefined;
}
