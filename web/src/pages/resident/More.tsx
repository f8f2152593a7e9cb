/** The pages that have no place in the bar, the language, and the way out. */

import { Button } from "../../parts/Button.tsx";
import { leave } from "../../shell/account.ts";
import { useSession, useSpeak } from "../../shell/context.ts";
import { LanguageButton } from "../../shell/Frame.tsx";
import { href } from "../../shell/route.ts";
import type { WordKey } from "../../words/index.ts";

const PAGES: readonly { path: string; word: WordKey; hint: WordKey }[] = [
  { path: "family", word: "resident.family", hint: "resident.family.hint" },
  { path: "visits", word: "resident.visits", hint: "resident.visits.hint" },
  { path: "immunizations", word: "resident.immunizations", hint: "resident.immunizations.hint" },
  { path: "objections", word: "resident.objections", hint: "resident.objections.hint" },
];

export function More() {
  const speak = useSpeak();
  const account = useSession()?.account;
  return (
    <>
      <h1 className="resident-title">{account?.display_name || account?.name}</h1>
      <ul className="card">
        {PAGES.map(({ path, word, hint }) => (
          <li key={path}>
            <a className="more-row" href={href(path)}>
              <span className="row-title">{speak(word)}</span>
              <span className="row-more">{speak(hint)}</span>
            </a>
          </li>
        ))}
      </ul>
      <p className="more-buttons">
        <LanguageButton />
        <Button onClick={() => void leave()}>{speak("signout")}</Button>
      </p>
    </>
  );
}
