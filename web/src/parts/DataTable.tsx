/** A table where people compare; on a narrow screen every row becomes a short block with its headings beside the values. */

import type { ReactNode } from "react";

export interface Column<T> {
  key: string;
  title: string;
  cell: (row: T) => ReactNode;
  /** Numbers stand at the end of their column, in figures of equal width. */
  number?: boolean;
  /** Dates and codes do not wrap. */
  tight?: boolean;
  className?: string;
  /** The heading is said, not shown: a column of buttons. */
  unseen?: boolean;
}

interface Props<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  rowClass?: (row: T) => string | undefined;
}

export function DataTable<T>({ label, columns, rows, rowKey, rowClass }: Props<T>) {
  return (
    <table className="data" aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th scope="col" key={column.key} className={classOf(column)}>
              {column.unseen ? <span className="unseen">{column.title}</span> : column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)} className={rowClass?.(row)}>
            {columns.map((column) => (
              <td key={column.key} className={classOf(column)} data-label={column.unseen ? undefined : column.title}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function classOf<T>({ number, tight, className }: Column<T>): string {
  return [number && "number figures", tight && "tight figures", className].filter(Boolean).join(" ");
}
