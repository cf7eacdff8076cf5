// Follows /v1/events and holds what is live in one store; polls where the stream can't be had.
import { createContext, useContext, useSyncExternalStore } from "react";
import { get, getAll, goToSignIn } from "./client";
import { type Live, NOTHING, foldControl, foldHistory, foldSample, foldSessions, forgetRates } from "./fold";
import type { ControlEvent, LiveSession, Sample, SessionsEvent, Stats } from "./types";

export type Link = { state: "connecting" } | { state: "live" } | { state: "retrying"; since: number };

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
const POLL_MS = 5_000;
const OPEN_WITHIN_MS = 10_000;
/** After so long without word, what moved is not moving any more. */
const QUIET_MS = 2_500;
const QUIET_POLLED_MS = 12_000;

/** How long to wait before the try with this number, from 0. */
export function retryDelay(tries: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** tries);
}

export class LiveStore {
  private live: Live = NOTHING;
  private link: Link = { state: "connecting" };
  private source: EventSource | null = null;
  private tries = 0;
  private resumes = 0;
  private retry: number | undefined;
  private poll: number | undefined;
  private quiet: number | undefined;
  private readonly readers = new Set<() => void>();
  private readonly controlReaders = new Set<(event: ControlEvent) => void>();

  /** `stale` is called when what was cached elsewhere may be out of date. */
  constructor(private readonly stale: () => void) {}

  start(): void {
    this.connect();
    void this.readHistory();
  }

  readonly subscribe = (reader: () => void): (() => void) => {
    this.readers.add(reader);
    return () => this.readers.delete(reader);
  };

  onControl(reader: (event: ControlEvent) => void): () => void {
    this.controlReaders.add(reader);
    return () => this.controlReaders.delete(reader);
  }

  readonly readLive = (): Live => this.live;
  readonly readLink = (): Link => this.link;

  private connect(): void {
    const source = new EventSource("/v1/events");
    this.source = source;
    const late = window.setTimeout(() => this.lost(source), OPEN_WITHIN_MS);
    source.addEventListener("open", () => {
      window.clearTimeout(late);
      this.opened();
    });
    source.addEventListener("error", () => {
      window.clearTimeout(late);
      this.lost(source);
    });
    source.addEventListener("sessions", (event) => this.takeSessions(parse<SessionsEvent>(event)));
    source.addEventListener("control", (event) => this.takeControl(parse<ControlEvent>(event)));
    source.addEventListener("sample", (event) => this.set(foldSample(this.live, parse<Sample>(event))));
    source.addEventListener("bye", () => {
      source.close();
      goToSignIn();
    });
  }

  private opened(): void {
    const wasLost = this.link.state === "retrying";
    this.tries = 0;
    this.resumes = 0;
    window.clearInterval(this.poll);
    this.poll = undefined;
    this.link = { state: "live" };
    if (wasLost) {
      this.stale();
      void this.readHistory();
    }
    this.tell();
  }

  /** The browser resumes a broken stream once by itself, behind the last event that it had. Then we retry, ever slower. */
  private lost(source: EventSource): void {
    if (source !== this.source) return;
    if (this.link.state !== "retrying") {
      this.link = { state: "retrying", since: Date.now() };
      this.poll = window.setInterval(() => void this.pollOnce(), POLL_MS);
      void this.pollOnce();
    }
    const resumes = this.resumes++ === 0 && source.readyState === EventSource.CONNECTING;
    if (!resumes) {
      source.close();
      this.source = null;
      window.clearTimeout(this.retry);
      this.retry = window.setTimeout(() => this.connect(), retryDelay(this.tries++));
    }
    this.tell();
  }

  private async pollOnce(): Promise<void> {
    try {
      const opened = await getAll<LiveSession>("/v1/sessions");
      if (this.link.state !== "retrying") return;
      this.takeSessions({ reset: true, opened, changed: [], closed: [] });
      await this.readHistory();
      this.stale();
    } catch {
      // The link's state says already that the gateway does not answer.
    }
  }

  private async readHistory(): Promise<void> {
    try {
      const stats = await get<Stats>("/v1/stats");
      this.set(foldHistory(this.live, stats));
    } catch {
      // The link's state says already that the gateway does not answer.
    }
  }

  private takeSessions(event: SessionsEvent): void {
    this.set(foldSessions(this.live, event, Date.now()));
    window.clearTimeout(this.quiet);
    this.quiet = window.setTimeout(() => this.set(forgetRates(this.live)), this.link.state === "live" ? QUIET_MS : QUIET_POLLED_MS);
  }

  private takeControl(event: ControlEvent): void {
    const before = this.live;
    this.set(foldControl(before, event));
    if (this.live !== before) for (const reader of this.controlReaders) reader(event);
  }

  private set(live: Live): void {
    if (live === this.live) return;
    this.live = live;
    this.tell();
  }

  private tell(): void {
    for (const reader of this.readers) reader();
  }
}

export const LiveContext = createContext<LiveStore | null>(null);

export function useLiveStore(): LiveStore {
  const store = useContext(LiveContext);
  if (!store) throw new Error("There is no live store above this component.");
  return store;
}

export function useLive(): Live {
  const store = useLiveStore();
  return useSyncExternalStore(store.subscribe, store.readLive);
}

export function useLink(): Link {
  const store = useLiveStore();
  return useSyncExternalStore(store.subscribe, store.readLink);
}

function parse<T>(event: Event): T {
  return JSON.parse((event as MessageEvent<string>).data) as T;
}
