// Who may do what, as far as the page can know. The API has the last word.
import { useQuery } from "@tanstack/react-query";
import { meQuery } from "./queries";
import type { Me, Role } from "./types";

/** True while it is not known yet: then the API answers. */
export function useMay(role: Role): boolean {
  const { data } = useQuery(meQuery);
  return data ? may(data, role) : true;
}

export function may(me: Me, role: Role): boolean {
  return me.local_root || me.roles.some((given) => given.role === role || given.role === "admin");
}

/** A hold or a request for a grant, as far as answering goes. */
export interface Answerable {
  state: string;
  involved: readonly string[];
  terms: readonly { group: string; quorum: number }[];
  votes: readonly { by: { name: string } }[];
}

/** Says plainly why this person can't answer, or null where they can as far as is known here. */
export function whyNotAnswer(me: Me, asked: Answerable): string | null {
  return whyNot(me, asked, ["approver"]);
}

/** The same of a request to open a sealed layer: auditors may agree, too. */
export function whyNotUnseal(me: Me, asked: Answerable): string | null {
  return whyNot(me, asked, ["auditor", "approver"]);
}

const WAITING = new Set(["waiting", "requested", "asked"]);

function whyNot(me: Me, asked: Answerable, roles: readonly Role[]): string | null {
  if (!WAITING.has(asked.state)) return "It does not wait any more.";
  if (asked.involved.includes(me.name)) return "You are involved in it yourself, so somebody else has to answer.";
  if (!roles.some((role) => may(me, role))) return `Answering needs the role ${roles.join(" or ")}, which you don't have.`;
  if (asked.votes.some((vote) => vote.by.name === me.name)) return "You have approved it already. It waits for others.";
  const groups = [...new Set(asked.terms.map((term) => term.group))];
  // Whoever may approve is in this one.
  const isIn = (group: string) => group === "role:approver" || me.groups.includes(group);
  const inOne = me.local_root || groups.length === 0 || groups.some(isIn);
  if (!inOne) return `It waits for somebody of ${groups.join(" or ")}. You are in ${me.groups.join(", ") || "no group"}.`;
  return null;
}
