// All that a session did, in order. Only what is in view is in the page; at the end it follows.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/states";
import { OperationItem } from "./OperationItem";
import { SingleItem } from "./SingleItem";
import type { Item } from "./timeline";

interface TimelineProps {
  items: readonly Item[];
  isLive: boolean;
  isReplayed: boolean;
  isReading: boolean;
  /** Fetches more, where that has to be asked for. */
  more: (() => void) | null;
}

const NEAR_END = 80;

export function Timeline({ items, isLive, isReplayed, isReading, more }: TimelineProps) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: (index) => (items[index]?.kind === "operation" ? 150 : 44),
    getItemKey: (index) => items[index]?.key ?? index,
    overscan: 6,
  });
  const size = virtual.getTotalSize();
  useEffect(() => {
    const element = box.current;
    if (element && follows.current && (isLive || isReplayed)) element.scrollTop = element.scrollHeight;
  }, [size, isLive, isReplayed]);
  const start = items[0]?.time;

  return (
    <div
      ref={box}
      className="timeline"
      role="region"
      aria-label="Timeline"
      tabIndex={0}
      onScroll={({ currentTarget: at }) => {
        follows.current = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_END;
      }}
    >
      <div role="list" className="timeline-list" style={{ height: size }}>
        {virtual.getVirtualItems().map((at) => {
          const item = items[at.index];
          if (!item) return null;
          return (
            <div
              key={at.key}
              ref={virtual.measureElement}
              data-index={at.index}
              role="listitem"
              aria-setsize={items.length}
              aria-posinset={at.index + 1}
              className="timeline-item"
              style={{ transform: `translateY(${at.start}px)` }}
            >
              {item.kind === "operation" ? (
                <OperationItem item={item} start={start ?? item.time} />
              ) : (
                <SingleItem item={item} start={start ?? item.time} />
              )}
            </div>
          );
        })}
      </div>
      {items.length === 0 && !isReading && <Empty>Nothing is recorded yet.</Empty>}
      {isReading && <Empty>Reading frames …</Empty>}
      {more && (
        <p className="timeline-more">
          <Button onPress={more}>Read more frames</Button>
        </p>
      )}
      {isLive && <p className="timeline-live">It is live: what it does appears here.</p>}
    </div>
  );
}
