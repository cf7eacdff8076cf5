// Former sets, and what changed between two of them, line by line.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { versionQuery, versionsQuery } from "../../api/queries";
import type { PolicyFile, PolicyVersion } from "../../api/types";
import { Choice } from "../../parts/fields";
import { dateAndClock } from "../../parts/format";
import { Pill } from "../../parts/Pill";
import { Empty, Loaded, Problem, Waiting } from "../../parts/states";
import { Table } from "../../parts/Table";
import { Clock } from "../../parts/time";
import { FileDiff } from "./FileDiff";

export function Versions({ current }: { current: string }) {
  const versions = useQuery(versionsQuery);
  return (
    <Loaded from={versions} what="versions">
      {(data) => (
        <div className="stack">
          <Table
            label="Versions"
            rows={data}
            rowKey={(version) => `${version.hash} ${version.since}`}
            columns={[
              { title: "Set", cell: (version) => <code title={version.hash}>{version.hash.slice(0, 12)}</code> },
              { title: "Since", cell: (version) => <Clock time={version.since} withDate /> },
              { title: "By", cell: (version) => version.by },
              { title: "State", cell: (version) => <VersionState version={version} current={current} /> },
            ]}
          />
          <Compare versions={uniqueKept(data)} />
        </div>
      )}
    </Loaded>
  );
}

function VersionState({ version, current }: { version: PolicyVersion; current: string }) {
  if (version.hash === current) return <Pill tone="flow">in force</Pill>;
  return version.kept ? <Pill tone="quiet">kept</Pill> : <span className="quiet">its files are not kept</span>;
}

function uniqueKept(versions: readonly PolicyVersion[]): PolicyVersion[] {
  return versions.filter((one, index) => one.kept && versions.findIndex((other) => other.hash === one.hash) === index);
}

function Compare({ versions }: { versions: readonly PolicyVersion[] }) {
  const [chosen, setChosen] = useState({ before: versions[1]?.hash ?? "", after: versions[0]?.hash ?? "" });
  if (versions.length < 2) return <Empty>With a second version, the two can be compared here.</Empty>;
  const choices = versions.map((one) => [one.hash, `${one.hash.slice(0, 12)}, ${dateAndClock(one.since)}`] as const);
  return (
    <>
      <h2>What changed</h2>
      <div className="field-row">
        <Choice label="From" value={chosen.before} onChange={(before) => setChosen({ ...chosen, before })} choices={choices} />
        <Choice label="To" value={chosen.after} onChange={(after) => setChosen({ ...chosen, after })} choices={choices} />
      </div>
      <Difference {...chosen} />
    </>
  );
}

function Difference({ before, after }: { before: string; after: string }) {
  const [from, to] = useQueries({ queries: [versionQuery(before), versionQuery(after)] });
  if (from?.isError || to?.isError) return <Problem error={from?.error ?? to?.error} />;
  if (!from?.data || !to?.data) return <Waiting what="both versions" />;
  const changed = changedFiles(from.data.files, to.data.files);
  if (changed.length === 0) return <Empty>Both have the same files.</Empty>;
  return changed.map((file) => <FileDiff key={file.name} {...file} />);
}

const textOf = (files: readonly PolicyFile[], name: string) => files.find((file) => file.name === name)?.text ?? "";

function changedFiles(before: readonly PolicyFile[], after: readonly PolicyFile[]) {
  const names = [...new Set([...before, ...after].map((file) => file.name))].toSorted();
  return names
    .map((name) => ({ name, before: textOf(before, name), after: textOf(after, name) }))
    .filter((file) => file.before !== file.after);
}
