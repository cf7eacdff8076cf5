// The timing of a replay.
import { expect, test } from "vitest";
import { advance, offsets, play, shownAt } from "./replay";

test("pauses are capped at a second, and time never runs backwards", () => {
  expect(offsets([0, 100, 60_000, 60_050, 60_040])).toEqual([0, 100, 1100, 1150, 1150]);
  expect(offsets([])).toEqual([]);
});

test.each([
  [-1, 0],
  [0, 1],
  [99, 1],
  [100, 3],
  [1_000_000, 4],
])("at %d ms %d frames are shown", (position, expected) => {
  expect(shownAt([0, 100, 100, 1100], position)).toBe(expected);
});

test("speed multiplies, the end stops, and play begins anew there", () => {
  expect(advance({ position: 0, isPlaying: true }, 100, 8, 5000)).toEqual({ position: 800, isPlaying: true });
  expect(advance({ position: 4900, isPlaying: true }, 100, 32, 5000)).toEqual({ position: 5000, isPlaying: false });
  expect(advance({ position: 10, isPlaying: false }, 100, 1, 5000)).toEqual({ position: 10, isPlaying: false });
  expect(play({ position: 5000, isPlaying: false }, 5000)).toEqual({ position: 0, isPlaying: true });
  expect(play({ position: 40, isPlaying: false }, 5000)).toEqual({ position: 40, isPlaying: true });
});
