// The columns of the table of live sessions, and the same as a card.
import { Link } from "@tanstack/react-router";
import { count, plural, rate, shortWorkload } from "../../parts/format";
import type { GridColumn } from "../../parts/Grid";
import { StatePill } from "../../parts/Pill";
import { Sql } from "../../parts/Sql";
import type { Row } from "./rows";

export const sessionColumns: readonly GridColumn<Row>[] = [
  { key: "workload", title: "Workload", width: "minmax(120px, 1.2fr)", sortable: true, cell: nameOf },
  { key: "target", title: "Target", width: "minmax(96px, .8fr)", sortable: true, cell: (row) => row.session.target },
  { key: "who", title: "User", width: "minmax(120px, 1fr)", sortable: true, cell: whoOf },
  { key: "state", title: "State", width: "104px", sortable: true, cell: (row) => <StatePill state={row.session.state} /> },
  { key: "statement", title: "Statement", width: "minmax(140px, 2.6fr)", cell: statementOf },
  { key: "statements", title: "Stmts", width: "72px", end: true, sortable: true, cell: (row) => count(row.session.statements) },
  { key: "rows", title: "Rows", width: "92px", end: true, sortable: true, cell: (row) => count(row.session.rows) },
  { key: "statementRate", title: "Stmts/s", width: "84px", end: true, sortable: true, cell: (row) => small(row.rate.statements) },
  { key: "rowRate", title: "Rows/s", width: "80px", end: true, sortable: true, cell: (row) => small(row.rate.rows) },
];

export function SessionCard(row: Row) {
  const { session } = row;
  return (
    <>
      <div className="card-line">
        {nameOf(row)}
        <StatePill state={session.state} />
      </div>
      <div className="card-line quiet">
        <span>
          {session.target}, {whoOf(row)}
        </span>
        <span className="tiny">
          {plural(session.statements, "stmt")}, {plural(session.rows, "row")}, {rate(row.rate.rows)}/s
        </span>
      </div>
      <div className="card-line">{statementOf(row)}</div>
    </>
  );
}

function nameOf({ session }: Row) {
  return (
    <Link to="/sessions/$id" params={{ id: session.session }} tabIndex={-1} preload={false} title={session.workload}>
      {session.name ?? shortWorkload(session.workload)}
    </Link>
  );
}

function whoOf({ session }: Row) {
  return `${session.user ?? "?"}@${session.database ?? "?"}`;
}

function statementOf({ session }: Row) {
  return session.statement ? <Sql inline text={session.statement} /> : <span className="quiet">none</span>;
}

function small(value: number) {
  return <span className={value > 0 ? "tiny" : "tiny quiet"}>{rate(value)}</span>;
}
