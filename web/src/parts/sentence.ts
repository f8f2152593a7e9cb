import { UNREACHABLE, UNREADABLE, type ApiError } from "../api/error.ts";
import type { Speak } from "../words/index.ts";

/** The sentence for an error in the reader's language: the server's, or ours when the server said nothing. */
export function sentenceOf(error: ApiError, speak: Speak): string {
  const said = error.sentence(speak.language);
  // The server's English sentences begin small, so that they can stand inside others.
  if (said) return said.charAt(0).toUpperCase() + said.slice(1);
  if (error.code === UNREACHABLE) return speak("error.unreachable");
  return error.code === UNREADABLE ? speak("error.unreadable-answer") : speak("error.other");
}
