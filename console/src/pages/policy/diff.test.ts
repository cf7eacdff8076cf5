// The line diff.
import { expect, test } from "vitest";
import { diffLines, withContext } from "./diff";

const SIGN = { same: " ", gone: "-", new: "+" } as const;
const shown = (before: string, after: string) => diffLines(before, after).map((line) => SIGN[line.kind] + line.text);

test.each([
  ["", "", []],
  ["a\n", "a\n", [" a"]],
  ["a\nb\nc\n", "a\nx\nc\n", [" a", "-b", "+x", " c"]],
  ["", "a\nb", ["+a", "+b"]],
  ["a\nb", "", ["-a", "-b"]],
  ["a\nb\nc\nd", "b\nc\ne\nd", ["-a", " b", " c", "+e", " d"]],
])("from %j to %j", (before, after, expected) => {
  expect(shown(before, after)).toEqual(expected);
});

test("lines keep their numbers on both sides", () => {
  expect(diffLines("a\nb", "b")).toEqual([
    { kind: "gone", text: "a", before: 1, after: null },
    { kind: "same", text: "b", before: 2, after: 1 },
  ]);
});

test("far lines are left out once", () => {
  const before = Array.from({ length: 20 }, (_, index) => String(index)).join("\n");
  const kept = withContext(diffLines(before, before.replace("10", "x")), 1);
  expect(kept.map((line) => line && SIGN[line.kind] + line.text)).toEqual([null, " 9", "-10", "+x", " 11", null]);
});
