/** The pages of the sources that are the reader's matter. */

import type { Source } from "../../api/road.ts";
import { Missing } from "../Missing.tsx";
import { Problems } from "./Problems.tsx";
import { Receipts } from "./Receipts.tsx";
import { Reconciliation } from "./Reconciliation.tsx";
import { SourceFrame, TABS, type Tab } from "./SourceFrame.tsx";
import { Unmapped } from "./Unmapped.tsx";

interface Props {
  sources: readonly Source[];
  name: string;
  tab: string | undefined;
  masked: boolean;
}

export function SourcePages({ sources, name, tab = "receipts", masked }: Props) {
  const source = sources.find((one) => one.name === name);
  if (!source || !isTab(tab)) return <Missing />;
  return (
    <SourceFrame sources={sources} source={source} tab={tab}>
      <Body key={`${name} ${tab}`} source={name} tab={tab} masked={masked} />
    </SourceFrame>
  );
}

function isTab(tab: string): tab is Tab {
  return (TABS as readonly string[]).includes(tab);
}

function Body({ source, tab, masked }: { source: string; tab: Tab; masked: boolean }) {
  switch (tab) {
    case "receipts":
      return <Receipts source={source} masked={masked} />;
    case "problems":
    case "findings":
      return <Problems source={source} kind={tab} masked={masked} />;
    case "unmapped":
      return <Unmapped source={source} />;
    case "reconciliation":
      return <Reconciliation source={source} />;
  }
}
