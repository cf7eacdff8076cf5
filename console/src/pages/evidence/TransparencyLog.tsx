// The transparency log: how far it goes, how far it is signed, by whom, and the checkpoint to keep elsewhere.
import { useQuery } from "@tanstack/react-query";
import { logQuery } from "../../api/queries";
import type { Log } from "../../api/types";
import { Facts } from "../../parts/Facts";
import { count, plural } from "../../parts/format";
import { Section } from "../../parts/Page";
import { Pill } from "../../parts/Pill";
import { Empty, Loaded } from "../../parts/states";
import { Table } from "../../parts/Table";
import { TimeAgo } from "../../parts/time";

export function TransparencyLog() {
  const log = useQuery(logQuery);
  return (
    <Section title="Transparency log">
      <Loaded from={log} what="the log">
        {(data) => <Shown log={data} />}
      </Loaded>
    </Section>
  );
}

function Shown({ log }: { log: Log }) {
  const { entries, checkpoint } = log;
  return (
    <>
      <Facts
        facts={[
          ["log", <code key="o">{log.origin}</code>],
          ["entries", count(entries)],
          ["signed", checkpoint ? signedText(entries, checkpoint.entries) : "nothing yet"],
          ["root", checkpoint && <code>{checkpoint.root}</code>],
        ]}
      />
      <Facts wide facts={[["key", <code key="k">{log.key}</code>]]} />
      {checkpoint && (
        <>
          <p>
            The last checkpoint. Whoever keeps one elsewhere finds any later change of what it covers: <code>weir audit verify --checkpoint FILE</code>.
          </p>
          <pre className="text-block checkpoint" role="group" tabIndex={0} aria-label="Last checkpoint">
            {checkpoint.text}
          </pre>
        </>
      )}
      <h3>Witnesses</h3>
      <Witnesses log={log} />
    </>
  );
}

function signedText(entries: number, signed: number): string {
  if (entries <= signed) return "all of them";
  return `${count(signed)}, and ${plural(entries - signed, "entry waits", "entries wait")} for the next checkpoint`;
}

function Witnesses({ log: { entries, checkpoint, witnesses } }: { log: Log }) {
  if (witnesses.length === 0) return <Empty>None is configured: nobody else remembers how far this log was.</Empty>;
  return (
    <Table
      label="Witnesses"
      rows={witnesses}
      rowKey={(witness) => witness.key}
      warm={(witness) => witness.entries === null}
      columns={[
        { title: "Witness", wide: true, cell: (witness) => <b title={witness.key}>{witness.name}</b> },
        { title: "Asked at", wide: true, cell: (witness) => <code>{witness.url}</code> },
        { title: "Has signed", end: true, cell: (witness) => (witness.entries === null ? "nothing" : `${count(witness.entries)} of ${count(entries)}`) },
        { title: "Signed", cell: (witness) => (witness.at ? <TimeAgo time={witness.at} /> : "never") },
        {
          title: "State",
          cell: (witness) =>
            witness.entries === null ? <Pill tone="warm">has not signed</Pill> : witness.entries === checkpoint?.entries ? <Pill tone="flow">signed the last</Pill> : <Pill tone="plain">behind</Pill>,
        },
      ]}
    />
  );
}
