// The policies in force, one a row.
import type { Policy } from "../../api/types";
import { Pill } from "../../parts/Pill";
import { Empty } from "../../parts/states";
import { Table } from "../../parts/Table";

export function PolicyList({ policies }: { policies: readonly Policy[] }) {
  if (policies.length === 0) return <Empty>There is no policy: nothing is permitted.</Empty>;
  return (
    <Table
      label="Policies"
      rows={policies}
      rowKey={(policy) => policy.id}
      columns={[
        { title: "Policy", cell: (policy) => <code>{policy.id}</code> },
        { title: "Effect", cell: (policy) => <Effect policy={policy} /> },
        { title: "Message", wide: true, cell: (policy) => policy.annotations.message ?? "" },
        { title: "Others", wide: true, cell: (policy) => others(policy) },
        { title: "Where", cell: (policy) => <code>{place(policy)}</code> },
      ]}
    />
  );
}

function Effect({ policy }: { policy: Policy }) {
  if (policy.annotations.hold !== undefined) return <Pill tone="warm">holds</Pill>;
  return <Pill tone={policy.effect === "permit" ? "flow" : "plain"}>{policy.effect}</Pill>;
}

/** The file's own name: all are in the folder that the page names. */
function place({ file, line }: Policy): string {
  const name = file.split("/").at(-1) ?? file;
  return line === null ? name : `${name}:${line}`;
}

function others(policy: Policy): string {
  return Object.entries(policy.annotations)
    .filter(([name]) => name !== "message" && name !== "id")
    .map(([name, value]) => `@${name}("${value}")`)
    .join(" ");
}
