// What keeps the records of a target and a time. Pure.
import type { Incident, LegalHold } from "../../api/types";

export interface Keeping {
  hold: LegalHold;
  /** Whether it is on all of the time, or on a part of it. */
  isWhole: boolean;
}

/** The legal holds in force on this target, for all of this time or a part of it. */
export function keeping(holds: readonly LegalHold[], { target, since, until }: Pick<Incident, "target" | "since" | "until">): Keeping[] {
  const [from, to] = [Date.parse(since), Date.parse(until)];
  return holds.flatMap((hold) => {
    const [begins, ends] = [at(hold.since, Number.NEGATIVE_INFINITY), at(hold.until, Number.POSITIVE_INFINITY)];
    const isOn = hold.lifted_at === null && hold.subject.kind === "target" && hold.subject.name === target && begins <= to && ends >= from;
    return isOn ? [{ hold, isWhole: begins <= from && ends >= to }] : [];
  });
}

function at(time: string | null, otherwise: number): number {
  return time === null ? otherwise : Date.parse(time);
}
