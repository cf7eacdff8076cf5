// The shapes that the gateway's API serves, as its contract has them.

export type Role = "viewer" | "auditor" | "approver" | "operator" | "admin";
export type SessionState = "idle" | "running" | "held";
export type RecordState = "live" | "ended" | "unclosed" | "damaged";

export interface RoleGiven {
  role: Role;
  targets: string[];
  workloads: string[];
}

export interface Me {
  name: string;
  via: string;
  groups: string[];
  roles: RoleGiven[];
  local_root: boolean;
}

export interface LiveSession {
  session: string;
  run: string;
  workload: string;
  name: string | null;
  owner: string | null;
  grade: string;
  target: string;
  environment: string | null;
  protocol: string;
  user: string | null;
  database: string | null;
  opened: string;
  state: SessionState;
  statement: string | null;
  statement_at: string | null;
  statements: number;
  rows: number;
  bytes: number;
  refused: number;
}

export type SessionChange = Pick<
  LiveSession,
  "session" | "state" | "statement" | "statement_at" | "statements" | "rows" | "bytes" | "refused"
>;

export interface Killed {
  client_reset_ms: number | null;
  confirmed: boolean;
  server_ms: number | null;
  how: string | null;
  cancels: number;
}

export interface RunChanged {
  run: string;
  state: string;
  processes: number;
  sessions: number;
}

export interface RecordSummary {
  session: string;
  run: string;
  workload: string;
  name: string | null;
  owner: string | null;
  grade: string;
  target: string;
  original: string;
  user: string | null;
  database: string | null;
  started: string;
  last: string;
  duration_ms: number;
  statements: number;
  rows: number;
  errors: number;
  state: RecordState;
  reason: string | null;
  frames: number;
  bytes: number;
}

export interface Process {
  pid?: number;
  uid?: number;
  gid?: number;
  user?: string | null;
  cgroup?: string | null;
  unit?: string | null;
  container?: string | null;
  executable?: string | null;
  executable_sha256?: string | null;
  script?: string | null;
  script_sha256?: string | null;
  arguments?: string[];
  directory?: string | null;
  ancestry?: { pid: number; executable: string }[];
  gaps?: string[];
}

export interface Principal {
  workload: string;
  name?: string | null;
  owner?: string | null;
  grade: string;
  run: string;
  process?: Process | null;
  claims?: unknown;
  attested?: unknown;
}

export interface Opened {
  session: string;
  run: string;
  principal: Principal;
  target: { name: string; environment?: string | null; protocol?: string; configured?: boolean };
  original?: string;
  client?: string;
  decision?: {
    outcome?: string;
    reason?: string | null;
    policies?: string[];
    mode?: string;
    set_hash?: string | null;
    block?: string | null;
  } | null;
  gateway_version?: string;
  host?: string;
}

export interface SessionRecord {
  summary: RecordSummary;
  opened: Opened | null;
}

export interface Frame {
  frame: number;
  time: string;
  kind: string;
  operation: number | null;
  body: Record<string, unknown>;
}

export interface FramePage {
  frames: Frame[];
  state: RecordState;
  /** More are there now than are here. */
  more: boolean;
}

export interface Verified {
  session: string;
  state: string;
  frames: number;
  problems: string[];
  files: { name: string; bytes: number }[];
  chain: string;
}

export interface AllVerified {
  records: number;
  frames: number;
  closed: number;
  live: number;
  unclosed: number;
  events: number;
  /** The first 1 000 of them. */
  problems: { where: string; what: string }[];
  problem_count: number;
  took_ms: number;
}

export type HoldState =
  | "waiting"
  | "approved"
  | "denied"
  | "expired"
  | "withdrawn"
  | "abandoned";

export interface Term {
  policy: string;
  group: string;
  quorum: number;
  wait_seconds: number;
  valid_seconds: number;
}

export interface Vote {
  by: { name: string; groups: string[] };
  reason: string;
  scope: string;
  at: string;
}

export interface Answer {
  by: string;
  reason: string;
}

export interface Asked {
  session: string;
  run: string;
  workload: string;
  name: string | null;
  grade: string;
  owner: string | null;
  link: string | null;
  user: string | null;
  target: string;
  environment: string | null;
  database: string | null;
  login: string | null;
  kind: string;
  statement: string | null;
  cut: boolean;
  parameters: unknown[];
  accesses: string[];
  policies: string[];
  message: string | null;
  digest: string;
  in_transaction: boolean;
  transaction_seconds: number | null;
  locks: number | null;
  estimate: number | null;
  no_estimate: string | null;
  statements_so_far: number;
  rows_so_far: number;
}

export interface Hold {
  id: string;
  state: HoldState;
  asked: Asked;
  terms: Term[];
  involved: string[];
  votes: Vote[];
  asked_at: string;
  until: string;
  answer: Answer | null;
  ended_at: string | null;
}

export type GrantState = "requested" | "given" | "denied" | "revoked" | "ended" | "expired";

export interface Wish {
  workload?: string | null;
  run?: string | null;
  session?: string | null;
  target: string;
  actions: string[];
  tables: string[];
  classes: string[];
}

export interface Grant {
  id: string;
  state: GrantState;
  wish: Wish;
  by: string;
  reason: string;
  seconds: number;
  terms: Term[];
  involved: string[];
  votes: Vote[];
  asked_at: string;
  until: string | null;
  answer: Answer | null;
  ended_at: string | null;
}

export type BlockKind = "workload" | "owner" | "repository" | "credential" | "token" | "target" | "host";

export interface Block {
  id: string;
  subject: { kind: BlockKind; name: string };
  reason: string;
  by: string;
  since: string;
  until: string | null;
  lifted: Answer | string | null;
  ended_at: string | null;
}

export interface BlockAdded {
  block: Block | null;
  cut: LiveSession[];
}

export interface BrokenGlass {
  id: string;
  target: string;
  lift: unknown;
  reason: string;
  by: string;
  with: string | string[] | null;
  since: string;
  until: string;
  ended_at: string | null;
  review: { by?: string; finding?: string; at?: string } | string | null;
}

export interface Token {
  id: string;
  name: string;
  person: string | null;
  roles: RoleGiven[];
  made_at: string;
  until: string;
  seen_at: string | null;
  revoked: Answer | string | null;
  ended_at: string | null;
}

export interface Notifier {
  name: string;
  kind: string;
  to: string;
  state: string;
  delivered: number;
  waiting: number;
  skipped: number;
  failed: number;
  delivered_at: string | null;
  error: string | null;
  error_at: string | null;
  attempts: number;
  next_at: string | null;
}

export interface Workload {
  workload: string;
  name: string | null;
  owner: string | null;
  owner_active: boolean | null;
  on_owner_leave: string | null;
  /** Not known of one that is configured and was not seen yet. */
  grade: string | null;
  live: number;
  runs: number;
  last_seen: string | null;
  process: Process | null;
  claims: unknown;
  attested: unknown;
  targets: string[];
  blocked: string | null;
}

export interface Target {
  name: string;
  environment: string | null;
  protocol: string;
  addresses: string[];
  mode: string;
  tls: string;
  credential: string | null;
  masked: boolean;
  catalog: boolean;
  live: number;
  max_connections: number | null;
  max_concurrent: number | null;
}

export interface PolicyFile {
  name: string;
  text: string;
}

export interface Policy {
  id: string;
  effect: "permit" | "forbid";
  file: string;
  line: number | null;
  annotations: Record<string, string>;
}

export interface PolicySet {
  hash: string;
  mode: string;
  dir: string;
  since: string | null;
  heeds_grants: boolean;
  policies: Policy[];
  files: PolicyFile[];
}

export interface PolicyVersion {
  hash: string;
  since: string;
  by: string;
  kept: boolean;
}

export interface PolicyChecked {
  hash: string | null;
  policies: number | null;
  problems: { file: string; line: number | null; problem: string }[];
  cases: {
    file: string;
    line: number;
    name: string;
    passed: boolean;
    expected: string;
    got: string;
    policies: string[];
    notes: string[];
  }[];
}

export interface Health {
  well: boolean;
  version: string;
  pid: number;
  host: string;
  started: string;
  sessions: number;
  policy: string;
  mode: string;
  canary: { state: "off" | "well" | "failed"; microseconds?: number | null; why?: string | null };
  refusals: [string, number][];
  probes: { feature: string; tier: "core" | "optional"; available: boolean; why: string | null }[];
  evidence: { records: number; bytes: number; free_bytes: number | null; on_failure: string };
  /** Of what people decided. */
  events: number;
}

export interface Sample {
  at: string;
  live: number;
  statements: number;
  rows: number;
  bytes: number;
  refused: number;
  waiting: number;
}

export interface Stats {
  step_seconds: number;
  samples: Sample[];
}

export interface SessionsEvent {
  reset: boolean;
  opened: LiveSession[];
  changed: SessionChange[];
  closed: string[];
}

export interface ControlEvent {
  number: number;
  at: string;
  kind: string;
  by: string;
  subject: string;
  details: unknown;
}

export type Severity = "informational" | "low" | "medium" | "high";

export interface Alert {
  id: string;
  rule: string;
  /** The name of its entry, or its SPIFFE id; empty where it is about none. */
  workload: string;
  identity: string | null;
  /** A table, a target, a measure. */
  subject: string;
  severity: Severity;
  then: "tell" | "block" | "kill";
  at: string;
  told_at: string;
  count: number;
  event: string;
  session: string | null;
  operation: number | null;
  run: string | null;
  target: string | null;
  seen: string;
  usual: string;
  threshold: string;
  done: { what: string; well: boolean; at: string } | null;
}

export interface Snooze {
  id: string;
  /** Both are patterns: `*` stands for anything. */
  rule: string;
  workload: string;
  reason: string;
  by: string;
  since: string;
  until: string;
  lifted: Answer | null;
  ended_at: string | null;
}

export type UnsealState = "asked" | "approved" | "released" | "denied" | "expired";

export interface Unseal {
  id: string;
  state: UnsealState;
  session: string;
  target: string | null;
  workload: string | null;
  name: string | null;
  by: string;
  reason: string;
  terms: Term[];
  involved: string[];
  votes: Vote[];
  asked_at: string;
  until: string;
  answer: Answer | null;
  ended_at: string | null;
}

export interface LegalHold {
  id: string;
  subject: { kind: "target" | "session" | "run" | "workload"; name: string };
  since: string | null;
  until: string | null;
  reason: string;
  by: string;
  set_at: string;
  lifted: Answer | null;
  lifted_at: string | null;
}

export interface Exposure {
  class: string;
  masked_rows: number;
  clear_rows: number;
}

/** A run at the target of an incident. */
export interface Visit {
  run: string | null;
  workload: string | null;
  name: string | null;
  owner: string | null;
  grade: string | null;
  person: string | null;
  credential: string | null;
  login: string | null;
  first: string;
  last: string;
  live: boolean;
  sessions: number;
  statements: number;
  rows: number;
  server_us: number;
  errors: number;
  wrote: "no" | "yes" | "unknown";
  session: string;
  exposure: Exposure[];
  objects: { verb: string; object: string; outcome: string; count: number; rows: number }[];
  elsewhere: { target: string; protocol: string | null; sessions: number; refused: number; sent: number; received: number }[];
}

export interface Sibling {
  credential: string;
  user: string | null;
  workload: string;
  name: string | null;
  owner: string | null;
  sessions: number;
  last_seen: string;
  was_there: boolean;
}

export interface Gap {
  host: string;
  from: string;
  until: string;
  cause: string;
  detail: string;
  session: string | null;
}

export interface Incident {
  target: string;
  since: string;
  until: string;
  made_at: string;
  runs: number;
  sessions: number;
  rows: number;
  server_us: number;
  wrote: number;
  exposure: Exposure[];
  top: Visit[];
  siblings: Sibling[];
  unwatched: { hosts: Record<string, string>; gaps: Gap[]; more: number };
  hold: LegalHold | null;
}

/** The transparency log. */
export interface Log {
  origin: string;
  key: string;
  entries: number;
  checkpoint: { entries: number; root: string; text: string } | null;
  witnesses: { name: string; key: string; url: string; entries: number | null; at: string | null }[];
}
