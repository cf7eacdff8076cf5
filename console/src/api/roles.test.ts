// Who may answer, and what is said to who may not.
import { expect, test } from "vitest";
import { may, whyNotAnswer, whyNotUnseal } from "./roles";
import type { Me, Role } from "./types";

const me = (role: Role, groups: string[], over: Partial<Me> = {}): Me => ({
  name: "ana", via: "", groups, roles: [{ role, targets: [], workloads: [] }], local_root: false, ...over,
});
const hold = (over: object = {}) => ({
  state: "waiting", involved: [] as string[], terms: [{ group: "dba", quorum: 1 }], votes: [] as { by: { name: string } }[], ...over,
});

const MAY = /^may answer$/;

test.each([
  ["an approver of the group", me("approver", ["dba"]), hold(), MAY],
  ["an admin of the group", me("admin", ["dba"]), hold(), MAY],
  ["root of the host", me("viewer", [], { local_root: true }), hold(), MAY],
  ["one of two groups", me("approver", ["dba"]), hold({ terms: [{ group: "dba" }, { group: "sec" }] }), MAY],
  ["without terms", me("approver", []), hold({ terms: [] }), MAY],
  ["who is involved", me("admin", ["dba"]), hold({ involved: ["ana"] }), /involved/],
  ["a viewer", me("viewer", ["dba"]), hold(), /role approver/],
  ["another group", me("approver", ["web"]), hold(), /somebody of dba.*You are in web/],
  ["who has voted", me("approver", ["dba"]), hold({ votes: [{ by: { name: "ana" } }] }), /already/],
  ["too late", me("approver", ["dba"]), hold({ state: "expired" }), /not wait/],
])("%s", (_, who, asked, expected) => {
  expect(whyNotAnswer(who, asked) ?? "may answer").toMatch(expected);
});

test("an admin may all, others what they were given", () => {
  expect(may(me("admin", []), "operator")).toBe(true);
  expect(may(me("viewer", []), "operator")).toBe(false);
});

test.each([
  ["an auditor", me("auditor", []), {}, MAY],
  ["an approver", me("approver", []), {}, MAY],
  ["an operator", me("operator", []), {}, /role auditor or approver/],
  ["whoever asked", me("auditor", []), { involved: ["ana"] }, /involved/],
  ["an auditor, too late", me("auditor", []), { state: "approved" }, /not wait/],
])("%s and a sealed layer", (_, who, over, expected) => {
  const asked = hold({ state: "asked", terms: [{ group: "role:approver", quorum: 1 }], ...over });
  expect(whyNotUnseal(who, asked) ?? "may answer").toMatch(expected);
});
