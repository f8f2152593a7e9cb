/** What stands around every page: the banner of a demonstration, the language, who is signed in, and the entry of their role. */

import { lazy, Suspense, useEffect, useMemo, useState, type ComponentType } from "react";

import { api } from "./api/client.ts";
import type { Status } from "./api/types.ts";
import { launchOf, type LaunchRequest } from "./launch.ts";
import { SignIn } from "./pages/SignIn.tsx";
import { PageSkeleton } from "./parts/Waiting.tsx";
import { rememberedLanguage, rememberLanguage, useSession, useSpeak, WordsContext } from "./shell/context.ts";
import { Frame } from "./shell/Frame.tsx";
import { useLoad } from "./shell/useLoad.ts";
import { speakIn, type Language } from "./words/index.ts";

/** One entry per role, fetched when somebody with that role has signed in. */
const ENTRIES: Readonly<Record<string, ComponentType>> = {
  clinician: lazy(() => import("./roles/Clinician.tsx")),
  "family-doctor": lazy(() => import("./roles/FamilyDoctor.tsx")),
  resident: lazy(() => import("./roles/Resident.tsx")),
  "audit-administrator": lazy(() => import("./roles/Auditor.tsx")),
  "institution-administrator": lazy(() => import("./roles/Institution.tsx")),
  "index-administrator": lazy(() => import("./roles/IndexAdministrator.tsx")),
  "platform-operator": lazy(() => import("./roles/Operator.tsx")),
};
const Other = lazy(() => import("./roles/Other.tsx"));
const Launch = lazy(() => import("./pages/Launch.tsx"));

/** Read once, before anything else may look at the address, and taken out of it. */
const launch: LaunchRequest | undefined = launchOf(window.location);
if (launch) window.history.replaceState(null, "", "/");

export function App() {
  const [language, setLanguage] = useState<Language>(rememberedLanguage);
  const words = useMemo(() => ({ speak: speakIn(language), setLanguage }), [language]);

  useEffect(() => {
    rememberLanguage(language);
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = `${words.speak("product.name")} · ${words.speak("product.tagline")}`;
  }, [language, words]);

  return (
    <WordsContext value={words}>
      <Whole />
    </WordsContext>
  );
}

function Whole() {
  const speak = useSpeak();
  const signedIn = useSession();
  const status = useLoad("status", (signal) => api.status(signal));
  const [launching, setLaunching] = useState(launch !== undefined);
  const Entry = signedIn ? (ENTRIES[signedIn.account.role] ?? Other) : undefined;

  return (
    <>
      <DemoBanner status={status.value} />
      <Suspense
        fallback={
          <Frame>
            <PageSkeleton />
          </Frame>
        }
      >
        {launching && launch ? (
          <Frame>
            <Launch request={launch} onDone={() => setLaunching(false)} />
          </Frame>
        ) : Entry ? (
          <Entry key={signedIn?.account.name} />
        ) : (
          <Frame>
            <SignIn />
          </Frame>
        )}
      </Suspense>
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
