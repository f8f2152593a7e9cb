import { UNREACHABLE, UNREADABLE, type ApiError } from "../api/error.ts";
import type { Speak } from "../words/index.ts";

/** The sentence for an error in the reader's language: the server's, or ours when the server said nothing. */
export function sentenceOf(error: ApiError, speak: Speak): string {
  const said = error.sentence(speak.language);
  if (said) return said;
  if (error.code === UNREACHABLE) return speak("error.unreachable");
  return error.code === UNREADABLE ? speak("error.unreadable-answer") : speak("error.other");
}
