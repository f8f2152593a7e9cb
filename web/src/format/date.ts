/**
 * Dates as people read them: `2024-03-05 08:05`, the same order in both languages.
 *
 * FHIR dates may stop at the year or the month; what the source did not say is not made up. Instants are shown in the time
 * of the place where the platform runs, Asia/Shanghai, whatever the reader's machine is set to.
 */

const ZONE = "Asia/Shanghai";

const clock = new Intl.DateTimeFormat("sv-SE", {
  timeZone: ZONE,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** Nobody alive was born earlier, and nothing in a record happens later. */
const YEAR_MIN = 1850;
const YEAR_MAX = 2199;

const PARTIAL = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/;

function parts(value: string | number | null | undefined): { date: string; time: string } | undefined {
  if (value === null || value === undefined || value === "") return undefined;
  if (typeof value === "string" && PARTIAL.test(value)) return { date: value, time: "" };
  // A time without an offset is local to the platform (the same rule as on the server).
  const text = typeof value === "string" && /T\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/.test(value) ? `${value}+08:00` : value;
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return undefined;
  const [date = "", time = ""] = clock.format(at).split(" ");
  return { date, time };
}

/** `2024-03-05`, or as much of it as is known; text that is no date is returned unchanged, nothing as the empty string. */
export function day(value: string | number | null | undefined): string {
  return parts(value)?.date ?? String(value ?? "");
}

/** `2024-03-05 08:05`; only the date when no time is known. */
export function minute(value: string | number | null | undefined): string {
  const known = parts(value);
  if (!known) return String(value ?? "");
  return known.time === "" ? known.date : `${known.date} ${known.time.slice(0, 5)}`;
}

/** `2024-03-05 08:05:09`. */
export function second(value: string | number | null | undefined): string {
  const known = parts(value);
  if (!known) return String(value ?? "");
  return known.time === "" ? known.date : `${known.date} ${known.time}`;
}

/** `08:05`, or nothing when the value has no time or midnight exactly, which sources write for “no time”. */
export function timeOfDay(value: string | null | undefined): string {
  const time = parts(value)?.time.slice(0, 5) ?? "";
  return time === "00:00" ? "" : time;
}

/** Milliseconds for an axis; a date without a day counts as its beginning. */
export function instantMs(value: string): number {
  return Date.parse(
    PARTIAL.test(value)
      ? `${value}${"-01-01".slice(value.length === 4 ? 0 : value.length === 7 ? 3 : 6)}T00:00:00+08:00`
      : value,
  );
}

/**
 * What a clinician types: `19680312`, `1968-3-12`, `1968/03/12`, `1968.3.12`, `1968年3月12日`; a month or a year alone is a date
 * too. Undefined when it is no real date.
 */
export function readTypedDate(typed: string): string | undefined {
  const text = typed.trim().normalize("NFKC");
  const partial = /^(\d{4})年?$/.exec(text) ?? /^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?$/.exec(text);
  if (partial) {
    const [year, month] = [Number(partial[1]), partial[2] === undefined ? undefined : Number(partial[2])];
    if (year < YEAR_MIN || year > YEAR_MAX || month === 0 || (month ?? 0) > 12) return undefined;
    return month === undefined ? String(year) : `${year}-${String(month).padStart(2, "0")}`;
  }
  const found =
    /^(\d{4})(\d{2})(\d{2})$/.exec(text) ?? /^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?$/.exec(text);
  if (!found) return undefined;
  const [year, month, date] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const real = new Date(Date.UTC(year, month - 1, date));
  if (
    year < YEAR_MIN ||
    year > YEAR_MAX ||
    real.getUTCFullYear() !== year ||
    real.getUTCMonth() !== month - 1 ||
    real.getUTCDate() !== date
  )
    return undefined;
  return real.toISOString().slice(0, 10);
}

/** `08:05`, also at midnight: the time of an axis. */
export function timeOfMinute(value: string | number | null | undefined): string {
  return parts(value)?.time.slice(0, 5) ?? "";
}
