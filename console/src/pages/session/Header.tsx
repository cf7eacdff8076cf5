// Who did something where, when, and how much of it.
import type { LiveSession, SessionRecord } from "../../api/types";
import { Facts } from "../../parts/Facts";
import { bytes, count, duration } from "../../parts/format";
import { Identity } from "../../parts/Identity";
import { Pill } from "../../parts/Pill";
import { Shut } from "../../parts/Shut";
import { Clock, useNow } from "../../parts/time";
import { RunLink, WorkloadLink } from "../../parts/links";

export function Header({ record, live }: { record: SessionRecord; live: LiveSession | undefined }) {
  const { summary, opened } = record;
  const now = useNow();
  const totals = live ?? summary;
  const lasted = live ? now - Date.parse(live.opened) : summary.duration_ms;
  return (
    <>
      <h2>Who and what</h2>
      <Facts
        facts={[
          ["workload", <WorkloadLink key="w" workload={summary.workload} name={summary.name} />],
          ["owner", summary.owner],
          ["grade", summary.grade],
          ["run", <RunLink key="r" run={summary.run} />],
          ["target", opened?.target.environment ? `${summary.target} (${opened.target.environment})` : summary.target],
          ["asked for", summary.original],
          ["user", `${summary.user ?? "?"}@${summary.database ?? "?"}`],
          ["started", <Clock key="s" time={summary.started} withDate />],
          ["lasted", duration(lasted)],
          ["statements", count(totals.statements)],
          ["rows", count(totals.rows)],
          ["refused", live && live.refused > 0 ? count(live.refused) : null],
          ["errors", summary.errors > 0 ? count(summary.errors) : null],
          ["record", `${count(summary.frames)} frames, ${bytes(summary.bytes)}`],
          ["ended", live ? null : summary.reason],
        ]}
      />
      {opened?.decision && (
        <p>
          At the door: <Pill tone={opened.decision.outcome === "allow" ? "flow" : "warm"}>{opened.decision.outcome ?? "?"}</Pill>
          {opened.decision.policies && opened.decision.policies.length > 0 && ` by ${opened.decision.policies.join(", ")}`}
          {opened.decision.mode && `, ${opened.decision.mode} mode`}
          {opened.decision.reason && `: ${opened.decision.reason}`}
        </p>
      )}
      {opened && (
        <Shut title="Identity evidence">
          <Identity principal={opened.principal} />
          <Facts
            wide
            facts={[
              ["client", opened.client],
              ["gateway", opened.gateway_version && `weir ${opened.gateway_version} on ${opened.host ?? "?"}`],
              ["policy set", opened.decision?.set_hash && <code>{opened.decision.set_hash}</code>],
            ]}
          />
        </Shut>
      )}
    </>
  );
}
