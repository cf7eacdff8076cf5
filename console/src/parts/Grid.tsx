// A virtualised table for very many rows: only what is in view is in the page. Arrow keys move, Enter opens.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Button } from "./Button";
import { useNarrow } from "./useNarrow";

export interface GridColumn<T> {
  key: string;
  title: string;
  /** A track of CSS grid. */
  width: string;
  end?: boolean;
  sortable?: boolean;
  cell: (row: T) => ReactNode;
}

export interface Sorting {
  key: string;
  down: boolean;
}

interface GridProps<T> {
  label: string;
  columns: readonly GridColumn<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** The row as a card, for narrow windows. */
  card: (row: T) => ReactNode;
  onOpen: (row: T) => void;
  sorting?: Sorting;
  onSort?: (sorting: Sorting) => void;
  /** Called when the last rows come into view. */
  onEnd?: () => void;
  warm?: (row: T) => boolean;
  empty: ReactNode;
}

const ROW = 34;
const CARD = 92;

export function Grid<T>(props: GridProps<T>) {
  const { label, columns, rows, rowKey, card, onOpen, onEnd, warm } = props;
  const narrow = useNarrow();
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const [chosen, setChosen] = useState<{ key: string; index: number } | null>(null);
  const height = narrow ? CARD : ROW;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    overscan: 8,
    scrollPaddingStart: narrow ? 0 : ROW,
  });
  useEffect(() => virtual.measure(), [height, virtual]);
  const isAtEnd = (virtual.getVirtualItems().at(-1)?.index ?? 0) >= rows.length - 1;
  useEffect(() => {
    if (isAtEnd) onEnd?.();
  }, [isAtEnd, rows.length, onEnd]);
  const at = chosen === null ? -1 : rows.findIndex((row) => rowKey(row) === chosen.key);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current) return;
    // Where the chosen row has gone, one goes on from its place.
    const target = keyTarget(event.key, at < 0 ? (chosen?.index ?? -1) : at, rows.length);
    const row = event.key === "Enter" ? rows[at] : undefined;
    if (row !== undefined) onOpen(row);
    const next = target === null ? undefined : rows[target];
    if (target === null || next === undefined) return;
    event.preventDefault();
    setChosen({ key: rowKey(next), index: target });
    virtual.scrollToIndex(target);
  };

  const tracks = { "--tracks": columns.map((column) => column.width).join(" ") } as CSSProperties;
  return (
    <div
      ref={box}
      className={narrow ? "grid grid-cards" : "grid"}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={narrow ? 1 : columns.length}
      aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
      tabIndex={0}
      style={tracks}
      onKeyDown={onKeyDown}
    >
      <Head {...props} narrow={narrow} />
      <div role="rowgroup" className="grid-body" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const classes = ["grid-row", warm?.(row) && "row-warm", item.index === at && "grid-chosen"];
          return (
            // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the grid itself takes the keys
            <div
              key={rowKey(row)}
              id={`${id}-${item.index}`}
              role="row"
              tabIndex={-1}
              aria-rowindex={item.index + 2}
              aria-selected={item.index === at}
              className={classes.filter(Boolean).join(" ")}
              style={{ height, transform: `translateY(${item.start}px)` }}
              onClick={(event) => {
                if (!(event.target as Element).closest("a, button")) onOpen(row);
              }}
            >
              {narrow ? (
                <div role="gridcell" className="grid-card">
                  {card(row)}
                </div>
              ) : (
                columns.map((column) => (
                  <div key={column.key} role="gridcell" className={column.end ? "grid-cell end" : "grid-cell"}>
                    {column.cell(row)}
                  </div>
                ))
              )}
            </div>
          );
        })}
        {rows.length === 0 && (
          <div role="row" className="grid-row grid-empty">
            <div role="gridcell">{props.empty}</div>
          </div>
        )}
      </div>
    </div>
  );
}

function Head<T>({ columns, sorting, onSort, label, narrow }: GridProps<T> & { narrow: boolean }) {
  return (
    <div role="rowgroup" className={narrow ? "unseen" : "grid-head"}>
      <div role="row" className="grid-row" aria-rowindex={1}>
        {narrow ? (
          <div role="columnheader">{label}</div>
        ) : (
          columns.map((column) => (
            <div
              key={column.key}
              role="columnheader"
              className={column.end ? "grid-cell end" : "grid-cell"}
              aria-sort={sortOf(column, sorting)}
            >
              {column.sortable ? (
                <Button
                  weight="bare"
                  small
                  onPress={() => onSort?.({ key: column.key, down: sorting?.key === column.key ? !sorting.down : true })}
                >
                  {column.title}
                  {sorting?.key === column.key && <span aria-hidden="true">{sorting.down ? "▾" : "▴"}</span>}
                </Button>
              ) : (
                column.title
              )}
            </div>
          ))
        )}
      </div>
    </div>
  );
}

function sortOf<T>(column: GridColumn<T>, sorting: Sorting | undefined) {
  if (!column.sortable) return undefined;
  if (sorting?.key !== column.key) return "none";
  return sorting.down ? "descending" : "ascending";
}

function keyTarget(key: string, at: number, rows: number): number | null {
  const last = rows - 1;
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + 15,
    PageUp: at - 15,
    Home: 0,
    End: last,
  };
  const target = steps[key];
  return target === undefined || last < 0 ? null : Math.min(last, Math.max(0, target));
}
