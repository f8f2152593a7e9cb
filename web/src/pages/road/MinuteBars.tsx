/** Records per minute in the last hour: sixty bars, drawn here, because a chart library would weigh more than the page. */

import type { Minute } from "../../api/road.ts";
import { timeOfMinute } from "../../format/date.ts";
import { useSpeak } from "../../shell/context.ts";
import { countText } from "./words.ts";

const WIDTH = 900;
const HEIGHT = 96;

export function MinuteBars({ minutes }: { minutes: readonly Minute[] }) {
  const speak = useSpeak();
  const most = Math.max(...minutes.map((minute) => minute.records), 0);
  const all = minutes.reduce((sum, minute) => sum + minute.records, 0);
  const messages = minutes.reduce((sum, minute) => sum + minute.messages, 0);
  const step = WIDTH / Math.max(minutes.length, 1);
  const described = speak("operations.minutes.described", {
    records: countText(all, speak),
    messages: countText(messages, speak),
    most: countText(most, speak),
  });
  return (
    <div className="minute-bars">
      <p className="panel-note">{described}</p>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={described} preserveAspectRatio="none">
        {minutes.map((minute, at) => {
          const height = most === 0 ? 0 : (minute.records / most) * (HEIGHT - 4);
          return (
            <rect
              key={at}
              x={at * step + 1}
              y={HEIGHT - Math.max(height, 1)}
              width={Math.max(step - 2, 1)}
              height={Math.max(height, 1)}
              className={minute.records === 0 ? "bar-none" : "bar"}
            >
              <title>{`${timeOfMinute(minute.at)} · ${countText(minute.records, speak)}`}</title>
            </rect>
          );
        })}
      </svg>
      <div className="minute-axis figures">
        <span>{timeOfMinute(minutes[0]?.at)}</span>
        <span>{timeOfMinute(minutes.at(-1)?.at)}</span>
      </div>
    </div>
  );
}
