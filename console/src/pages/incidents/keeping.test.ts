// Which legal holds keep the records of an incident.
import { expect, test } from "vitest";
import type { LegalHold } from "../../api/types";
import { keeping } from "./keeping";

const hour = (number: number) => `2026-11-29T${String(number).padStart(2, "0")}:00:00Z`;
const hold = (over: Partial<LegalHold>): LegalHold => ({
  id: "l-1", subject: { kind: "target", name: "prod-pg" }, since: null, until: null, reason: "", by: "", set_at: "", lifted: null, lifted_at: null, ...over,
});
const incident = { target: "prod-pg", since: hour(10), until: hour(12) };

test.each([
  ["without an end", {}, [true]],
  ["of that time", { since: hour(10), until: hour(12) }, [true]],
  ["of a part", { since: hour(11) }, [false]],
  ["that ends within", { until: hour(11) }, [false]],
  ["of before", { until: hour(9) }, []],
  ["of after", { since: hour(13) }, []],
  ["that is lifted", { lifted_at: hour(11) }, []],
  ["of another target", { subject: { kind: "target" as const, name: "dev" } }, []],
  ["of a run of that name", { subject: { kind: "run" as const, name: "prod-pg" } }, []],
])("a hold %s", (_, over, expected) => {
  expect(keeping([hold(over)], incident).map((one) => one.isWhole)).toEqual(expected);
});
