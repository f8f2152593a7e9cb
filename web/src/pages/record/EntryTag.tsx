import type { TimelineEntry } from "../../api/types.ts";
import { StatusTag } from "../../parts/Mark.tsx";
import { useSpeak } from "../../shell/context.ts";

/** Why an entry does not count; else how far a result or a report is from final. Other types say their status as their detail. */
export function EntryTag({ entry }: { entry: TimelineEntry }) {
  const speak = useSpeak();
  if (entry.standing) return <span className="tag tag-alarm">{speak.code("status", entry.standing)}</span>;
  return isReported(entry) ? <StatusTag status={entry.status} /> : null;
}

function isReported({ type }: TimelineEntry): boolean {
  return type === "Observation" || type === "DiagnosticReport";
}
