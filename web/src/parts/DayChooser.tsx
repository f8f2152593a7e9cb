/** A day in China, with a step back and one forward as far as today. */

import { day } from "../format/date.ts";
import { useSpeak } from "../shell/context.ts";
import { Button } from "./Button.tsx";
import { DayField } from "./DayField.tsx";

const DAY_MS = 86_400_000;

interface Props {
  label: string;
  /** `2026-11-22`, or nothing while the field is being written in. */
  value: string;
  onChange: (value: string) => void;
}

export function DayChooser({ label, value, onChange }: Props) {
  const speak = useSpeak();
  const move = (days: number): void => onChange(day(Date.parse(`${value}T00:00:00+08:00`) + days * DAY_MS));
  return (
    <div className="day-chooser">
      <Button small disabled={value === ""} onClick={() => move(-1)}>
        {speak("day.before")}
      </Button>
      <DayField label={label} value={value} onChange={onChange} />
      <Button small disabled={value === "" || value >= day(Date.now())} onClick={() => move(1)}>
        {speak("day.after")}
      </Button>
    </div>
  );
}
