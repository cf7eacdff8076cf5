// Which live sessions are shown, and in which order. Pure, and quick for ten thousand.
import type { Live, Rate } from "../../api/fold";
import type { LiveSession } from "../../api/types";
import type { Sorting } from "../../parts/Grid";

export interface Row {
  session: LiveSession;
  rate: Rate;
}

const STILL: Rate = { statements: 0, rows: 0 };
const URGENCY = { held: 2, running: 1, idle: 0 } as const;

export function chooseRows(live: Live, text: string, state: string, sorting: Sorting): Row[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rows: Row[] = [];
  for (const session of live.sessions.values()) {
    if (state && session.state !== state) continue;
    if (wanted.length > 0 && !has(session, wanted)) continue;
    rows.push({ session, rate: live.rates.get(session.session) ?? STILL });
  }
  const compare = ORDERS[sorting.key] ?? byState;
  const sign = sorting.down ? -1 : 1;
  return rows.toSorted((a, b) => sign * compare(a, b) || (a.session.session < b.session.session ? -1 : 1));
}

function has(session: LiveSession, wanted: readonly string[]): boolean {
  const text =
    `${session.session} ${session.run} ${session.name ?? ""} ${session.workload} ${session.owner ?? ""} ${session.target} ${session.user ?? ""}@${session.database ?? ""} ${session.statement ?? ""}`.toLowerCase();
  return wanted.every((word) => text.includes(word));
}

const byState = (a: Row, b: Row) => URGENCY[a.session.state] - URGENCY[b.session.state];
const byText = (read: (session: LiveSession) => string) => (a: Row, b: Row) => {
  const [left, right] = [read(a.session), read(b.session)];
  return left < right ? 1 : left > right ? -1 : 0;
};

const ORDERS: Record<string, (a: Row, b: Row) => number> = {
  state: byState,
  workload: byText((session) => session.name ?? session.workload),
  target: byText((session) => session.target),
  who: byText((session) => `${session.user ?? ""}@${session.database ?? ""}`),
  opened: byText((session) => session.opened),
  statements: (a, b) => a.session.statements - b.session.statements,
  rows: (a, b) => a.session.rows - b.session.rows,
  statementRate: (a, b) => a.rate.statements - b.rate.statements,
  rowRate: (a, b) => a.rate.rows - b.rate.rows,
};
