// What became of an alert, in a word, and what keeps it quiet. Pure.
import type { Alert, Snooze } from "../../api/types";
import type { Tone } from "../../parts/Pill";

export interface AlertState {
  word: string;
  tone: Tone;
}

const DONE = { block: "blocked", kill: "killed" } as const;

export function stateOf(then: Alert["then"], done: Alert["done"]): AlertState {
  if (then === "tell") return { word: "told", tone: "plain" };
  if (!done) return { word: `${then} under way`, tone: "warm" };
  return done.well ? { word: DONE[then], tone: "flow" } : { word: `not ${DONE[then]}`, tone: "warm" };
}

/** The snooze in force by which the like of it is not told now. */
export function snoozeOf({ rule, workload, identity }: Pick<Alert, "rule" | "workload" | "identity">, snoozes: readonly Snooze[]): Snooze | null {
  const names = [workload, ...(identity ? [identity] : [])];
  const isOf = (snooze: Snooze) => fits(snooze.rule, rule) && names.some((name) => fits(snooze.workload, name));
  return snoozes.find((snooze) => snooze.ended_at === null && isOf(snooze)) ?? null;
}

/** Whether a text fits a pattern in which `*` stands for anything, as the gateway has it: case does not count. */
export function fits(pattern: string, text: string): boolean {
  const [first = "", ...parts] = pattern.toLowerCase().split("*");
  const whole = text.toLowerCase();
  if (parts.length === 0) return first === whole;
  if (!whole.startsWith(first)) return false;
  const last = parts.pop() ?? "";
  let at = first.length;
  for (const part of parts) {
    const found = whole.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return whole.length - last.length >= at && whole.endsWith(last);
}
