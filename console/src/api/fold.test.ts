// Events are folded into what is live: sessions, rates, control events, samples.
import { expect, test } from "vitest";
import { NOTHING, foldControl, foldHistory, foldSample, foldSessions, forgetRates } from "./fold";
import { nextLink, query } from "./client";
import { retryDelay } from "./live";
import type { ControlEvent, LiveSession, Sample, SessionsEvent } from "./types";

const session = (id: string, rows = 0): LiveSession => ({
  session: id, run: "r-1", workload: "w", name: null, owner: null, grade: "kernel", target: "t", environment: null,
  protocol: "postgres", user: null, database: null, opened: "2026-01-01T00:00:00Z", state: "idle", statement: null,
  statement_at: null, statements: 0, rows, bytes: 0, refused: 0,
});
const event = (over: Partial<SessionsEvent>): SessionsEvent => ({ reset: false, opened: [], changed: [], closed: [], ...over });
const change = (id: string, statements: number, rows: number) => ({
  session: id, state: "running" as const, statement: "SELECT 1", statement_at: null, statements, rows, bytes: 0, refused: 0,
});
const control = (number: number): ControlEvent => ({ number, at: "", kind: "hold.asked", by: "", subject: "", details: {} });
const sample = (at: string): Sample => ({ at, live: 0, statements: 0, rows: 0, bytes: 0, refused: 0, waiting: 0 });

test("sessions open, change and close, and their rates come from the step between", () => {
  const first = foldSessions(NOTHING, event({ reset: true, opened: [session("s-1"), session("s-2")] }), 1000);
  const second = foldSessions(first, event({ changed: [change("s-1", 4, 100)] }), 3000);
  expect(second.sessions.get("s-1")).toMatchObject({ state: "running", rows: 100, workload: "w" });
  expect(second.rates.get("s-1")).toEqual({ statements: 2, rows: 50 });
  expect(second.rates.has("s-2")).toBe(false);
  const third = foldSessions(second, event({ closed: ["s-1"] }), 4000);
  expect([...third.sessions.keys()]).toEqual(["s-2"]);
  expect(forgetRates(second).rates.size).toBe(0);
});

test("a reset forgets who is not named, and still measures who is", () => {
  const first = foldSessions(NOTHING, event({ reset: true, opened: [session("s-1", 10), session("s-2")] }), 0);
  const again = foldSessions(first, event({ reset: true, opened: [session("s-1", 20)] }), 5000);
  expect([...again.sessions.keys()]).toEqual(["s-1"]);
  expect(again.rates.get("s-1")).toEqual({ statements: 0, rows: 2 });
});

test("a change of a session that is not known is left alone", () => {
  expect(foldSessions(NOTHING, event({ changed: [change("s-9", 1, 1)] }), 0).sessions.size).toBe(0);
});

test("control events come once, newest first", () => {
  const folded = [control(2), control(1), control(2), control(3)].reduce(foldControl, NOTHING);
  expect(folded.events.map((one) => one.number)).toEqual([3, 2, 1]);
});

test("history and stream meet without a sample twice", () => {
  const streamed = foldSample(foldSample(NOTHING, sample("02")), sample("03"));
  const folded = foldHistory(streamed, { step_seconds: 5, samples: [sample("01"), sample("02")] });
  expect(folded.stepSeconds).toBe(5);
  expect(folded.samples.map((one) => one.at)).toEqual(["01", "02", "03"]);
  expect(foldSample(folded, sample("03"))).toBe(folded);
});

test("retries come ever slower, up to half a minute", () => {
  expect([0, 1, 2, 10].map(retryDelay)).toEqual([1000, 2000, 4000, 30_000]);
});

test.each([
  [null, null],
  ['</v1/records?before=s-1&limit=5>; rel="next"', "/v1/records?before=s-1&limit=5"],
  ['<https://weir.example/v1/a?x=1>; rel="prev", <https://weir.example/v1/a?x=2>; rel=next', "/v1/a?x=2"],
  ['</v1/a>; rel="last"', null],
])("the next page of %j is %j", (header, expected) => {
  expect(nextLink(header)).toBe(expected);
});

test("a query names what is asked alone", () => {
  expect(query({ a: 1, b: "", c: null, d: undefined, e: "x y" })).toBe("?a=1&e=x+y");
});
