/** The frame of every page: banner, top bar, the page itself. */

import { ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";

import { api } from "./api/client.ts";
import type { Status } from "./api/types.ts";
import { SignIn } from "./pages/SignIn.tsx";
import { Boundary } from "./shell/Boundary.tsx";
import { rememberedLanguage, rememberLanguage, useSession, useSpeak, WordsContext } from "./shell/context.ts";
import { hrefOf, useRoute, type Route } from "./shell/route.ts";
import { theme } from "./shell/theme.ts";
import { TopBar } from "./shell/TopBar.tsx";
import { useLoad } from "./shell/useLoad.ts";
import { PageSkeleton } from "./parts/Waiting.tsx";
import { speakIn, type Language } from "./words/index.ts";

const PersonSearch = lazy(() => import("./pages/PersonSearch.tsx"));
const PersonPages = lazy(() => import("./pages/PersonPages.tsx"));

export function App() {
  const [language, setLanguage] = useState<Language>(rememberedLanguage);
  const words = useMemo(() => ({ speak: speakIn(language), setLanguage }), [language]);

  useEffect(() => {
    rememberLanguage(language);
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = `${words.speak("product.name")} · ${words.speak("product.tagline")}`;
  }, [language, words]);

  return (
    <ConfigProvider locale={language === "zh" ? zhCN : enUS} theme={theme} button={{ autoInsertSpace: false }}>
      <WordsContext value={words}>
        <Frame />
      </WordsContext>
    </ConfigProvider>
  );
}

function Frame() {
  const speak = useSpeak();
  const signedIn = useSession();
  const route = useRoute();
  const status = useLoad("status", (signal) => api.status(signal));

  const where = signedIn ? JSON.stringify(route) : "sign-in";
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [where]);

  return (
    <>
      <a className="skip" href="#content" onClick={focusContent}>
        {speak("skip.to.content")}
      </a>
      <DemoBanner status={status.value} />
      <TopBar />
      <main id="content" tabIndex={-1}>
        <Boundary where={where}>
          <Suspense fallback={<PageSkeleton />}>{signedIn ? <Page route={route} /> : <SignIn />}</Suspense>
        </Boundary>
      </main>
      {status.value?.version && (
        <footer className="foot">{`${speak("product.name")} · ${speak("version", { version: status.value.version })}`}</footer>
      )}
    </>
  );
}

/** Shown on every page and every print while the server says that its data are synthetic. */
function DemoBanner({ status }: { status: Status | undefined }) {
  const speak = useSpeak();
  return status?.demo ? (
    <div className="demo-banner" role="note">
      {speak("demo.banner")}
    </div>
  ) : null;
}

function Page({ route }: { route: Route }) {
  const speak = useSpeak();
  switch (route.page) {
    case "search":
      return <PersonSearch />;
    case "record":
    case "access":
      return <PersonPages key={route.person} person={route.person} page={route.page} />;
    case "missing":
      return (
        <div className="page narrow empty-page">
          <h1>{speak("page.missing")}</h1>
          <a href={hrefOf({ page: "search" })}>{speak("page.missing.back")}</a>
        </div>
      );
  }
}

/** The address behind `#` is the page, so the skip link moves the focus itself. */
function focusContent(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
