/** A record that the reader has no reason to open: what would be a reason, and the way that remains. */

import { useState } from "react";

import type { ApiError } from "../../api/error.ts";
import { Button } from "../../parts/Button.tsx";
import { useSpeak } from "../../shell/context.ts";
import { Emergency } from "./Emergency.tsx";

interface Props {
  person: string;
  error: ApiError;
  onGranted: () => void;
}

export function NoGround({ person, error, onGranted }: Props) {
  const speak = useSpeak();
  const [asking, setAsking] = useState(false);
  return (
    <div className="page narrow">
      <section className="panel padded stack" aria-labelledby="no-ground">
        <h1 className="page-title" id="no-ground">
          {speak("ground.none")}
        </h1>
        <p>{speak("ground.none.lead")}</p>
        <ul className="grounds">
          <li>{speak("ground.none.visit")}</li>
          <li>{speak("ground.none.contract")}</li>
          <li>{speak("ground.none.emergency")}</li>
        </ul>
        <p className="button-row">
          <Button kind="danger" onClick={() => setAsking(true)}>
            {speak("emergency.open")}
          </Button>
          <a className="button" href="#/">
            {speak("page.missing.back")}
          </a>
        </p>
        <p className="page-note">{speak("error.code", { code: error.rule ?? error.code })}</p>
      </section>
      {asking && <Emergency person={person} onClose={() => setAsking(false)} onGranted={onGranted} />}
    </div>
  );
}
