// Who else has the logins that the runs of an incident used.
import type { Sibling } from "../../api/types";
import { count } from "../../parts/format";
import { WorkloadLink } from "../../parts/links";
import { Empty } from "../../parts/states";
import { Table } from "../../parts/Table";
import { Clock } from "../../parts/time";

export function Siblings({ siblings }: { siblings: readonly Sibling[] }) {
  if (siblings.length === 0) return <Empty>No login of these runs is anybody else's.</Empty>;
  return (
    <Table
      label="Workloads with the same login"
      rows={siblings}
      rowKey={(one) => `${one.credential} ${one.user ?? ""} ${one.workload}`}
      columns={[
        { title: "Credential", wide: true, cell: (one) => <code>{one.credential}</code> },
        { title: "User", cell: (one) => one.user },
        { title: "Workload", wide: true, cell: (one) => <WorkloadLink workload={one.workload} name={one.name} /> },
        { title: "Owner", cell: (one) => one.owner ?? "nobody" },
        { title: "Sessions ever", end: true, cell: (one) => count(one.sessions) },
        { title: "Last seen", cell: (one) => <Clock time={one.last_seen} withDate /> },
        { title: "Was there", cell: (one) => (one.was_there ? "yes" : "no") },
      ]}
    />
  );
}
