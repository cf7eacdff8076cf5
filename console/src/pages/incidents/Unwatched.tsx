// When nothing proves that anybody watched, and which records are not whole.
import type { Gap, Incident } from "../../api/types";
import { plural } from "../../parts/format";
import { SessionLink } from "../../parts/links";
import { Empty } from "../../parts/states";
import { Table } from "../../parts/Table";
import { Clock } from "../../parts/time";

export function Unwatched({ unwatched: { hosts, gaps, more } }: Pick<Incident, "unwatched">) {
  const seen = Object.entries(hosts);
  return (
    <>
      {seen.length === 0 ? (
        <p className="note-warm">No daemon has left a sign of life: nothing says that jobs outside of weir run were captured.</p>
      ) : (
        <ul className="plain-list">
          {seen.map(([host, last]) => (
            <li key={host}>
              <b>{host}</b> <span className="quiet">last sign of life</span> <Clock time={last} withDate />
            </li>
          ))}
        </ul>
      )}
      {gaps.length === 0 && seen.length > 0 && <Empty>No gap is known.</Empty>}
      {gaps.length > 0 && <GapTable gaps={gaps} />}
      {more > 0 && <p className="quiet">And {plural(more, "more gap")}: weir audit gaps tells them.</p>}
    </>
  );
}

function GapTable({ gaps }: { gaps: readonly Gap[] }) {
  return (
    <Table
      label="Gaps"
      rows={gaps}
      rowKey={(gap) => `${gap.from} ${gap.host} ${gap.cause} ${gap.session ?? ""}`}
      columns={[
        { title: "From", cell: (gap) => <Clock time={gap.from} withDate /> },
        { title: "To", cell: (gap) => <Clock time={gap.until} withDate /> },
        { title: "Host", cell: (gap) => gap.host },
        { title: "Why", wide: true, cell: (gap) => `${CAUSES[gap.cause] ?? gap.cause}${gap.detail ? `: ${gap.detail}` : ""}` },
        { title: "Session", cell: (gap) => gap.session && <SessionLink session={gap.session} /> },
      ]}
    />
  );
}

const CAUSES: Record<string, string> = {
  stopped: "the daemon was stopped",
  died: "the daemon died",
  silent: "no sign of life",
  "canary-failed": "the canary did not come out",
  "no-canary": "no canary is sent",
  "events-lost": "the kernel's events were lost",
  "frames-lost": "frames could not be written",
  "record-cut": "its gateway died",
  "record-damaged": "its record is damaged",
};
