/** 血型 in words. */

import type { BloodType } from "../api/types.ts";
import type { Speak } from "../words/index.ts";

/** `A型 Rh 阳性`, `A Rh positive`; both groups where the sources disagree, because then neither is known. */
export function bloodText(blood: BloodType | null | undefined, speak: Speak): string {
  if (!blood) return "";
  const abo = blood.abo.map((type) => (speak.language === "zh" ? type : type.replace(/型$/, "")));
  const rh = blood.rh.map((type) =>
    /阴|^-|neg/i.test(type)
      ? speak("blood.rh.negative")
      : /阳|^\+|pos/i.test(type)
        ? speak("blood.rh.positive")
        : type,
  );
  const types = [abo.join(" / "), rh.join(" / ")].filter(Boolean).join(" ");
  return blood.disagree ? speak("blood.disagree", { types }) : types;
}
