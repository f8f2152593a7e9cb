/** Top bar and content of every entry but the resident's phone. */

import { Suspense, use, useEffect, type ReactNode } from "react";

import { PageSkeleton } from "../parts/Waiting.tsx";
import { isEmbedded, leave } from "./account.ts";
import { Boundary } from "./Boundary.tsx";
import { Button } from "../parts/Button.tsx";
import { useSession, useSpeak, WordsContext } from "./context.ts";
import { Pulse } from "./Pulse.tsx";
import { usePath } from "./route.ts";

export interface NavItem {
  href: string;
  label: string;
  current: boolean;
}

interface Props {
  nav?: readonly NavItem[];
  children: ReactNode;
}

export function Frame({ nav = [], children }: Props) {
  const speak = useSpeak();
  const path = usePath();
  const where = path?.join("/") ?? "";
  const embedded = isEmbedded();

  useEffect(() => {
    window.scrollTo(0, 0);
  }, [where]);

  return (
    <>
      <a className="skip" href="#content" onClick={focusContent}>
        {speak("skip.to.content")}
      </a>
      {embedded ? <EmbeddedBar /> : <TopBar nav={nav} />}
      <main id="content" tabIndex={-1}>
        <Boundary where={where}>
          <Suspense fallback={<PageSkeleton />}>{children}</Suspense>
        </Boundary>
      </main>
    </>
  );
}

function TopBar({ nav }: { nav: readonly NavItem[] }) {
  const speak = useSpeak();
  const signedIn = useSession();
  return (
    <header className={signedIn ? "top-bar signed-in" : "top-bar"}>
      <a className="brand" href="#/">
        <Pulse />
        <span className="brand-name">{speak("product.name")}</span>
        {!signedIn && <span className="brand-tagline">{speak("product.tagline")}</span>}
      </a>
      {nav.length > 0 && (
        <nav aria-label={speak("nav.label")}>
          {nav.map((item) => (
            <a key={item.href} href={item.href} aria-current={item.current ? "page" : undefined}>
              {item.label}
            </a>
          ))}
        </nav>
      )}
      <div className="top-bar-end">
        <Who />
        <LanguageButton />
        {signedIn && (
          <Button small onClick={() => void leave()}>
            {speak("signout")}
          </Button>
        )}
      </div>
    </header>
  );
}

/** Inside a hospital's own program: no menus, no way to other residents; who is reading stays in sight. */
function EmbeddedBar() {
  const speak = useSpeak();
  return (
    <header className="top-bar embedded-bar">
      <Pulse />
      <span className="embedded-name">{speak("embedded.title")}</span>
      <div className="top-bar-end">
        <Who />
        <LanguageButton />
      </div>
    </header>
  );
}

function Who() {
  const speak = useSpeak();
  const account = useSession()?.account;
  if (!account) return null;
  const place = [account.institution_name ?? account.institution, account.department_name].filter(Boolean).join(" ");
  return (
    <span className="who" title={account.institution_name ?? account.institution ?? undefined}>
      <strong>{account.display_name || account.name}</strong>
      <span className="who-more">{[speak.code("role", account.role), place].filter(Boolean).join(" · ")}</span>
    </span>
  );
}

export function LanguageButton() {
  const { speak, setLanguage } = use(WordsContext);
  const other = speak.language === "zh" ? "en" : "zh";
  return (
    <Button
      kind="quiet"
      small
      aria-label={speak("language.switch.label")}
      lang={other === "zh" ? "zh-CN" : "en"}
      onClick={() => setLanguage(other)}
    >
      {speak("language.switch")}
    </Button>
  );
}

/** The address behind `#` is the page, so the skip link moves the focus itself. */
function focusContent(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
