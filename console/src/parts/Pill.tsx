// A state as a word with a mark. The word says it all; the colour helps.
import type { ReactNode } from "react";

export type Tone = "flow" | "warm" | "quiet" | "plain";

export function Pill({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`pill pill-${tone}`}>{children}</span>;
}

export function StatePill({ state }: { state: string }) {
  return <Pill tone={toneOf(state)}>{state}</Pill>;
}

export function toneOf(state: string): Tone {
  if (WARM.has(state)) return "warm";
  if (FLOW.has(state)) return "flow";
  return QUIET.has(state) ? "quiet" : "plain";
}

const WARM = new Set(["held", "waiting", "requested", "deny", "denied", "hold", "damaged", "failed", "blocked", "broken", "unclosed", "revoked"]);
const FLOW = new Set(["running", "live", "allow", "approved", "released", "given", "well", "active", "read", "permit", "available"]);
const QUIET = new Set(["idle", "ended", "expired", "withdrawn", "abandoned", "off", "none", "lifted", "kept"]);
