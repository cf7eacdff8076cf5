// What is chosen of the live sessions, in which order.
import { expect, test } from "vitest";
import { NOTHING, foldSessions } from "../../api/fold";
import type { LiveSession } from "../../api/types";
import { chooseRows } from "./rows";

const session = (id: string, over: Partial<LiveSession>): LiveSession => ({
  session: id, run: "r-1", workload: "w", name: null, owner: null, grade: "kernel", target: "prod", environment: null,
  protocol: "postgres", user: "u", database: "d", opened: "2026-01-01T00:00:00Z", state: "idle", statement: null,
  statement_at: null, statements: 0, rows: 0, bytes: 0, refused: 0, ...over,
});

const live = foldSessions(
  NOTHING,
  {
    reset: true,
    opened: [
      session("s-1", { name: "backup", rows: 5 }),
      session("s-2", { name: "agent", state: "held", rows: 1 }),
      session("s-3", { name: "agent", state: "running", statement: "SELECT 1", rows: 9 }),
    ],
    changed: [],
    closed: [],
  },
  0,
);

test.each([
  ["", "", { key: "state", down: true }, ["s-2", "s-3", "s-1"]],
  ["agent", "", { key: "rows", down: true }, ["s-3", "s-2"]],
  ["AGENT select", "", { key: "rows", down: true }, ["s-3"]],
  ["", "idle", { key: "rows", down: true }, ["s-1"]],
  ["", "", { key: "rows", down: false }, ["s-2", "s-1", "s-3"]],
  ["nobody", "", { key: "rows", down: false }, []],
])("text %j, state %j, sorted by %j", (text, state, sorting, expected) => {
  expect(chooseRows(live, text, state, sorting).map((row) => row.session.session)).toEqual(expected);
});
