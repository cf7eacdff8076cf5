// What a check found: problems of the files, and the outcome of each case.
import type { PolicyChecked } from "../../api/types";
import { plural } from "../../parts/format";
import { Pill } from "../../parts/Pill";
import { Table } from "../../parts/Table";

export function Checked({ checked }: { checked: PolicyChecked }) {
  const failed = checked.cases.filter((one) => !one.passed);
  const isWell = checked.problems.length === 0 && failed.length === 0;
  const cases = checked.cases.toSorted((a, b) => Number(a.passed) - Number(b.passed));
  return (
    <div className="stack">
      <div className={isWell ? "verdict verdict-well" : "verdict verdict-ill"}>
        <p>
          <b>{isWell ? "✓ This set would load." : "✗ This set would not load."}</b> {plural(checked.policies ?? 0, "policy", "policies")},{" "}
          {plural(checked.problems.length, "problem")}, {plural(failed.length, "case")} of {checked.cases.length} failed.
        </p>
        {checked.hash && (
          <p className="hash quiet">
            set {checked.hash}
          </p>
        )}
      </div>
      {checked.problems.length > 0 && (
        <Table
          label="Problems"
          rows={checked.problems}
          rowKey={(one) => `${one.file}:${one.line} ${one.problem}`}
          columns={[
            { title: "Where", cell: (one) => <code>{one.line === null ? one.file : `${one.file}:${one.line}`}</code> },
            { title: "Problem", wide: true, cell: (one) => one.problem },
          ]}
        />
      )}
      {cases.length > 0 && (
        <Table
          label="Cases"
          rows={cases}
          rowKey={(one) => `${one.file} ${one.name}`}
          warm={(one) => !one.passed}
          columns={[
            { title: "Outcome", cell: (one) => <Pill tone={one.passed ? "flow" : "warm"}>{one.passed ? "passed" : "failed"}</Pill> },
            { title: "Case", wide: true, cell: (one) => one.name },
            { title: "Expected", cell: (one) => one.expected },
            { title: "Got", cell: (one) => one.got },
            { title: "By", wide: true, cell: (one) => [one.policies.join(", "), ...one.notes].filter(Boolean).join("; ") },
            { title: "File", cell: (one) => <code>{one.file}</code> },
          ]}
        />
      )}
    </div>
  );
}
