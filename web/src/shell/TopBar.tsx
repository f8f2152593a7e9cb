import { Button } from "antd";
import { use } from "react";

import { api } from "../api/client.ts";
import { session } from "../api/session.ts";
import { useSession, WordsContext } from "./context.ts";
import { hrefOf, useRoute } from "./route.ts";

export function TopBar() {
  const { speak, setLanguage } = use(WordsContext);
  const signedIn = useSession();
  const route = useRoute();
  const other = speak.language === "zh" ? "en" : "zh";

  return (
    <header className={signedIn ? "top-bar signed-in" : "top-bar"}>
      <a className="brand" href={hrefOf({ page: "search" })}>
        <Pulse />
        <span className="brand-name">{speak("product.name")}</span>
        <span className="brand-tagline">{speak("product.tagline")}</span>
      </a>
      {signedIn && (
        <nav aria-label={speak("nav.label")}>
          <a href={hrefOf({ page: "search" })} aria-current={route.page === "search" ? "page" : undefined}>
            {speak("nav.search")}
          </a>
        </nav>
      )}
      <div className="top-bar-end">
        {signedIn && (
          <span className="who">
            <strong>{signedIn.account.display_name || signedIn.account.name}</strong>
            <span className="who-more">
              {[speak.code("role", signedIn.account.role), signedIn.account.institution].filter(Boolean).join(" · ")}
            </span>
          </span>
        )}
        <Button
          type="text"
          size="small"
          aria-label={speak("language.switch.label")}
          lang={other === "zh" ? "zh-CN" : "en"}
          onClick={() => setLanguage(other)}
        >
          {speak("language.switch")}
        </Button>
        {signedIn && (
          <Button size="small" onClick={() => void signOut()}>
            {speak("signout")}
          </Button>
        )}
      </div>
    </header>
  );
}

/** Leaves at once; whether the server heard it does not keep the record on the screen. */
async function signOut(): Promise<void> {
  const told = api.signOut().catch(() => undefined);
  session.end("signed-out");
  window.location.hash = "";
  await told;
}

/** The mark: a pulse (脉). */
function Pulse() {
  return (
    <svg className="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0b6570" />
      <path
        d="M4 17h6l3-8 5.5 14 3.5-9 1.5 3H28"
        fill="none"
        stroke="#fff"
        strokeWidth="2.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
