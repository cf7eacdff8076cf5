// What the list of alerts and the page of one share: how much it matters, whose it is, what became of it.
import type { Alert, Severity, Snooze } from "../../api/types";
import { RunLink, WorkloadLink } from "../../parts/links";
import { Pill, type Tone } from "../../parts/Pill";
import { snoozeOf, stateOf } from "./state";

const TONES: Record<Severity, Tone> = { high: "warm", medium: "plain", low: "quiet", informational: "quiet" };

export function SeverityPill({ severity }: { severity: Severity }) {
  return <Pill tone={TONES[severity]}>{severity}</Pill>;
}

/** A finding of a run that never had a session knows the run alone; some are about nobody. */
export function Whose({ alert: { workload, identity } }: { alert: Alert }) {
  if (workload === "") return <span className="quiet">nobody's</span>;
  if (/^r-[0-9a-z]{13}$/.test(workload)) return <RunLink run={workload} />;
  return <WorkloadLink workload={identity ?? workload} name={workload === identity ? null : workload} />;
}

export function AlertPills({ alert, snoozes }: { alert: Alert; snoozes: readonly Snooze[] }) {
  const { word, tone } = stateOf(alert.then, alert.done);
  return (
    <span className="pills">
      <Pill tone={tone}>{word}</Pill>
      {snoozeOf(alert, snoozes) && <Pill tone="quiet">snoozed</Pill>}
    </span>
  );
}
