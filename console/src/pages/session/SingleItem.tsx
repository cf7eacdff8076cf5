// What stands alone in a record: the start, notes, the end.
import type { Frame } from "../../api/types";
import { plain } from "../../parts/format";
import { Offset } from "./Offset";
import type { Single } from "./timeline";

export function SingleItem({ item, start }: { item: Single; start: string }) {
  return (
    <div className={`single single-${item.kind}`}>
      <Offset start={start} time={item.time} />
      <span className="single-kind">{item.kind === "other" ? item.frame.kind : item.kind}</span>
      <span className="single-text">{singleText(item.frame)}</span>
    </div>
  );
}

export function singleText({ kind, body }: Frame): string {
  if (kind === "opened") return openedText(body);
  if (kind === "failed") return `${plain(body.code)} ${plain(body.message)}`;
  const { what, reason, ...rest } = body;
  const head = [what, reason].filter((part) => part !== undefined && part !== null).map(plain);
  return [...head, ...named(rest)].join(" ");
}

function openedText(body: Record<string, unknown>): string {
  const principal = (body.principal ?? {}) as Record<string, unknown>;
  const target = (body.target ?? {}) as Record<string, unknown>;
  const decision = (body.decision ?? {}) as Record<string, unknown>;
  const owner = principal.owner ? ` (owner ${plain(principal.owner)})` : "";
  const outcome = decision.outcome ? `: ${plain(decision.outcome)}` : "";
  return `${plain(principal.name ?? principal.workload)}${owner} connects to ${plain(target.name)}${outcome}`;
}

function named(values: Record<string, unknown>): string[] {
  return Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${plain(value)}`);
}
