// The columns of the table of records, and the same as a card.
import { Link } from "@tanstack/react-router";
import type { RecordSummary } from "../../api/types";
import { count, duration, plural, shortWorkload } from "../../parts/format";
import type { GridColumn } from "../../parts/Grid";
import { StatePill } from "../../parts/Pill";
import { Clock } from "../../parts/time";

export const recordColumns: readonly GridColumn<RecordSummary>[] = [
  { key: "session", title: "Session", width: "minmax(120px, 1.1fr)", cell: sessionOf },
  { key: "workload", title: "Workload", width: "minmax(104px, 1.3fr)", cell: nameOf },
  { key: "target", title: "Target", width: "minmax(84px, 1fr)", cell: (record) => record.target },
  { key: "who", title: "User", width: "minmax(100px, 1.1fr)", cell: whoOf },
  { key: "started", title: "Started", width: "178px", cell: (record) => <Clock time={record.started} withDate /> },
  { key: "lasted", title: "Lasted", width: "98px", end: true, cell: (record) => duration(record.duration_ms) },
  { key: "statements", title: "Stmts", width: "64px", end: true, cell: (record) => count(record.statements) },
  { key: "rows", title: "Rows", width: "84px", end: true, cell: (record) => count(record.rows) },
  { key: "errors", title: "Errors", width: "62px", end: true, cell: errorsOf },
  { key: "state", title: "State", width: "104px", cell: (record) => <StatePill state={record.state} /> },
];

export function RecordCard(record: RecordSummary) {
  return (
    <>
      <div className="card-line">
        <span>
          {nameOf(record)} on {record.target}
        </span>
        <StatePill state={record.state} />
      </div>
      <div className="card-line quiet">
        <Clock time={record.started} withDate />
        <span>{duration(record.duration_ms)}</span>
      </div>
      <div className="card-line">
        {sessionOf(record)}
        <span className="tiny">
          {plural(record.statements, "stmt")}, {plural(record.rows, "row")}, {plural(record.errors, "error")}
        </span>
      </div>
    </>
  );
}

function sessionOf({ session }: RecordSummary) {
  return (
    <Link to="/sessions/$id" params={{ id: session }} tabIndex={-1} preload={false} className="mono">
      {session}
    </Link>
  );
}

function nameOf({ name, workload }: RecordSummary) {
  return <span title={workload}>{name ?? shortWorkload(workload)}</span>;
}

function whoOf({ user, database }: RecordSummary) {
  return `${user ?? "?"}@${database ?? "?"}`;
}

function errorsOf({ errors }: RecordSummary) {
  return errors > 0 ? <b>{count(errors)}</b> : "0";
}
