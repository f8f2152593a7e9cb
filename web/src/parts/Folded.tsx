import { useState, type ReactNode } from "react";

interface Props<T> {
  items: readonly T[];
  /** How many stay visible when folded. */
  shown: number;
  render: (item: T) => ReactNode;
  openLabel: string;
  closeLabel: string;
}

/** The first items of a list, and a button for the rest; a rest of one is never hidden behind a button. */
export function Folded<T>({ items, shown, render, openLabel, closeLabel }: Props<T>) {
  const [open, setOpen] = useState(false);
  const foldable = items.length > shown + 1;
  return (
    <>
      {(open || !foldable ? items : items.slice(0, shown)).map(render)}
      {foldable && (
        <li className="fold">
          <button type="button" className="link-button" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? closeLabel : openLabel}
          </button>
        </li>
      )}
    </>
  );
}
