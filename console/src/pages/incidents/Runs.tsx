// The runs of an incident: in a table by rows or by time, and each with what it saw, did and sent elsewhere.
import type { Visit } from "../../api/types";
import { Facts } from "../../parts/Facts";
import { bytes, count, duration } from "../../parts/format";
import { RunLink, SessionLink, WorkloadLink } from "../../parts/links";
import { Pill } from "../../parts/Pill";
import { Table } from "../../parts/Table";
import { Clock } from "../../parts/time";
import { Written } from "../../parts/Written";
import { Exposed } from "./Exposed";

export type Order = "rows" | "server_us";

export function RunTable({ runs, order }: { runs: readonly Visit[]; order: Order }) {
  return (
    <Table
      label="Runs"
      rows={runs.toSorted((a, b) => b[order] - a[order])}
      rowKey={keyOf}
      columns={[
        { title: "Workload", wide: true, cell: (run) => <Who run={run} /> },
        { title: "Owner", cell: (run) => run.owner ?? "nobody" },
        { title: "Run", cell: (run) => run.run && <RunLink run={run.run} /> },
        { title: "Rows", end: true, cell: (run) => count(run.rows) },
        { title: "At the server", end: true, cell: (run) => duration(run.server_us / 1000) },
        { title: "Did", cell: (run) => <WrotePill wrote={run.wrote} /> },
        { title: "Elsewhere", end: true, cell: (run) => count(run.elsewhere.length) },
      ]}
    />
  );
}

export function RunCards({ runs }: { runs: readonly Visit[] }) {
  return runs.map((run) => <RunCard key={keyOf(run)} run={run} />);
}

function RunCard({ run }: { run: Visit }) {
  return (
    <article className="card" aria-label={`Run ${run.run ?? "unknown"}`}>
      <header className="hold-head">
        <h3>
          <Who run={run} />
        </h3>
        <WrotePill wrote={run.wrote} />
        {run.live && <Pill tone="flow">goes on</Pill>}
        {run.run && <RunLink run={run.run} />}
      </header>
      <Facts
        facts={[
          ["owner", run.owner ?? "nobody"],
          ["grade", run.grade],
          ["signed in", run.person],
          ["login", run.login && `${run.login} by ${run.credential ?? "its own password"}`],
          ["from", <Clock key="f" time={run.first} withDate />],
          ["to", <Clock key="l" time={run.last} withDate />],
          ["rows", count(run.rows)],
          ["at the server", duration(run.server_us / 1000)],
          ["statements", run.errors > 0 ? `${count(run.statements)}, ${count(run.errors)} failed or refused` : count(run.statements)],
          ["sessions", <>{count(run.sessions)}, the newest <SessionLink session={run.session} /></>],
        ]}
      />
      {run.exposure.length > 0 && <Exposed label="What it saw of each class" exposure={run.exposure} />}
      {run.objects.length > 0 && <Objects objects={run.objects} />}
      {run.elsewhere.length > 0 && <Elsewhere elsewhere={run.elsewhere} />}
    </article>
  );
}

function Objects({ objects }: Pick<Visit, "objects">) {
  return (
    <Table
      label="What it did with what"
      rows={objects}
      rowKey={(one) => `${one.verb} ${one.object} ${one.outcome}`}
      warm={(one) => one.outcome === "denied"}
      columns={[
        { title: "Did", cell: (one) => one.verb },
        { title: "What", wide: true, cell: (one) => <code><Written text={one.object} /></code> },
        { title: "Outcome", cell: (one) => one.outcome },
        { title: "Times", end: true, cell: (one) => count(one.count) },
        { title: "Rows", end: true, cell: (one) => count(one.rows) },
      ]}
    />
  );
}

function Elsewhere({ elsewhere }: Pick<Visit, "elsewhere">) {
  return (
    <Table
      label="Where else it connected"
      rows={elsewhere}
      rowKey={(one) => `${one.target} ${one.protocol ?? ""}`}
      columns={[
        { title: "Also at", wide: true, cell: (one) => <b><Written text={one.target} /></b> },
        { title: "Protocol", cell: (one) => one.protocol },
        { title: "Sessions", end: true, cell: (one) => count(one.sessions) },
        { title: "Refused", end: true, cell: (one) => count(one.refused) },
        { title: "Sent", end: true, cell: (one) => bytes(one.sent) },
        { title: "Received", end: true, cell: (one) => bytes(one.received) },
      ]}
    />
  );
}

const WROTE = {
  no: ["only read", "plain"],
  yes: ["changed something", "warm"],
  unknown: ["may have changed something", "warm"],
} as const;

function WrotePill({ wrote }: Pick<Visit, "wrote">) {
  const [text, tone] = WROTE[wrote];
  return <Pill tone={tone}>{text}</Pill>;
}

function Who({ run: { workload, name } }: { run: Visit }) {
  return workload ? <WorkloadLink workload={workload} name={name} /> : (name ?? "not known");
}

function keyOf(run: Visit): string {
  return run.run ?? run.session;
}
