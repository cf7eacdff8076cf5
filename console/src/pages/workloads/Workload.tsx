// One workload: its identity and what that rests on, its owner, what it does and did, and its block.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { useLive } from "../../api/live";
import { recentRecordsQuery, workloadsQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { Workload as WorkloadShape } from "../../api/types";
import { BlockWorkload } from "../../parts/BlockWorkload";
import { Facts } from "../../parts/Facts";
import { count, plural, shortWorkload } from "../../parts/format";
import { Attested, Claims, processFacts } from "../../parts/Identity";
import { Page, Section } from "../../parts/Page";
import { Pill, StatePill } from "../../parts/Pill";
import { RecordTable } from "../../parts/RecordTable";
import { Sql } from "../../parts/Sql";
import { Empty, Loaded } from "../../parts/states";
import { Table } from "../../parts/Table";
import { TimeAgo } from "../../parts/time";
import { SessionLink } from "../../parts/links";
import { Owner } from "./Workloads";

export function Workload() {
  const { name } = useParams({ from: "/workloads/$name" });
  const workloads = useQuery(workloadsQuery);
  return (
    <Loaded from={workloads} what="the workload">
      {(all) => {
        const one = all.find((it) => it.workload === name) ?? all.find((it) => it.name === name);
        return one ? <Known workload={one} /> : <NotKnown name={name} />;
      }}
    </Loaded>
  );
}

function Known({ workload }: { workload: WorkloadShape }) {
  const mayOperate = useMay("operator");
  return (
    <Page
      title={workload.name ?? shortWorkload(workload.workload)}
      lead={<code>{workload.workload}</code>}
      actions={mayOperate && !workload.blocked && <BlockWorkload name={workload.name ?? workload.workload} />}
    >
      {workload.blocked && (
        <p className="note-warm">
          <Pill tone="warm">blocked</Pill> by {workload.blocked}. <Link to="/blocks">Blocks</Link>
        </p>
      )}
      <Section title="Identity">
        <Facts
          facts={[
            ["owner", <Owner key="o" workload={workload} />],
            ["when the owner leaves", workload.on_owner_leave],
            ["grade", workload.grade ?? "not seen yet"],
            ["named in the configuration", workload.name ?? "no"],
            ["targets", workload.targets.join(", ")],
            ["runs", count(workload.runs)],
            ["seen", <TimeAgo key="t" time={workload.last_seen} />],
          ]}
        />
        {workload.process && (
          <>
            <h3>The process that connected last</h3>
            <Facts wide facts={processFacts(workload.process)} />
          </>
        )}
        <Attested attested={workload.attested} />
        <Claims claims={workload.claims} />
      </Section>
      <LiveOf workload={workload.workload} />
      <RecordsOf workload={workload.name ?? workload.workload} />
    </Page>
  );
}

const SHOWN = 50;

function LiveOf({ workload }: { workload: string }) {
  const { sessions } = useLive();
  const mine = useMemo(() => [...sessions.values()].filter((session) => session.workload === workload), [sessions, workload]);
  return (
    <Section title="Live sessions">
      {mine.length === 0 ? (
        <Empty>It is not connected.</Empty>
      ) : (
        <Table
          label="Live sessions of this workload"
          rows={mine.slice(0, SHOWN)}
          rowKey={(session) => session.session}
          warm={(session) => session.state === "held"}
          columns={[
            { title: "Session", cell: (session) => <SessionLink session={session.session} /> },
            { title: "Target", cell: (session) => session.target },
            { title: "State", cell: (session) => <StatePill state={session.state} /> },
            { title: "Statement", wide: true, cell: (session) => session.statement && <Sql inline text={session.statement} /> },
            { title: "Rows", end: true, cell: (session) => count(session.rows) },
          ]}
        />
      )}
      {mine.length > SHOWN && (
        <p>
          <Link to="/sessions" search={{ text: workload }}>
            All {plural(mine.length, "session")}
          </Link>
        </p>
      )}
    </Section>
  );
}

function RecordsOf({ workload }: { workload: string }) {
  const records = useQuery(recentRecordsQuery({ workload, limit: 20 }));
  return (
    <Section title="Records">
      <Loaded from={records} what="records">
        {(data) => (data.length === 0 ? <Empty>Nothing is recorded of it.</Empty> : <RecordTable label="Records of this workload" records={data} />)}
      </Loaded>
      <p>
        <Link to="/records" search={{ workload }}>
          All its records
        </Link>
      </p>
    </Section>
  );
}

function NotKnown({ name }: { name: string }) {
  return (
    <Page title="Not a known workload" lead={<code>{name}</code>}>
      <Empty>No workload has this name, or you have no role for it.</Empty>
    </Page>
  );
}
