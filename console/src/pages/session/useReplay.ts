// Runs a replay by the clock.
import { useEffect, useMemo, useState } from "react";
import type { Frame } from "../../api/types";
import { type Playing, type Speed, advance, offsets, play, shownAt } from "./replay";

export interface Replay {
  /** False: everything is shown as it is recorded. */
  isOn: boolean;
  isPlaying: boolean;
  position: number;
  length: number;
  speed: Speed;
  shown: number;
  play: () => void;
  pause: () => void;
  seek: (position: number) => void;
  setSpeed: (speed: Speed) => void;
  leave: () => void;
}

const TICK_MS = 80;

export function useReplay(frames: readonly Frame[]): Replay {
  const [playing, setPlaying] = useState<Playing | null>(null);
  const [speed, setSpeed] = useState<Speed>(1);
  const shownAtEach = useMemo(() => offsets(frames.map((frame) => Date.parse(frame.time))), [frames]);
  const length = shownAtEach.at(-1) ?? 0;
  const isPlaying = playing?.isPlaying ?? false;

  useEffect(() => {
    if (!isPlaying) return undefined;
    let before = performance.now();
    const ticks = window.setInterval(() => {
      const now = performance.now();
      const elapsed = now - before;
      before = now;
      setPlaying((at) => at && advance(at, elapsed, speed, length));
    }, TICK_MS);
    return () => window.clearInterval(ticks);
  }, [isPlaying, speed, length]);

  return {
    isOn: playing !== null,
    isPlaying,
    position: playing?.position ?? length,
    length,
    speed,
    shown: playing ? shownAt(shownAtEach, playing.position) : frames.length,
    play: () => setPlaying((at) => play(at ?? { position: length, isPlaying: false }, length)),
    pause: () => setPlaying((at) => at && { ...at, isPlaying: false }),
    seek: (position) => setPlaying((at) => ({ position, isPlaying: at?.isPlaying ?? false })),
    setSpeed,
    leave: () => setPlaying(null),
  };
}
