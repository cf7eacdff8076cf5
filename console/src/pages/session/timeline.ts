// Groups a record's frames into what a person reads: operations by their number, and what stands alone.
import type { Frame } from "../../api/types";
import { plain } from "../../parts/format";
import { statementText } from "../../parts/statement";

export type Item = Operation | Single;

export interface Single {
  kind: "opened" | "note" | "failed" | "ended" | "other";
  key: string;
  time: string;
  frame: Frame;
}

export interface Decision {
  outcome: string;
  command: string | null;
  accesses: string[];
  policies: string[];
  reason: string | null;
  mode: string | null;
  wouldRefuse: boolean;
}

export interface ResultSet {
  columns: string[];
  rows: unknown[][];
  /** What passed and is no row: COPY data, messages by their size. */
  other: string[];
}

export interface Operation {
  kind: "operation";
  key: string;
  operation: number;
  /** How many frames it is made of, so far. */
  frames: number;
  time: string;
  last: string;
  sent: string | null;
  statement: string | null;
  parameters: string[] | null;
  parametersWithheld: string | null;
  decisions: Decision[];
  results: ResultSet[];
  masked: string[];
  rowsWithheld: string | null;
  completed: { rows: number; bytes: number; tag: string } | null;
  failed: { code: string; message: string } | null;
  notes: Frame[];
}

export function timeline(frames: readonly Frame[]): Item[] {
  const items: Item[] = [];
  const operations = new Map<number, Operation>();
  for (const frame of frames) {
    const number = operationOf(frame);
    if (!number) {
      items.push({ kind: singleKind(frame.kind), key: `f${frame.frame}`, time: frame.time, frame });
      continue;
    }
    let operation = operations.get(number);
    if (!operation) {
      operation = begin(number, frame);
      operations.set(number, operation);
      items.push(operation);
    }
    take(operation, frame);
  }
  return items;
}

function operationOf(frame: Frame): number | null {
  const inBody = frame.body.operation;
  return frame.operation ?? (typeof inBody === "number" ? inBody : null);
}

function singleKind(kind: string): Single["kind"] {
  return kind === "opened" || kind === "note" || kind === "failed" || kind === "ended" ? kind : "other";
}

function begin(operation: number, frame: Frame): Operation {
  return {
    kind: "operation",
    key: `o${operation}`,
    operation,
    frames: 0,
    time: frame.time,
    last: frame.time,
    sent: null,
    statement: null,
    parameters: null,
    parametersWithheld: null,
    decisions: [],
    results: [],
    masked: [],
    rowsWithheld: null,
    completed: null,
    failed: null,
    notes: [],
  };
}

function take(operation: Operation, { kind, time, body, ...rest }: Frame): void {
  operation.frames += 1;
  operation.last = time;
  if (kind === "note" && body.what === "masked" && Array.isArray(body.columns)) {
    for (const column of body.columns.map(columnName)) if (!operation.masked.includes(column)) operation.masked.push(column);
  }
  switch (kind) {
    case "statement":
      operation.sent = text(body.sent);
      operation.statement = statementText(body.text);
      break;
    case "parameters":
      operation.parametersWithheld = text(body.withheld);
      operation.parameters = Array.isArray(body.values) ? body.values.map(plain) : operation.parameters;
      break;
    case "decision":
      operation.decisions.push(decision(body));
      break;
    case "rows":
      operation.rowsWithheld = text(body.withheld) ?? operation.rowsWithheld;
      if (Array.isArray(body.messages)) takeMessages(operation.results, body.messages as Record<string, unknown>[]);
      break;
    case "completed":
      operation.completed = { rows: Number(body.rows ?? 0), bytes: Number(body.bytes ?? 0), tag: text(body.tag) ?? "" };
      break;
    case "failed":
      operation.failed = { code: text(body.code) ?? "", message: text(body.message) ?? "" };
      break;
    default:
      operation.notes.push({ kind, time, body, ...rest });
  }
}

function decision(body: Record<string, unknown>): Decision {
  return {
    outcome: text(body.outcome) ?? "unknown",
    command: text(body.command) ?? text(body.asked),
    accesses: list(body.accesses),
    policies: list(body.policies),
    reason: text(body.reason),
    mode: text(body.mode),
    wouldRefuse: Boolean(body.would_refuse),
  };
}

function takeMessages(results: ResultSet[], messages: readonly Record<string, unknown>[]): void {
  const current = () => {
    const last = results.at(-1);
    if (last) return last;
    const first: ResultSet = { columns: [], rows: [], other: [] };
    results.push(first);
    return first;
  };
  for (const message of messages) {
    if (Array.isArray(message.columns)) results.push({ columns: message.columns.map(columnName), rows: [], other: [] });
    else if (Array.isArray(message.row)) current().rows.push(message.row);
    else if ("copy" in message) current().other.push(plain(message.copy));
    else current().other.push(`${text(message.message) ?? "message"} (${String(message.bytes ?? "?")} bytes)`);
  }
}

function columnName(column: unknown): string {
  if (column && typeof column === "object" && "name" in column) return String(column.name);
  return String(column);
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(plain) : []);
