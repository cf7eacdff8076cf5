// What format.ts promises.
import { expect, test } from "vitest";
import { ago, bytes, count, countdown, duration, plain, plural, rate, shortWorkload } from "./format";

test.each([
  [count(0), "0"],
  [count(1234), "1\u202f234"],
  [count(-1234567), "−1\u202f234\u202f567"],
  [count(12345.25), "12\u202f345.25"],
  [plural(1, "row"), "1 row"],
  [plural(0, "query", "queries"), "0 queries"],
  [rate(0), "0"],
  [rate(0.42), "0.4"],
  [rate(12.4), "12"],
  [rate(3400), "3.4 k"],
  [rate(34_000), "34 k"],
  [rate(2_500_000), "2.5 M"],
  [bytes(12), "12 B"],
  [bytes(1536), "1.5 KiB"],
  [bytes(300 * 1024), "300 KiB"],
  [duration(0.9), "0.9 ms"],
  [duration(9), "9 ms"],
  [duration(340), "340 ms"],
  [duration(3400), "3.4 s"],
  [duration(12_000), "12 s"],
  [duration(185_000), "3 min 5 s"],
  [duration(7_800_000), "2 h 10 min"],
  [duration(99 * 3_600_000), "4 d 3 h"],
  [ago(0, 500), "now"],
  [ago(0, 12_000), "12 s ago"],
  [ago(200_000, 0), "in 3 min"],
  [countdown(-5), "0:00"],
  [countdown(65_000), "1:05"],
  [countdown(3_723_000), "1:02:03"],
  [plain({ user: "root", runs: [1, 2], left: null }), "user=root runs=1, 2 left=none"],
  [shortWorkload("spiffe://acme.example/host/vm/user/root/exe/psql"), "exe/psql"],
])("%s is written as %s", (got, expected) => {
  expect(got).toBe(expected);
});
