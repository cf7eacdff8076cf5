// Recorded sessions as a table.
import type { RecordSummary } from "../api/types";
import { count, duration } from "./format";
import { StatePill } from "./Pill";
import { Table } from "./Table";
import { Clock } from "./time";
import { SessionLink, WorkloadLink } from "./links";

export function RecordTable({ label, records }: { label: string; records: readonly RecordSummary[] }) {
  return (
    <Table
      label={label}
      rows={records}
      rowKey={(record) => record.session}
      warm={(record) => record.state === "damaged"}
      columns={[
        { title: "Session", cell: (record) => <SessionLink session={record.session} /> },
        { title: "Workload", wide: true, cell: (record) => <WorkloadLink workload={record.workload} name={record.name} /> },
        { title: "Target", cell: (record) => record.target },
        { title: "User", cell: (record) => `${record.user ?? "?"}@${record.database ?? "?"}` },
        { title: "Started", cell: (record) => <Clock time={record.started} withDate /> },
        { title: "Lasted", end: true, cell: (record) => duration(record.duration_ms) },
        { title: "Statements", end: true, cell: (record) => count(record.statements) },
        { title: "Rows", end: true, cell: (record) => count(record.rows) },
        { title: "Errors", end: true, cell: (record) => (record.errors > 0 ? <b>{count(record.errors)}</b> : "0") },
        { title: "State", cell: (record) => <StatePill state={record.state} /> },
      ]}
    />
  );
}
