// The fixture's alerts, snoozes, unseals, incidents, legal holds and log: what the evidence part of the API serves.
/* oxlint-disable unicorn/no-thenable -- an alert has a field of that name */
const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const ahead = (seconds) => ago(-seconds);
const id = (letter, number) => `${letter}-01jd5k2v8q3${String(number).padStart(2, "0")}`;
const JOB = "spiffe://acme.example/host/vm-7/user/jobs/exe/report";
const BACKUP = "spiffe://acme.example/host/vm-7/unit/nightly.service";
const LEAK = {
  severity: "medium", then: "tell", count: 1, identity: JOB, workload: "report", session: "s-rec00001", operation: 14, run: id("r", 1),
  target: "prod-pg", event: `${id("s", 1)}/41`, usual: "", threshold: "", done: null,
};

const alerts = [
  { ...LEAK, id: id("a", 1), rule: "rows-far-from-usual", subject: "rows", severity: "high", at: ago(240), told_at: ago(238), seen: "1 204 332 rows in this hour", usual: "4 210 ± 380 in an hour, of 19 days", threshold: "10 000 rows, or 6 deviations above", count: 3 },
  { ...LEAK, id: id("a", 2), rule: "wages", subject: "prod-pg/public.wages", severity: "high", then: "block", at: ago(4_000), told_at: ago(3_999), seen: "table prod-pg/public.wages", threshold: "it is on the list", done: { what: `blocked by ${id("b", 1)}, which cut 2 sessions`, well: true, at: ago(3_998) } },
  { ...LEAK, id: id("a", 3), rule: "first-target", subject: "warehouse", at: ago(9_000), told_at: ago(8_990), target: "warehouse", seen: "target warehouse, never before", usual: "prod-pg, staging-pg", threshold: "the first time" },
  { ...LEAK, id: id("a", 4), rule: "left-its-job", workload: "", identity: null, subject: "r-01jd5k2v8q3xm", severity: "low", at: ago(40_000), told_at: ago(39_990), session: null, operation: null, target: null, seen: "a process that left its job" },
  { ...LEAK, id: id("a", 5), rule: "refusals", workload: "orders-agent", identity: "spiffe://acme.example/ci/acme/shop/orders-agent", subject: "refused", then: "kill", at: ago(90_000), told_at: ago(89_990), seen: "41 refusals in 10 min", threshold: "20 in 10 min", count: 2, done: { what: "it is of no run that could be killed", well: false, at: ago(89_000) } },
];
const snoozes = [
  { id: id("z", 1), rule: "first-*", workload: "report", reason: "it moves to the warehouse this week", by: "bo@acme.example", since: ago(3_600), until: ahead(86_400), lifted: null, ended_at: null },
  { id: id("z", 2), rule: "rows-*", workload: "*", reason: "the yearly export", by: "ana@acme.example", since: ago(900_000), until: ago(800_000), lifted: { by: "ana@acme.example", reason: "it is done" }, ended_at: ago(850_000) },
];
const TERM = { policy: "unseal", group: "role:approver", quorum: 1, wait_seconds: 86_400, valid_seconds: 900 };
const CASE = {
  session: "s-rec00003", target: "warehouse", workload: JOB, name: "report", reason: "case 4711: which rows did it take?", terms: [TERM], votes: [], answer: null, ended_at: null,
};
const asked = (number, by, over) => ({ ...CASE, id: id("u", number), state: "asked", by, involved: [by], asked_at: ago(400), until: ahead(80_000), ...over });
const vote = (by, reason, at) => ({ by: { name: by, groups: [] }, reason, scope: "once", at });
const unseals = [
  asked(1, "dan@acme.example", {}),
  asked(2, "ana@acme.example", { session: "s-rec00008", reason: "case 4712: it's the one with the parameters" }),
  asked(3, "ana@acme.example", { session: "s-rec00005", state: "approved", until: ahead(700), votes: [vote("bo@acme.example", "case 4711, agreed", ago(200))] }),
  asked(4, "dan@acme.example", { state: "released", votes: [vote("cleo@acme.example", "agreed", ago(9_000))], ended_at: ago(8_900) }),
  asked(5, "eve@acme.example", { state: "denied", answer: { by: "bo@acme.example", reason: "there is no case" }, ended_at: ago(19_000) }),
];
const holds = [
  { id: id("l", 1), subject: { kind: "target", name: "prod-pg" }, since: ago(14_400), until: null, reason: "case 4711", by: "ana@acme.example", set_at: ago(7_000), lifted: null, lifted_at: null },
  { id: id("l", 2), subject: { kind: "workload", name: JOB }, since: null, until: null, reason: "the auditors ask for it", by: "dan@acme.example", set_at: ago(400_000), lifted: null, lifted_at: null },
  { id: id("l", 3), subject: { kind: "target", name: "warehouse" }, since: ago(3_000_000), until: ago(2_900_000), reason: "case 4602", by: "ana@acme.example", set_at: ago(2_900_000), lifted: { by: "dan@acme.example", reason: "it is closed" }, lifted_at: ago(900_000) },
];
const VISIT = {
  owner: "dan@acme.example", grade: "kernel", person: null, credential: "file:prod-pg-reader", login: "reader", live: false, sessions: 2, errors: 0, wrote: "no", exposure: [], objects: [], elsewhere: [],
};
const did = (verb, object, outcome, count, rows) => ({ verb, object, outcome, count, rows });

function incident({ target, since, until }, hold = null) {
  const from = since.endsWith("Z") ? since : ago(7_200);
  return {
    target, since: from, until: until ?? ago(0), made_at: ago(0), runs: 31, sessions: 58, rows: 1_230_112, server_us: 812_400_000, wrote: 2,
    exposure: [{ class: "email", clear_rows: 40_012, masked_rows: 1_204_332 }, { class: "iban", clear_rows: 0, masked_rows: 8_120 }],
    top: [
      {
        ...VISIT, run: id("r", 1), workload: JOB, name: "report", first: ago(6_000), last: ago(240), live: true, statements: 412, rows: 1_204_332, server_us: 610_000_000, errors: 3, session: "s-rec00001", person: "dan@acme.example",
        exposure: [{ class: "email", clear_rows: 40_012, masked_rows: 1_164_320 }],
        objects: [did("read", "public.customers", "allowed", 400, 1_204_320), did("read", "public.wages", "denied", 3, 0), did("call", "pg_catalog.now", "allowed", 12, 12)],
        elsewhere: [{ target: "203.0.113.9:443", protocol: "opaque", sessions: 4, refused: 3, sent: 1_204, received: 0 }, { target: "warehouse", protocol: "postgres", sessions: 1, refused: 0, sent: 18_220, received: 4_420_111 }],
      },
      { ...VISIT, run: id("r", 2), workload: BACKUP, name: "nightly-backup", owner: "ana@acme.example", first: ago(5_000), last: ago(4_000), statements: 90, rows: 25_700, server_us: 190_000_000, session: "s-rec00005", wrote: "unknown", objects: [did("read", "public.orders", "allowed", 1, 25_700), did("call", "public.export", "allowed", 1, 0)] },
      { ...VISIT, run: id("r", 3), workload: "spiffe://acme.example/ci/acme/shop/flyway", name: "flyway", owner: null, grade: "attested", credential: null, login: "migrate", first: ago(3_000), last: ago(2_950), statements: 7, rows: 80, server_us: 12_400, session: "s-rec00006", wrote: "yes", objects: [did("define", "public.customers", "allowed", 1, 0), did("write", "public.flyway_history", "held", 1, 1)] },
    ],
    siblings: [
      { credential: "file:prod-pg-reader", user: "reader", workload: BACKUP, name: "nightly-backup", owner: "ana@acme.example", sessions: 402, last_seen: ago(4_000), was_there: true },
      { credential: "file:prod-pg-reader", user: "reader", workload: "spiffe://acme.example/host/vm-9/user/web/exe/psql", name: null, owner: null, sessions: 3, last_seen: ago(500_000), was_there: false },
    ],
    unwatched: {
      hosts: { "vm-7": ago(20), "vm-9": ago(5_000) }, more: 0,
      gaps: [{ host: "vm-9", from: ago(5_000), until: ago(3_900), cause: "died", detail: "found by the next one", session: null }, { host: "vm-7", from: ago(2_000), until: ago(1_990), cause: "record-cut", detail: "", session: "s-rec00005" }],
    },
    hold,
  };
}

const ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
const SIGNED = "cJT3xq6h1mV0k2mS1z3yqkq1d3l0bGh1c2lnbmF0dXJlb2Z0aGVmaXh0dXJldGhhdGlzbm9uZWF0YWxsMDAwMDAwMDA=";
const log = {
  origin: "acme.example/weir/vm-7", key: "acme.example/weir/vm-7+7094f7c6+AfixtureKeyOfNoLogAtAll0000000000000000000000", entries: 20_864,
  checkpoint: { entries: 20_852, root: ROOT, text: `acme.example/weir/vm-7\n20852\n${ROOT}\n\n— acme.example/weir/vm-7 ${SIGNED}\n— witness.example/w1 jWbPPwAAAABkGFDL${SIGNED}\n` },
  witnesses: [
    { name: "witness.example/w1", key: "witness.example/w1+8d66cf3f+B1", url: "https://witness.example/weir", entries: 20_852, at: ago(44) },
    { name: "notary.example/w7", key: "notary.example/w7+1d66cf3f+B2", url: "https://notary.example/tlog", entries: 19_770, at: ago(40_000) },
    { name: "far.example/w", key: "far.example/w+2d66cf3f+B3", url: "https://far.example/", entries: null, at: null },
  ],
};

const lift = (thing, world, body, at) => Object.assign(thing, { lifted: { by: world.me.name, reason: body.reason }, [at]: ago(0) });

/** The routes, made with what the others have to refuse by. */
export function proofRoutes({ found, need, reason, problem }) {
  const of = (list, what, one) => found(list.find((each) => each.id === one), what);
  return [
    ["GET", /^\/v1\/alerts$/, () => alerts],
    ["GET", /^\/v1\/alerts\/([^/]+)$/, ({ parts: [one] }) => of(alerts, "alert", one)],
    ["GET", /^\/v1\/snoozes$/, () => snoozes],
    ["POST", /^\/v1\/snoozes$/, ({ world, body: { seconds, ...body } }) => {
      need(world, "operator");
      snoozes.unshift({ id: id("z", snoozes.length + 1), ...body, by: world.me.name, since: ago(0), until: ahead(seconds), lifted: null, ended_at: null });
      world.tell("snooze.set", snoozes[0].id);
      return snoozes[0];
    }],
    ["POST", /^\/v1\/snoozes\/([^/]+)\/lift$/, ({ world, parts: [one], body }) => lift(of(snoozes, "snooze", one), world, body, "ended_at")],
    ["GET", /^\/v1\/unseals$/, () => unseals],
    ["POST", /^\/v1\/unseals$/, ({ world, body }) => {
      need(world, "auditor");
      reason(body);
      unseals.unshift(asked(unseals.length + 1, world.me.name, { ...body, asked_at: ago(0) }));
      world.tell("unseal.asked", unseals[0].id);
      return unseals[0];
    }],
    ["POST", /^\/v1\/unseals\/([^/]+)\/(approve|deny|release)$/, ({ world, parts: [one, verb], body }) => {
      const unseal = of(unseals, "request", one);
      if (verb === "approve") return Object.assign(unseal, { state: "approved", until: ahead(900), votes: [vote(world.me.name, body.reason, ago(0))] });
      if (verb === "deny") return Object.assign(unseal, { state: "denied", answer: { by: world.me.name, reason: body.reason }, ended_at: ago(0) });
      if (unseal.by !== world.me.name) throw problem(422, "Not this way", "a sealed layer is opened by whoever asked for it, and by nobody else");
      return Object.assign(unseal, { state: "released", ended_at: ago(0) });
    }],
    ["GET", /^\/v1\/incidents$/, ({ world, query }) => {
      need(world, "auditor");
      return incident({ target: query.get("target"), since: query.get("since"), until: query.get("until") ?? undefined });
    }],
    ["POST", /^\/v1\/incidents$/, ({ world, body }) => {
      need(world, "auditor");
      const subject = { kind: "target", name: body.target };
      holds.unshift({ id: id("l", holds.length + 1), subject, since: body.since, until: body.until ?? null, reason: body.reason, by: world.me.name, set_at: ago(0), lifted: null, lifted_at: null });
      return incident(body, holds[0]);
    }],
    ["GET", /^\/v1\/legal-holds$/, () => holds],
    ["POST", /^\/v1\/legal-holds$/, ({ world, body }) => {
      need(world, "auditor");
      holds.unshift({ id: id("l", holds.length + 1), since: null, until: null, ...body, by: world.me.name, set_at: ago(0), lifted: null, lifted_at: null });
      return holds[0];
    }],
    ["POST", /^\/v1\/legal-holds\/([^/]+)\/lift$/, ({ world, parts: [one], body }) => lift(of(holds, "legal hold", one), world, body, "lifted_at")],
    ["GET", /^\/v1\/log$/, () => log],
  ];
}
