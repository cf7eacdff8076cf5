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
        { title: "Where", cell: (policy) => <code>{`${policy.file}:${policy.line}`}</code> },
      ]}
    />
  );
}

function Effect({ policy }: { policy: Policy }) {
  if (policy.annotations.hold !== undefined) return <Pill tone="warm">holds</Pill>;
  return <Pill tone={policy.effect === "permit" ? "flow" : "plain"}>{policy.effect}</Pill>;
}

function others(policy: Policy): string {
  return Object.entries(policy.annotations)
    .filter(([name]) => name !== "message" && name !== "id")
    .map(([name, value]) => `@${name}("${value}")`)
    .join(" ");
}
