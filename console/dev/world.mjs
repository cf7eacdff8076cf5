// The made-up world behind the fixture: sessions that move, holds that come, and the stream that tells of it.

const JOBS = [
  ["nightly-backup", "ana@acme.example", "prod-pg", "backup", "shop", "kernel"],
  ["flyway", "bo@acme.example", "prod-pg", "migrate", "shop", "attested"],
  ["orders-agent", "cleo@acme.example", "prod-pg", "agent", "shop", "attested"],
  ["report", "dan@acme.example", "warehouse", "reader", "dwh", "kernel"],
  [null, null, "staging-pg", "postgres", "postgres", "kernel"],
];
const STATEMENTS = [
  "SELECT count(*) FROM customers WHERE created > now() - interval '1 day'",
  "COPY public.orders (id, customer, total) TO STDOUT",
  "UPDATE stock SET held = held + $1 WHERE sku = $2",
  "SELECT o.id, sum(l.price) FROM orders o JOIN lines l ON l.\"order\" = o.id GROUP BY 1 ORDER BY 2 DESC LIMIT 100",
  "INSERT INTO audit.visits (customer, at) VALUES ($1, $2)",
];
const HELD = "DELETE FROM orders\n WHERE created < '2020-01-01' -- what nobody needs\n   AND total < 5";
const TICK_MS = 1000;
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const ahead = (seconds) => ago(-seconds);

export class World {
  constructor({ sessions, me }) {
    const isViewer = me.startsWith("viewer");
    this.me = {
      name: me, via: "https://login.acme.example", groups: isViewer ? ["everybody"] : ["dba", "platform"],
      roles: isViewer ? [{ role: "viewer", targets: ["prod-*"], workloads: [] }] : [{ role: "admin", targets: [], workloads: [] }],
      local_root: false,
    };
    this.started = Date.now() - 7_400_000;
    this.number = 0;
    this.last = 0;
    this.followers = new Set();
    this.events = [];
    this.sessions = new Map();
    this.closed = Array.from({ length: 730 }, (_, at) => this.pastRecord(at));
    for (let at = 0; at < sessions; at++) this.open(at);
    this.makePeople();
    this.samples = Array.from({ length: 720 }, (_, at) => this.sample(ago((720 - at) * 5), at));
    for (const [kind, subject] of [["policy.replaced", "c0ffee42"], ["hold.asked", "h-1"], ["block.added", "b-1"]]) this.tell(kind, subject);
    setInterval(() => this.tick(), TICK_MS);
  }

  open(at) {
    const [name, owner, target, user, database, grade] = JOBS[at % JOBS.length];
    const session = `s-live${String(++this.last).padStart(5, "0")}`;
    const live = {
      session, run: `r-${Math.floor(at / 3)}`, workload: this.workloadOf(name), name, owner, grade, target,
      environment: target.startsWith("prod") ? "production" : "staging", protocol: "postgres", user, database, opened: ago(Math.random() * 900),
      state: at === 2 || at === 7 ? "held" : "idle", statement: at === 2 || at === 7 ? HELD : null, statement_at: null,
      statements: at % 90, rows: at * 13, bytes: at * 900, refused: at % 11 === 0 ? 1 : 0,
    };
    this.sessions.set(session, live);
    return live;
  }

  workloadOf(name) {
    return name === "flyway" || name === "orders-agent"
      ? `spiffe://acme.example/ci/acme/shop/${name}`
      : `spiffe://acme.example/host/vm-7/user/jobs/exe/${name ?? "psql"}`;
  }

  close(id, reason) {
    const live = this.sessions.get(id);
    this.closed.unshift({ ...this.summary(live), state: "ended", reason });
    this.sessions.delete(id);
    this.send("sessions", { reset: false, opened: [], changed: [], closed: [id] });
  }

  pastRecord(at) {
    const [name, owner, target, user, database, grade] = JOBS[at % JOBS.length];
    const started = Date.now() - (at + 1) * 260_000;
    return {
      session: `s-rec${String(at).padStart(5, "0")}`, run: `r-p${at}`, workload: this.workloadOf(name), name, owner, grade, target,
      original: "10.0.3.7:5432", user, database, started: new Date(started).toISOString(), last: new Date(started + 95_000).toISOString(),
      duration_ms: 95_000 + at * 10, statements: 40, rows: 480 + at, errors: at % 9 === 0 ? 2 : 0,
      state: at % 97 === 7 ? "damaged" : at % 61 === 5 ? "unclosed" : "ended", reason: "client", frames: 170, bytes: 48_211,
    };
  }

  summary(live) {
    return {
      session: live.session, run: live.run, workload: live.workload, name: live.name, owner: live.owner, grade: live.grade, target: live.target,
      original: "10.0.3.7:5432", user: live.user, database: live.database, started: live.opened, last: ago(0),
      duration_ms: Date.now() - Date.parse(live.opened), statements: live.statements, rows: live.rows, errors: live.refused,
      state: "live", reason: null, frames: 60, bytes: 22_000,
    };
  }

  records() {
    return [...[...this.sessions.values()].toReversed().slice(0, 40).map((live) => this.summary(live)), ...this.closed];
  }

  record(id) {
    const live = this.sessions.get(id);
    return live ? this.summary(live) : this.closed.find((record) => record.session === id);
  }

  makePeople() {
    this.holds = [this.hold(1, 2, {}), this.hold(2, 7, { involved: [this.me.name] }), this.hold(3, 2, { quorum: 2, transaction: true })];
    this.holds.push(
      { ...this.hold(4, 1, {}), state: "released", answer: { by: "bo@acme.example", reason: "ticket 4711" }, ended_at: ago(4000) },
      { ...this.hold(5, 0, {}), state: "denied", answer: { by: "cleo@acme.example", reason: "not during business hours" }, ended_at: ago(9000) },
      { ...this.hold(6, 0, {}), state: "expired", ended_at: ago(20_000) },
    );
    const wish = { workload: "orders-agent", run: null, session: null, target: "prod-pg", actions: ["write"], tables: ["public.orders"], classes: [] };
    const term = { policy: "granted", group: "dba", quorum: 1, wait_seconds: 86_400, valid_seconds: 7200 };
    const grant = { wish, by: "cleo@acme.example", reason: "ticket 4711: mend the totals", seconds: 7200, terms: [term], involved: ["cleo@acme.example"], votes: [], asked_at: ago(340), until: ahead(6800), answer: null, ended_at: null };
    this.grants = [
      { id: "g-1", state: "requested", ...grant },
      { id: "g-2", state: "given", ...grant, answer: { by: "bo@acme.example", reason: "for the migration" } },
      { id: "g-3", state: "revoked", ...grant, answer: { by: "bo@acme.example", reason: "done" }, ended_at: ago(7000) },
    ];
    this.blocks = [
      { id: "b-1", subject: { kind: "owner", name: "eve@acme.example" }, reason: "she has left", by: "ana@acme.example", since: ago(90_000), until: null, lifted: null, ended_at: null },
      { id: "b-2", subject: { kind: "workload", name: "report" }, reason: "it reads too much", by: "bo@acme.example", since: ago(3000), until: ahead(4200), lifted: null, ended_at: null },
      { id: "b-3", subject: { kind: "token", name: "t-9" }, reason: "it was in a log", by: "bo@acme.example", since: ago(99_000), until: null, lifted: { by: "bo@acme.example", reason: "the token is rotated" }, ended_at: ago(88_000) },
    ];
    this.glass = [
      { id: "x-1", target: "prod-pg", lift: { user: "root" }, reason: "the site is down", by: "dan@acme.example", with: "root of vm-7", since: ago(500), until: ahead(1300), ended_at: null, review: null },
      { id: "x-2", target: "prod-pg", lift: { user: "root" }, reason: "stuck migration", by: "bo@acme.example", with: ["bo@acme.example", "cleo@acme.example"], since: ago(200_000), until: ago(198_000), ended_at: ago(198_000), review: null },
    ];
    this.tokens = [
      { id: "t-1", name: "dashboards", person: null, roles: [{ role: "viewer", targets: [], workloads: [] }], made_at: ago(900_000), until: ahead(900_000), seen_at: ago(12), revoked: null, ended_at: null },
      { id: "t-2", name: "deploys", person: "ana@acme.example", roles: [{ role: "approver", targets: ["prod-*"], workloads: [] }], made_at: ago(900_000), until: ago(1000), seen_at: ago(2000), revoked: null, ended_at: ago(1000) },
    ];
    const told = { delivered: 211, waiting: 0, skipped: 3, failed: 0, delivered_at: ago(40), error: null, error_at: null, attempts: 0, next_at: null };
    this.notifiers = [
      { name: "dba-slack", kind: "slack", to: "#dba", state: "well", ...told },
      { name: "pager", kind: "webhook", to: "https://pager.acme.example/weir", state: "failed", ...told, waiting: 2, failed: 4, error: "it answered 503", error_at: ago(90), attempts: 4, next_at: ahead(60) },
    ];
  }

  hold(id, at, { involved = ["cleo@acme.example"], quorum = 1, transaction = false }) {
    const live = [...this.sessions.values()][at] ?? this.open(at);
    return {
      id: `h-${id}`, state: "waiting",
      asked: {
        session: live.session, run: live.run, workload: live.workload, name: live.name, grade: live.grade, owner: live.owner,
        link: "https://ci.acme.example/shop/runs/881", user: "jobs", target: live.target, environment: "production", database: live.database,
        login: live.user, kind: "query", statement: HELD, cut: false, parameters: transaction ? ["2020-01-01", "5"] : [],
        accesses: ["write public.orders", "read public.orders"], policies: ["delete-needs-dba"], message: "DELETE on production waits for a DBA",
        digest: "51ac".repeat(16), in_transaction: transaction, transaction_seconds: transaction ? 74 : null, locks: transaction ? 12 : null,
        estimate: transaction ? null : 11_800, no_estimate: transaction ? "it is inside of a transaction" : null, statements_so_far: 14, rows_so_far: 2210,
      },
      terms: [{ policy: "delete-needs-dba", group: "dba", quorum, wait_seconds: 1800, valid_seconds: 600 }],
      involved,
      votes: quorum > 1 ? [{ by: { name: "bo@acme.example", groups: ["dba"] }, reason: "ticket 4711", scope: "once", at: ago(30) }] : [],
      asked_at: ago(120), until: ahead(id === 1 ? 55 : 900 + id * 60), answer: null, ended_at: null,
    };
  }

  answerHold(hold, verb, { reason, scope }) {
    if (verb === "deny") Object.assign(hold, { state: "denied", answer: { by: this.me.name, reason }, ended_at: ago(0) });
    else {
      hold.votes.push({ by: this.me, reason, scope, at: ago(0) });
      if (hold.votes.length >= hold.terms[0].quorum) Object.assign(hold, { state: "approved", answer: { by: this.me.name, reason }, ended_at: ago(0) });
    }
    this.tell(verb === "deny" ? "hold.denied" : "hold.approved", hold.id);
    return hold;
  }

  askGrant({ seconds, reason, target, actions, tables, classes, ...who }) {
    const grant = { id: `g-${Date.now()}`, state: "requested", wish: { ...who, target, actions, tables, classes }, by: this.me.name, reason, seconds, terms: [], involved: [this.me.name], votes: [], asked_at: ago(0), until: ahead(86_400), answer: null, ended_at: null };
    this.grants.unshift(grant);
    this.tell("grant.requested", grant.id);
    return grant;
  }

  answerGrant(grant, verb, { reason }) {
    const state = { approve: "given", deny: "denied", revoke: "revoked" }[verb];
    Object.assign(grant, { state, answer: { by: this.me.name, reason }, ended_at: state === "given" ? null : ago(0) });
    this.tell(`grant.${state}`, grant.id);
    return grant;
  }

  block({ subject, seconds, reason, dry_run: isDry }) {
    const cut = [...this.sessions.values()].filter((live) => [live.name, live.workload, live.owner, live.target].includes(subject.name));
    if (isDry) return { block: null, cut };
    const block = { id: `b-${Date.now()}`, subject, reason, by: this.me.name, since: ago(0), until: seconds ? ahead(seconds) : null, lifted: null, ended_at: null };
    this.blocks.unshift(block);
    for (const { session } of cut) this.close(session, "blocked");
    this.tell("block.added", block.id);
    return { block, cut };
  }

  lift(block, { reason }) {
    Object.assign(block, { lifted: { by: this.me.name, reason }, ended_at: ago(0) });
    this.tell("block.lifted", block.id);
    return block;
  }

  makeToken({ name, seconds, roles }) {
    const token = { id: `t-${Date.now()}`, name, person: this.me.name, roles, made_at: ago(0), until: ahead(seconds), seen_at: null, revoked: null, ended_at: null };
    this.tokens.unshift(token);
    return { ...token, token: `weir_${token.id}_made_up_and_good_for_nothing` };
  }

  workloads() {
    return JOBS.map(([name, owner, target, user, , grade], at) => {
      const workload = this.workloadOf(name);
      const live = [...this.sessions.values()].filter((one) => one.workload === workload).length;
      return {
        workload, name, owner, owner_active: owner ? at !== 3 : null, on_owner_leave: name ? "block" : null,
        grade, live, runs: 40 + at, last_seen: ago(at * 400),
        process: {
          user, executable: "/usr/bin/psql", script: at === 0 ? "/opt/jobs/nightly.sh" : null,
          unit: at === 0 ? "nightly.service" : null, container: null, executable_sha256: "4be1".repeat(16),
        },
        claims: null, attested: grade === "attested" ? { repository: "acme/shop", ref: "refs/heads/main" } : null,
        targets: [target], blocked: at === 3 ? "b-2" : null,
      };
    });
  }

  targets() {
    const live = (name) => [...this.sessions.values()].filter((one) => one.target === name).length;
    const one = (name, environment, over) => ({ name, environment, protocol: "postgres", addresses: ["10.0.3.7:5432"], mode: "enforce", tls: "verify-full", credential: "file", masked: true, live: live(name), catalog: true, max_connections: 400, max_concurrent: null, ...over });
    return [
      one("prod-pg", "production", {}),
      one("staging-pg", "staging", { mode: "observe", credential: null, masked: false, catalog: false }),
      one("warehouse", "production", { catalog: true }),
    ];
  }

  health() {
    return {
      well: true, version: "0.9.0", pid: 812, host: "vm-7", started: new Date(this.started).toISOString(), sessions: this.sessions.size,
      policy: "c0ffee42".repeat(8), mode: "enforce", canary: { state: "well", microseconds: 212 },
      refusals: [["policy no-update-of-everything", 41], ["no permit", 12], ["the statement could not be understood", 2]],
      probes: [
        { feature: "cgroup/connect4", tier: "core", available: true, why: null },
        { feature: "cgroup/connect6", tier: "core", available: true, why: null },
        { feature: "sk_lookup", tier: "core", available: true, why: null },
        { feature: "bpf lsm", tier: "optional", available: false, why: "the kernel was started without lsm=…,bpf" },
      ],
      evidence: { records: 4211, bytes: 9_113_000_000, free_bytes: 210_000_000_000, on_failure: "stop" }, events: 312,
    };
  }

  sample(at, step) {
    const wave = 1 + Math.sin(step / 40) * 0.6 + Math.random() * 0.5;
    return { at, live: this.sessions.size, statements: Math.round(180 * wave), rows: Math.round(9000 * wave * wave), bytes: 1_000_000, refused: Math.random() < 0.06 ? Math.ceil(Math.random() * 4) : 0, waiting: 3 };
  }

  tick() {
    const changed = [];
    for (const live of this.sessions.values()) {
      if (live.state === "held" || Math.random() < 0.35) continue;
      const isRunning = Math.random() < 0.5;
      live.state = isRunning ? "running" : "idle";
      live.statement = isRunning ? pick(STATEMENTS) : null;
      live.statement_at = isRunning ? ago(0) : null;
      live.statements += Math.floor(Math.random() * 6);
      live.rows += Math.floor(Math.random() * 400);
      const { session, state, statement, statement_at, statements, rows, bytes, refused } = live;
      changed.push({ session, state, statement, statement_at, statements, rows, bytes, refused });
    }
    this.send("sessions", { reset: false, opened: [], changed, closed: [] });
    if (++this.number % 5 === 0) {
      const sample = this.sample(ago(0), this.number);
      this.samples.push(sample);
      this.send("sample", sample);
    }
  }

  tell(kind, subject) {
    const event = { number: this.events.length + 1, at: ago(0), kind, by: this.me.name, subject, details: {} };
    this.events.push(event);
    this.send("control", event, event.number);
  }

  follow(request, response) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    this.followers.add(response);
    request.on("close", () => this.followers.delete(response));
    const after = Number(request.headers["last-event-id"] ?? this.events.length - 3);
    response.write(frame("sessions", { reset: true, opened: [...this.sessions.values()], changed: [], closed: [] }));
    for (const event of this.events.filter((one) => one.number > after)) response.write(frame("control", event, event.number));
  }

  send(event, data, id) {
    for (const follower of this.followers) follower.write(frame(event, data, id));
  }
}

function frame(event, data, id) {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
