// How many rows had values of each class, as they are and masked.
import type { Exposure } from "../../api/types";
import { count } from "../../parts/format";
import { Table } from "../../parts/Table";

export function Exposed({ label, exposure }: { label: string; exposure: readonly Exposure[] }) {
  return (
    <Table
      label={label}
      rows={exposure}
      rowKey={(one) => one.class}
      warm={(one) => one.clear_rows > 0}
      columns={[
        { title: "Class", wide: true, cell: (one) => one.class },
        { title: "Rows in clear", end: true, cell: (one) => (one.clear_rows > 0 ? <b>{count(one.clear_rows)}</b> : "0") },
        { title: "Rows masked", end: true, cell: (one) => count(one.masked_rows) },
      ]}
    />
  );
}
