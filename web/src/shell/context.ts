/** What every page may ask for: the words of the chosen language, and who is signed in. */

import { createContext, use, useSyncExternalStore } from "react";

import { session } from "../api/session.ts";
import type { Session } from "../api/types.ts";
import { speakIn, type Language, type Speak } from "../words/index.ts";

interface Words {
  speak: Speak;
  setLanguage: (language: Language) => void;
}

export const WordsContext = createContext<Words>({ speak: speakIn("zh"), setLanguage: () => undefined });

/** The words of the chosen language. */
export function useSpeak(): Speak {
  return use(WordsContext).speak;
}

/** The session of this tab, or null. */
export function useSession(): Session | null {
  return useSyncExternalStore(session.subscribe, session.get);
}

const LANGUAGE_KEY = "kangmai.language";

/** Chinese unless this browser chose English before. */
export function rememberedLanguage(): Language {
  return localStorage.getItem(LANGUAGE_KEY) === "en" ? "en" : "zh";
}

export function rememberLanguage(language: Language): void {
  localStorage.setItem(LANGUAGE_KEY, language);
}
