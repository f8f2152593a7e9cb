/** Ages as clinicians say them: days for the new-born, months for infants, then years. */

import type { Speak } from "../words/index.ts";
import { day } from "./date.ts";

export interface Age {
  unit: "years" | "months" | "days";
  n: number;
}

/** Below this many months an age is said in months; below this many days, in days. */
const MONTHS_MAX = 24;
const DAYS_MAX = 28;

/** The age on a day. Undefined when the birth date is unknown, unreadable or later than that day. */
export function ageOn(birth: string | null | undefined, on: string): Age | undefined {
  const [birthYear, birthMonth, birthDay] = numbers(birth);
  const [year, month = 1, date = 1] = numbers(on);
  if (birthYear === undefined || year === undefined) return undefined;
  if (birthMonth === undefined) return year < birthYear ? undefined : { unit: "years", n: year - birthYear };

  const bornOn = birthDay ?? 1;
  const months = (year - birthYear) * 12 + (month - birthMonth) - (date < bornOn ? 1 : 0);
  if (months < 0) return undefined;
  if (months >= MONTHS_MAX) return { unit: "years", n: Math.floor(months / 12) };
  const days = Math.round((Date.UTC(year, month - 1, date) - Date.UTC(birthYear, birthMonth - 1, bornOn)) / 86_400_000);
  return days < DAYS_MAX && birthDay !== undefined ? { unit: "days", n: days } : { unit: "months", n: months };
}

function numbers(date: string | null | undefined): number[] {
  const text = day(date);
  return /^\d{4}(-\d{2}){0,2}$/.test(text) ? text.split("-").map(Number) : [];
}

/** `58 岁`, `7 个月`, `12 天`. */
export function ageText(age: Age | undefined, speak: Speak): string {
  return age ? speak(`age.${age.unit}`, { n: age.n }) : "";
}

/** The age of a person today, or at death. */
export function ageOfPerson(
  person: { birth_date?: string | null; deceased?: string | boolean | null },
  today: string,
  speak: Speak,
): string {
  if (typeof person.deceased === "string") {
    const age = ageText(ageOn(person.birth_date, person.deceased), speak);
    return age && speak("age.at.death", { age });
  }
  return person.deceased ? "" : ageText(ageOn(person.birth_date, today), speak);
}
