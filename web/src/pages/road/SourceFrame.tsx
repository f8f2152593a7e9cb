/** The pages of one source share a heading: which source, and what can be seen of it. */

import type { ReactNode } from "react";

import type { Source } from "../../api/road.ts";
import { Select } from "../../parts/Field.tsx";
import { useSpeak } from "../../shell/context.ts";
import { href } from "../../shell/route.ts";
import type { WordKey } from "../../words/index.ts";

export const TABS = ["receipts", "problems", "findings", "unmapped", "reconciliation"] as const;
export type Tab = (typeof TABS)[number];

export const TAB_WORDS: Readonly<Record<Tab, WordKey>> = {
  receipts: "road.receipts",
  problems: "road.problems",
  findings: "road.findings",
  unmapped: "road.unmapped",
  reconciliation: "road.reconciliation",
};

interface Props {
  sources: readonly Source[];
  source: Source;
  tab: Tab;
  children: ReactNode;
}

export function SourceFrame({ sources, source, tab, children }: Props) {
  const speak = useSpeak();
  return (
    <div className="page wide">
      <div className="source-bar">
        <div className="source-bar-text">
          <h1 className="page-title">{speak(TAB_WORDS[tab])}</h1>
          <p className="page-lead">{speak(LEADS[tab])}</p>
        </div>
        {sources.length > 1 ? (
          <Select
            label={speak("road.source")}
            value={source.name}
            onChange={(name) => (window.location.hash = href("sources", name, tab))}
            options={sources.map((one) => ({ value: one.name, label: titleOfSource(one) }))}
          />
        ) : (
          <p className="source-bar-name">
            {speak("road.source")} <strong>{titleOfSource(source)}</strong>
          </p>
        )}
      </div>
      <nav className="tabs source-tabs" aria-label={speak("road.tabs")}>
        {TABS.map((one) => (
          <a key={one} href={href("sources", source.name, one)} aria-current={one === tab ? "page" : undefined}>
            {speak(TAB_WORDS[one])}
          </a>
        ))}
      </nav>
      {children}
    </div>
  );
}

const LEADS: Readonly<Record<Tab, WordKey>> = {
  receipts: "road.receipts.lead",
  problems: "road.problems.lead",
  findings: "road.findings.lead",
  unmapped: "road.unmapped.lead",
  reconciliation: "road.reconciliation.lead",
};

export function titleOfSource(source: { name: string; title?: string | null }): string {
  return source.title?.trim() || source.name;
}
