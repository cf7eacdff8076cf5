// Made-up policy sets, and a check that only looks at whether braces match.

const BACKUP = `// The nightly backup reads, and nothing else.
@id("backup-reads")
permit (principal, action in [Action::"connect", Action::"read"], resource in Environment::"production")
when { principal.name == "nightly-backup" && principal.owner_active && principal.grade != "claimed" };
`;
const NO_WHERE = `@id("no-update-of-everything") @message("UPDATE without WHERE")
forbid (principal, action == Action::"write", resource)
when { context.verb == "UPDATE" && !context.has_where };

@id("delete-needs-dba") @hold("group=dba,quorum=1,wait=30m,valid=10m") @message("DELETE on production waits for a DBA")
forbid (principal, action == Action::"write", resource in Environment::"production")
when { context.verb == "DELETE" } unless { context.approval.satisfied };
`;
const CASES = `[[case]]
name = "the backup reads customers"
as = "nightly-backup"
sql = "SELECT * FROM customers"
expect = "allow"
`;

const files = [
  { name: "backup-job.cedar", text: BACKUP },
  { name: "no-where.cedar", text: NO_WHERE },
  { name: "cases/backup-job-sql.toml", text: CASES },
];
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const hash = (text) => text.repeat(64 / text.length);

export const policySet = {
  hash: hash("c0ffee42"), mode: "enforce", dir: "/etc/weir/policies", since: ago(190),
  policies: [
    { id: "backup-reads", effect: "permit", file: "backup-job.cedar", line: 2, annotations: {} },
    { id: "no-update-of-everything", effect: "forbid", file: "no-where.cedar", line: 1, annotations: { message: "UPDATE without WHERE" } },
    { id: "delete-needs-dba", effect: "forbid", file: "no-where.cedar", line: 5, annotations: { message: "DELETE on production waits for a DBA", hold: "group=dba,quorum=1,wait=30m,valid=10m" } },
  ],
  files,
};

export const policyVersions = [
  { hash: policySet.hash, since: policySet.since, by: "ana@acme.example", kept: true, files },
  { hash: hash("ab12cd34"), since: ago(2900), by: "root", kept: true, files: [files[0], { name: "no-where.cedar", text: NO_WHERE.split("\n\n")[0] + "\n" }] },
  { hash: hash("00ddba11"), since: ago(9000), by: "root", kept: false, files: [] },
];

export function checkPolicies(given) {
  const problems = given
    .filter((file) => file.name.endsWith(".cedar") && file.text.split("{").length !== file.text.split("}").length)
    .map((file) => ({ file: file.name, line: file.text.split("\n").length, problem: "a brace is never closed" }));
  const cases = given.filter((file) => file.name.startsWith("cases/")).flatMap((file) =>
    [...file.text.matchAll(/name = "([^"]*)"[^[]*?expect = "([^"]*)"/g)].map(([, name, expected]) => ({
      file: file.name, name, passed: expected === "allow", expected, got: "allow", policies: ["backup-reads"], line: 1, notes: [],
    })),
  );
  return problems.length > 0
    ? { hash: null, policies: null, problems, cases: [] }
    : { hash: hash("feedface"), policies: 3, problems, cases };
}
