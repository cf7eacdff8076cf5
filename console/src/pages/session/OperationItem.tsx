// One operation: the statement, what was decided, what came back.
import { memo } from "react";
import { bytes, duration, plural } from "../../parts/format";
import { StatePill } from "../../parts/Pill";
import { Sql } from "../../parts/Sql";
import { Offset } from "./Offset";
import { Results } from "./Results";
import { singleText } from "./SingleItem";
import type { Decision, Operation } from "./timeline";

export const OperationItem = memo(Item, (before, after) => before.start === after.start && isSame(before.item, after.item));

function Item({ item, start }: { item: Operation; start: string }) {
  return (
    <article className={isRefused(item) ? "operation operation-refused" : "operation"} aria-label={`Operation ${item.operation}`}>
      <header className="operation-head">
        <b>#{item.operation}</b>
        {item.sent && <span className="quiet">{item.sent}</span>}
        <Offset start={start} time={item.time} />
        <Outcome item={item} />
      </header>
      {item.statement !== null && <Sql text={item.statement} />}
      <Parameters item={item} />
      {item.decisions.map((decision, index) => (
        <DecisionLine key={index} decision={decision} />
      ))}
      {item.rowsWithheld && <p className="withheld">Rows are shown to auditors.</p>}
      {item.results.map((result, index) => (
        <Results key={index} result={result} masked={item.masked} />
      ))}
      {item.results.length === 0 && item.masked.length > 0 && <p className="quiet">Masked: {item.masked.join(", ")}.</p>}
      {item.notes.map((note) => (
        <p key={note.frame} className="operation-note">
          note {singleText(note)}
        </p>
      ))}
      {item.failed && (
        <p className="failed">
          <b>Error {item.failed.code}</b> {item.failed.message}
        </p>
      )}
    </article>
  );
}

function Outcome({ item }: { item: Operation }) {
  if (item.failed) return <StatePill state="failed" />;
  if (!item.completed) return <span className="quiet">not completed</span>;
  const { tag, rows, bytes: size } = item.completed;
  return (
    <span className="quiet">
      {tag || plural(rows, "row")} in {duration(Date.parse(item.last) - Date.parse(item.time))}, {bytes(size)}
    </span>
  );
}

function Parameters({ item }: { item: Operation }) {
  if (item.parametersWithheld) return <p className="withheld">Parameters are shown to auditors.</p>;
  if (!item.parameters || item.parameters.length === 0) return null;
  return (
    <p className="parameters">
      {item.parameters.map((value, index) => (
        <span key={index}>
          <code className="sql-parameter">${index + 1}</code> = <code>{value}</code>
        </span>
      ))}
    </p>
  );
}

function DecisionLine({ decision }: { decision: Decision }) {
  return (
    <p className="decision">
      <StatePill state={decision.outcome} />
      {decision.command && <span>{decision.command}</span>}
      {decision.accesses.length > 0 && <span className="quiet">{decision.accesses.join(", ")}</span>}
      {decision.policies.length > 0 && <span>by {decision.policies.join(", ")}</span>}
      {decision.wouldRefuse && <b>would refuse when enforced</b>}
      {decision.mode && decision.mode !== "enforce" && <span className="quiet">{decision.mode} mode</span>}
      {decision.reason && <span>{decision.reason}</span>}
    </p>
  );
}

function isRefused(item: Operation): boolean {
  return item.decisions.some((decision) => decision.outcome === "deny" || decision.outcome === "hold");
}

/** Frames are only ever added to an operation, so as many frames are the same ones. */
function isSame(a: Operation, b: Operation): boolean {
  return a.key === b.key && a.frames === b.frames;
}
