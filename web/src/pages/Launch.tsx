/** Opens a record for a clinician whose own program vouches for them: the signature holds for a minute. */

import { useEffect, useState } from "react";

import { api } from "../api/client.ts";
import type { ApiError } from "../api/error.ts";
import { session } from "../api/session.ts";
import type { LaunchRequest } from "../launch.ts";
import { Lines, Trouble } from "../parts/Waiting.tsx";
import { setEmbedded } from "../shell/account.ts";
import { useSpeak } from "../shell/context.ts";
import { personHref, replacePage } from "../shell/route.ts";
import { asApiError } from "../shell/useLoad.ts";

interface Props {
  request: LaunchRequest;
  onDone: () => void;
}

/** A launch is good for one use: the effect of a strict rendering that runs twice must not send it twice. */
let sent: Promise<Awaited<ReturnType<typeof api.launch>>> | undefined;

export default function Launch({ request, onDone }: Props) {
  const speak = useSpeak();
  const [error, setError] = useState<ApiError>();

  useEffect(() => {
    let wanted = true;
    sent ??= api.launch(request);
    sent.then(
      ({ session: begun, person }) => {
        if (!wanted) return;
        setEmbedded(true);
        session.begin(begun);
        replacePage(personHref(person.id));
        onDone();
      },
      (cause: unknown) => wanted && setError(asApiError(cause)),
    );
    return () => {
      wanted = false;
    };
  }, [request, onDone]);

  return (
    <div className="page narrow">
      <h1 className="page-title">{speak(error ? "launch.failed" : "launch.title")}</h1>
      {!error && <p className="page-lead">{speak("launch.lead")}</p>}
      {error ? (
        <Trouble error={error} sentence={error.status === 401 ? speak("launch.refused") : undefined} />
      ) : (
        <Lines rows={6} />
      )}
    </div>
  );
}
