// The timing of a replay: recorded pauses are capped, speed multiplies. Pure.

export const SPEEDS = [1, 2, 8, 32] as const;
export type Speed = (typeof SPEEDS)[number];

/** A recorded pause lasts no longer than this, at speed 1. */
export const LONGEST_PAUSE_MS = 1_000;

/** When each frame is shown, in milliseconds from the first one. */
export function offsets(times: readonly number[], longest = LONGEST_PAUSE_MS): number[] {
  const shown: number[] = [];
  let at = 0;
  times.forEach((time, index) => {
    const before = times[index - 1] ?? time;
    at += Math.min(Math.max(0, time - before), longest);
    shown.push(at);
  });
  return shown;
}

/** How many frames are shown at this position. The first is always there. */
export function shownAt(shown: readonly number[], position: number): number {
  let low = 0;
  let high = shown.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((shown[middle] ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface Playing {
  position: number;
  isPlaying: boolean;
}

/** One step of the clock. It stops at the end. */
export function advance(now: Playing, elapsed: number, speed: number, length: number): Playing {
  if (!now.isPlaying) return now;
  const position = Math.min(length, now.position + elapsed * speed);
  return { position, isPlaying: position < length };
}

/** Play begins anew where it has come to the end. */
export function play(now: Playing, length: number): Playing {
  return { position: now.position >= length ? 0 : now.position, isPlaying: true };
}
