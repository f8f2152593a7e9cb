import { useEffect, useState } from "react";

import { readTypedDate } from "../format/date.ts";
import { useSpeak } from "../shell/context.ts";
import { Field } from "./Field.tsx";

interface Props {
  label: string;
  /** `2026-11-21`, or nothing. */
  value: string;
  onChange: (day: string) => void;
  hint?: string;
}

/**
 * A day, typed as people type it. The browser's own date input shows days in the order of the machine's language, which on a
 * hospital's old Windows is anybody's guess; here it is always year, month, day.
 */
export function DayField({ label, value, onChange, hint }: Props) {
  const speak = useSpeak();
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);

  const read = typed.trim() === "" ? "" : readTypedDate(typed);
  const isDay = read !== undefined && (read === "" || read.length === 10);
  const take = (): void => {
    if (isDay && read !== value) onChange(read);
  };
  return (
    <Field
      label={label}
      hint={hint}
      error={isDay ? undefined : speak("day.bad")}
      value={typed}
      onChange={setTyped}
      input={{
        inputMode: "numeric",
        autoComplete: "off",
        maxLength: 11,
        placeholder: "2026-01-31",
        onBlur: take,
        onKeyDown: (event) => {
          if (event.key === "Enter") take();
        },
      }}
    />
  );
}
