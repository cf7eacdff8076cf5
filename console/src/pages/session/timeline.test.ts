// Frames become operations by their number, also where they interleave.
import { expect, test } from "vitest";
import type { Frame } from "../../api/types";
import { type Operation, timeline } from "./timeline";

let number = 0;
const frame = (kind: string, operation: number | null, body: Record<string, unknown> = {}): Frame => ({
  frame: number++, time: `2026-01-01T00:00:0${number % 10}Z`, kind, operation, body,
});

test("interleaved operations are told apart, and what has no number stands alone", () => {
  const items = timeline([
    frame("opened", null),
    frame("statement", 1, { sent: "parse", text: "SELECT $1" }),
    frame("statement", 2, { sent: "query", text: { base64: "AAE=" } }),
    frame("parameters", 1, { values: [7, null] }),
    frame("decision", null, { operation: 2, outcome: "deny", policies: ["p"], reason: "no" }),
    frame("rows", 1, { messages: [{ columns: ["a", { name: "b" }] }, { row: ["1", null] }] }),
    frame("rows", 1, { messages: [{ row: ["2", "x"] }, { copy: "raw" }, { message: "NoData", bytes: 5 }] }),
    frame("note", null, { what: "masked", operation: 1, part: 0, rows: 2, columns: [{ column: 1, name: "b", classes: ["pii"], how: "redact" }] }),
    frame("completed", 1, { rows: 2, bytes: 40, tag: "SELECT 2" }),
    frame("failed", 2, { code: "42501", message: "refused" }),
    frame("note", 2, { what: "held" }),
    frame("ended", null, { reason: "client" }),
  ]);
  expect(items.map((item) => item.kind)).toEqual(["opened", "operation", "operation", "ended"]);
  const [first, second] = items.slice(1, 3) as [Operation, Operation];
  expect(first).toMatchObject({
    operation: 1, statement: "SELECT $1", parameters: ["7", "none"], masked: ["b"],
    results: [{ columns: ["a", "b"], rows: [["1", null], ["2", "x"]], other: ["raw", "NoData (5 bytes)"] }],
    completed: { rows: 2, tag: "SELECT 2" },
  });
  expect(second).toMatchObject({ operation: 2, failed: { code: "42501" }, statement: "(bytes that are no text) AAE=" });
  expect(second.decisions[0]).toMatchObject({ outcome: "deny", policies: ["p"], reason: "no" });
  expect(second.notes).toHaveLength(1);
});

test("what is withheld is known to be", () => {
  const [item] = timeline([frame("rows", 4, { withheld: "auditor" }), frame("parameters", 4, { withheld: "auditor" })]);
  expect(item).toMatchObject({ rowsWithheld: "auditor", parametersWithheld: "auditor", results: [] });
});
