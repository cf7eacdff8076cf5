// A table for lists that fit a page. At narrow widths each row becomes a card with named values; roles are
// written out, because a table that is not laid out as one loses them.
import type { ReactNode } from "react";

export interface TableColumn<T> {
  title: string;
  cell: (row: T) => ReactNode;
  end?: boolean;
  /** Takes what room is left, and breaks its text. */
  wide?: boolean;
}

interface TableProps<T> {
  label: string;
  columns: readonly TableColumn<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string | number;
  /** A row that needs somebody's eye. */
  warm?: (row: T) => boolean;
}

export function Table<T>({ label, columns, rows, rowKey, warm }: TableProps<T>) {
  return (
    <div className="table-box" role="group" aria-label={label} tabIndex={0}>
      <table className="table" role="table">
        <caption className="unseen">{label}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.title} role="columnheader" scope="col" className={columnClass(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={rowKey(row)} role="row" className={warm?.(row) ? "row-warm" : undefined}>
              {columns.map((column) => (
                <td key={column.title} role="cell" data-title={column.title} className={columnClass(column)}>
                  <div>{column.cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function columnClass<T>(column: TableColumn<T>): string | undefined {
  if (column.end) return "end";
  return column.wide ? "wide" : undefined;
}
