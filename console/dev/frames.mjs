// Made-up records: what a session did, frame by frame. A live one grows with time.

export function openedOf(summary) {
  return {
    session: summary.session,
    run: summary.run,
    principal: {
      workload: summary.workload, name: summary.name, owner: summary.owner, grade: summary.grade, run: summary.run,
      process: {
        pid: 4711, uid: 998, gid: 998, user: "jobs", cgroup: "/system.slice/nightly.service", unit: "nightly.service", container: null,
        executable: "/usr/bin/psql", executable_sha256: "4be1".repeat(16), script: "/opt/jobs/nightly.sh", script_sha256: "77aa".repeat(16),
        arguments: ["psql", "-f", "/opt/jobs/nightly.sql"], directory: "/opt/jobs",
        ancestry: [{ pid: 4700, executable: "/usr/bin/bash" }, { pid: 1, executable: "/usr/lib/systemd/systemd" }], gaps: [],
      },
      claims: summary.grade === "attested" ? { repository: "acme/shop", ref: "refs/heads/main", workflow: "deploy" } : null,
    },
    target: { name: summary.target, environment: "production", protocol: "postgres", configured: true },
    original: summary.original, client: "127.0.0.1:40122",
    decision: { outcome: "allow", reason: null, policies: ["backup-reads"], mode: "enforce", set_hash: "c0ffee".repeat(10), block: null },
    gateway_version: "0.9.0", host: "vm-7",
  };
}

export function framesOf(summary, isLive) {
  const start = Date.parse(summary.started);
  const rounds = isLive ? Math.min(400, 6 + Math.floor((Date.now() - start) / 2000)) : 40;
  const frames = [];
  let at = start;
  const add = (kind, operation, body, after = 4) => {
    at += after;
    frames.push({ frame: frames.length, time: new Date(at).toISOString(), kind, operation, body });
  };
  add("opened", null, openedOf(summary), 0);
  add("note", null, { what: "startup", user: summary.user, database: summary.database, application: "psql" });
  for (let round = 1; round <= rounds; round++) ROUNDS[round % ROUNDS.length](round, add);
  if (!isLive) add("ended", null, { reason: summary.reason ?? "client", statements: rounds, rows: rounds * 12, errors: 3 }, 900);
  return frames;
}

const allow = (accesses, policy = "backup-reads") => ({ part: 1, asked: "operation", outcome: "allow", accesses, policies: [policy], reason: null, mode: "enforce" });

const row = (id) => ({ row: [String(id), ["Ana Ruiz", "Ben Cole", "Cleo Li"][id % 3], `tsrypc3pap${id}@example.com`, `*******000${id % 10}`] });

const ROUNDS = [
  (n, add) => {
    add("statement", n, { sent: "query", text: "SELECT id, name, email, ssn\n  FROM customers -- the contractor's list\n WHERE id <= 12 ORDER BY id" }, 1800);
    add("decision", n, { operation: n, command: "SELECT", ...allow(["read public.customers"]) }, 1);
    add("rows", n, { messages: [{ columns: ["id", "name", "email", "ssn"] }, ...Array.from({ length: 12 }, (_, i) => row(i + 1))] }, 22);
    add("note", null, { what: "masked", operation: n, part: 0, rows: 12, columns: [{ column: 2, name: "email", classes: ["pii"], how: "redact" }, { column: 3, name: "ssn", classes: ["pii"], how: "partial" }] });
    add("completed", n, { rows: 12, bytes: 812, tag: "SELECT 12" }, 3);
  },
  (n, add) => {
    add("statement", n, { sent: "parse", text: "INSERT INTO audit.visits (customer, at) VALUES ($1, $2)" }, 340);
    add("parameters", n, { values: [String(n * 31), "2026-05-01 10:00:00+00"] }, 1);
    add("decision", n, { operation: n, command: "INSERT", ...allow(["write audit.visits"], "audit-writes") }, 1);
    add("completed", n, { rows: 1, bytes: 20, tag: "INSERT 0 1" }, 6);
  },
  (n, add) => {
    add("statement", n, { sent: "query", text: "UPDATE customers SET email = NULL" }, 5200);
    add("decision", n, { operation: n, part: 1, command: "UPDATE", asked: "operation", outcome: "deny", accesses: ["write public.customers"], policies: ["no-update-of-everything"], reason: "UPDATE without WHERE", mode: "enforce" }, 1);
    add("failed", n, { code: "42501", message: "weir refused UPDATE without WHERE on prod-pg" }, 2);
  },
  (n, add) => {
    add("statement", n, { sent: "query", text: "DELETE FROM orders WHERE id < 1000" }, 700);
    add("decision", n, { operation: n, part: 1, command: "DELETE", asked: "operation", outcome: "hold", accesses: ["write public.orders"], policies: ["delete-needs-dba"], reason: "DELETE on production waits for a DBA", mode: "enforce" }, 1);
    add("note", n, { what: "held", hold: "h-past1", group: "dba", quorum: 1 }, 1);
    add("note", n, { what: "released", by: "bo@acme.example", reason: "ticket 4711" }, 42_000);
    add("completed", n, { rows: 118, bytes: 16, tag: "DELETE 118" }, 14);
  },
  (n, add) => {
    add("statement", n, { sent: "query", text: "COPY (SELECT * FROM payroll) TO STDOUT" }, 90);
    add("decision", n, { operation: n, command: "COPY", ...allow(["read public.payroll"]) }, 1);
    add("rows", n, { withheld: "auditor" }, 8);
    add("completed", n, { rows: 4000, bytes: 391_000, tag: "COPY 4000" }, 480);
  },
];
