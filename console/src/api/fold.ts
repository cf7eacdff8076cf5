// Folds the gateway's events into what is live now. Pure: time comes in as a number.
import type { ControlEvent, LiveSession, Sample, SessionsEvent, Stats } from "./types";

export interface Rate {
  statements: number;
  rows: number;
}

export interface Live {
  /** Grows with each change, so that readers can tell two states apart cheaply. */
  version: number;
  sessions: ReadonlyMap<string, LiveSession>;
  /** Sessions that moved in the last step. Who is absent did nothing. */
  rates: ReadonlyMap<string, Rate>;
  /** Newest first. */
  events: readonly ControlEvent[];
  samples: readonly Sample[];
  /** How long the time is that one sample is about. */
  stepSeconds: number;
  foldedAt: number | null;
}

export const NOTHING: Live = {
  version: 0,
  sessions: new Map(),
  rates: new Map(),
  events: [],
  samples: [],
  stepSeconds: 1,
  foldedAt: null,
};

const EVENTS_KEPT = 200;
const SAMPLES_KEPT = 3600;
const SHORTEST_STEP_MS = 200;

export function foldSessions(live: Live, event: SessionsEvent, now: number): Live {
  const sessions = new Map(event.reset ? [] : live.sessions);
  const rates = new Map<string, Rate>();
  const seconds = Math.max(now - (live.foldedAt ?? now), SHORTEST_STEP_MS) / 1000;
  for (const opened of event.opened) {
    const before = live.sessions.get(opened.session);
    if (before && live.foldedAt !== null) noteRate(rates, before, opened, seconds);
    sessions.set(opened.session, opened);
  }
  for (const change of event.changed) {
    const before = sessions.get(change.session);
    if (!before) continue;
    noteRate(rates, before, change, seconds);
    sessions.set(change.session, { ...before, ...change });
  }
  for (const closed of event.closed) {
    sessions.delete(closed);
    rates.delete(closed);
  }
  return { ...live, version: live.version + 1, sessions, rates, foldedAt: now };
}

/** An event that is known already (the stream was resumed) changes nothing. */
export function foldControl(live: Live, event: ControlEvent): Live {
  if (live.events.some((known) => known.number === event.number)) return live;
  const events = [event, ...live.events].toSorted((a, b) => b.number - a.number).slice(0, EVENTS_KEPT);
  return { ...live, version: live.version + 1, events };
}

export function foldSample(live: Live, sample: Sample): Live {
  const last = live.samples.at(-1);
  if (last && last.at >= sample.at) return live;
  return { ...live, version: live.version + 1, samples: [...live.samples, sample].slice(-SAMPLES_KEPT) };
}

/** Takes the history that was asked for, and keeps what came by the stream since. */
export function foldHistory(live: Live, { step_seconds, samples: history }: Stats): Live {
  const last = history.at(-1)?.at ?? "";
  const since = live.samples.filter((sample) => sample.at > last);
  return { ...live, version: live.version + 1, samples: [...history, ...since].slice(-SAMPLES_KEPT), stepSeconds: step_seconds };
}

/** Nothing was heard for a while: what did something then is not doing it now. */
export function forgetRates(live: Live): Live {
  return live.rates.size === 0 ? live : { ...live, version: live.version + 1, rates: new Map() };
}

function noteRate(
  rates: Map<string, Rate>,
  before: { statements: number; rows: number },
  after: { session: string; statements: number; rows: number },
  seconds: number,
): void {
  const statements = Math.max(0, after.statements - before.statements) / seconds;
  const rows = Math.max(0, after.rows - before.rows) / seconds;
  if (statements > 0 || rows > 0) rates.set(after.session, { statements, rows });
}
