import type { Ground } from "../api/types.ts";
import { minute } from "../format/date.ts";
import { useSpeak } from "../shell/context.ts";

/** Why the reader may look, and until when. */
export function GroundTag({ ground }: { ground: Ground }) {
  const speak = useSpeak();
  const said = speak.language === "zh" ? ground.zh : ground.en;
  const words = [
    speak(`ground.${ground.kind}`),
    ground.until && speak("ground.until", { time: minute(ground.until) }),
  ].filter(Boolean);
  return (
    <span
      className={`tag ${ground.kind === "emergency" ? "tag-alarm" : "tag-note"}`}
      title={[said, ground.reason, ground.rule].filter(Boolean).join(" · ")}
    >
      {speak("ground.because", { ground: words.join(" · ") })}
    </span>
  );
}
