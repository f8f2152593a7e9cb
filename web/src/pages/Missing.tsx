import { useSpeak } from "../shell/context.ts";

/** An address that no page of this role has. */
export function Missing() {
  const speak = useSpeak();
  return (
    <div className="page narrow empty-page">
      <h1>{speak("page.missing")}</h1>
      <a href="#/">{speak("page.missing.back")}</a>
    </div>
  );
}
