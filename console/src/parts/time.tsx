// Times that move: how long ago, how long yet. One clock ticks for all of them.
import { useSyncExternalStore } from "react";
import { ago, clock, countdown, dateAndClock } from "./format";

const readers = new Set<() => void>();
let now = Date.now();
let ticking: number | undefined;

/** The current time, by the second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

export function TimeAgo({ time }: { time: string | null | undefined }) {
  const at = useNow();
  if (!time) return <span className="quiet">never</span>;
  return (
    <time dateTime={time} title={`${dateAndClock(time)} (${time})`}>
      {ago(Date.parse(time), at)}
    </time>
  );
}

export function Clock({ time, withDate = false }: { time: string; withDate?: boolean }) {
  return (
    <time dateTime={time} title={`${dateAndClock(time)} (${time})`}>
      {withDate ? dateAndClock(time) : clock(time)}
    </time>
  );
}

export function Countdown({ until }: { until: string }) {
  const left = Date.parse(until) - useNow();
  return (
    <time dateTime={until} title={dateAndClock(until)} className={left < 60_000 ? "countdown countdown-soon" : "countdown"}>
      {left > 0 ? `${countdown(left)} left` : "time is over"}
    </time>
  );
}

function subscribe(reader: () => void): () => void {
  if (readers.size === 0) now = Date.now();
  readers.add(reader);
  ticking ??= window.setInterval(tick, 1000);
  return () => {
    readers.delete(reader);
    if (readers.size > 0) return;
    window.clearInterval(ticking);
    ticking = undefined;
  };
}

function tick(): void {
  now = Date.now();
  for (const reader of readers) reader();
}
