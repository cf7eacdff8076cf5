// The jobs that weir knows: who they are, whose they are, what they do now.
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { workloadsQuery } from "../../api/queries";
import type { Workload } from "../../api/types";
import { TextInput } from "../../parts/fields";
import { count } from "../../parts/format";
import { Page } from "../../parts/Page";
import { Pill } from "../../parts/Pill";
import { Empty, Loaded } from "../../parts/states";
import { Table } from "../../parts/Table";
import { TimeAgo } from "../../parts/time";
import { WorkloadLink } from "../../parts/links";

export function Workloads() {
  const workloads = useQuery(workloadsQuery);
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.toLowerCase());
  return (
    <Page title="Workloads" lead="Jobs by their identity, as the kernel or a signed token tells it.">
      <div className="filters">
        <TextInput label="Find" value={text} onChange={setText} placeholder="name, owner, program" />
      </div>
      <Loaded from={workloads} what="workloads">
        {(all) => <List workloads={all.filter((one) => searched(one).includes(wanted))} />}
      </Loaded>
    </Page>
  );
}

function List({ workloads }: { workloads: readonly Workload[] }) {
  if (workloads.length === 0) return <Empty>No workload is like that.</Empty>;
  return (
    <Table
      label="Workloads"
      rows={workloads}
      rowKey={(one) => one.workload}
      warm={(one) => one.blocked !== null}
      columns={[
        { title: "Workload", wide: true, cell: (one) => <Named workload={one} /> },
        { title: "Owner", cell: (one) => <Owner workload={one} /> },
        { title: "Grade", cell: (one) => one.grade ?? "not seen yet" },
        { title: "Runs as", cell: (one) => one.process?.user ?? "?" },
        { title: "Program", wide: true, cell: (one) => <code>{one.process?.script ?? one.process?.executable ?? "?"}</code> },
        { title: "Targets", cell: (one) => one.targets.join(", ") || "none" },
        { title: "Live", end: true, cell: (one) => count(one.live) },
        { title: "Runs", end: true, cell: (one) => count(one.runs) },
        { title: "Seen", cell: (one) => <TimeAgo time={one.last_seen} /> },
      ]}
    />
  );
}

function Named({ workload }: { workload: Workload }) {
  return (
    <>
      <WorkloadLink workload={workload.workload} name={workload.name} /> {workload.blocked && <Pill tone="warm">blocked</Pill>}
    </>
  );
}

export function Owner({ workload }: { workload: Workload }) {
  if (!workload.owner) return <span className="quiet">nobody</span>;
  return (
    <>
      {workload.owner} {workload.owner_active === false && <Pill tone="warm">has left</Pill>}
    </>
  );
}

function searched(one: Workload): string {
  const { executable, script, unit, user } = one.process ?? {};
  return [one.workload, one.name, one.owner, executable, script, unit, user].join(" ").toLowerCase();
}
