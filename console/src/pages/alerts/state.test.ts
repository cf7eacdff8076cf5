// What became of an alert, and which snooze it falls under.
import { expect, test } from "vitest";
import type { Snooze } from "../../api/types";
import { fits, snoozeOf, stateOf } from "./state";

const done = (well: boolean) => ({ what: "", well, at: "" });

test.each([
  ["tell", null, "told", "plain"],
  ["block", null, "block under way", "warm"],
  ["block", done(true), "blocked", "flow"],
  ["kill", done(true), "killed", "flow"],
  ["kill", done(false), "not killed", "warm"],
] as const)("%s, done: %o", (then, what, word, tone) => {
  expect(stateOf(then, what)).toEqual({ word, tone });
});

test.each([
  ["*", "anything", true],
  ["*", "", true],
  ["backup", "Backup", true],
  ["backup-*", "backup-nightly", true],
  ["backup-*", "backup", false],
  ["spiffe://*/exe/psql", "spiffe://acme.example/host/vm-7/exe/psql", true],
  ["rows.far", "rowsxfar", false],
  ["a*b*c", "a-b-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["", "backup", false],
])("%s and %s", (pattern, text, expected) => {
  expect(fits(pattern, text)).toBe(expected);
});

const snooze = (over: Partial<Snooze>): Snooze => ({
  id: "z-1", rule: "*", workload: "backup", reason: "", by: "", since: "", until: "", lifted: null, ended_at: null, ...over,
});

test("a snooze is of a name or an identity, as long as it is in force", () => {
  const alert = { rule: "rows", workload: "backup", identity: "spiffe://acme.example/backup" };
  expect(snoozeOf(alert, [snooze({})])?.id).toBe("z-1");
  expect(snoozeOf(alert, [snooze({ workload: "spiffe://*" })])?.id).toBe("z-1");
  expect(snoozeOf(alert, [snooze({ rule: "tables" })])).toBeNull();
  expect(snoozeOf(alert, [snooze({ ended_at: "2026-11-29T08:00:00Z" })])).toBeNull();
});
