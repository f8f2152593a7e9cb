import { useId, type ReactNode } from "react";

interface Props {
  title: string;
  /** Stands beside the title: usually how many. */
  note?: ReactNode;
  /** Stands at the far end of the heading: filters and switches. */
  tools?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A titled box of the record. */
export function Panel({ title, note, tools, className = "", children }: Props) {
  const id = useId();
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && note !== null && <span className="panel-note">{note}</span>}
        {tools && <div className="panel-tools">{tools}</div>}
      </header>
      {children}
    </section>
  );
}
