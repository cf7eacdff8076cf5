// What the fixture answers at which address.
import { checkPolicies, policyVersions, policySet } from "./policies.mjs";
import { framesOf, openedOf } from "./frames.mjs";
import { proofRoutes } from "./proof.mjs";

export const routes = [
  ["GET", /^\/auth\/login$/, () => ({ fixture: "You are signed in already. Go back." })],
  ["POST", /^\/auth\/logout$/, () => ({ location: "/" })],
  ["GET", /^\/v1\/me$/, ({ world }) => world.me],
  ["GET", /^\/v1\/sessions$/, ({ world }) => [...world.sessions.values()]],
  ["POST", /^\/v1\/sessions\/([^/]+)\/kill$/, ({ world, parts: [id], body }) => {
    need(world, "operator");
    reason(body);
    found(world.sessions.get(id), "session");
    world.close(id, "killed");
    world.tell("session.killed", id);
    return { client_reset_ms: 0.9, confirmed: true, server_ms: 38.6, how: "cancelled", cancels: 1 };
  }],
  ["POST", /^\/v1\/runs\/([^/]+)\/(freeze|thaw|kill)$/, ({ world, parts: [run, verb], body }) => {
    need(world, "operator");
    reason(body);
    const state = { freeze: "frozen", thaw: "running", kill: "killed" }[verb];
    world.tell(`run.${state === "running" ? "thawed" : state}`, run);
    return { run, state, processes: 3, sessions: 1 };
  }],
  ["GET", /^\/v1\/records$/, ({ world, query }) => {
    const limit = Number(query.get("limit") ?? 100);
    const wanted = ["workload", "target", "run", "owner", "state"].filter((name) => query.get(name));
    const all = world.records().filter((record) => wanted.every((name) => [record[name], name === "workload" && record.name].includes(query.get(name))));
    const from = query.get("before") ? all.findIndex((record) => record.session === query.get("before")) + 1 : 0;
    const page = all.slice(from, from + limit);
    return { value: page, link: from + limit < all.length ? `</v1/records?before=${page.at(-1).session}>; rel="next"` : null };
  }],
  ["POST", /^\/v1\/records\/verify$/, ({ world }) => {
    need(world, "auditor");
    return { records: 4211, frames: 981_223, closed: 4150, live: world.sessions.size, unclosed: 1, events: 312, problems: [{ where: "s-rec00007/412", what: "the chain does not fit the frame before" }], took_ms: 2310 };
  }],
  ["GET", /^\/v1\/records\/([^/]+)$/, ({ world, parts: [id] }) => {
    const summary = found(world.record(id), "record");
    return { summary, opened: openedOf(summary) };
  }],
  ["GET", /^\/v1\/records\/([^/]+)\/frames$/, ({ world, parts: [id], query }) => {
    const summary = found(world.record(id), "record");
    const after = Number(query.get("after") ?? -1);
    const frames = framesOf(summary, world.sessions.has(id)).filter((frame) => frame.frame > after);
    return { frames: frames.slice(0, Number(query.get("limit") ?? 500)), state: summary.state };
  }],
  ["POST", /^\/v1\/records\/([^/]+)\/verify$/, ({ world, parts: [id] }) => {
    const summary = found(world.record(id), "record");
    const problems = summary.state === "damaged" ? ["frame 12: the chain does not fit the frame before"] : [];
    return { session: id, state: summary.state, frames: summary.frames, problems, files: [{ name: `${id}.weir`, bytes: summary.bytes }], chain: "9f2c".repeat(16) };
  }],
  ["GET", /^\/v1\/holds$/, ({ world }) => world.holds],
  ["GET", /^\/v1\/holds\/([^/]+)$/, ({ world, parts: [id] }) => found(world.holds.find((hold) => hold.id === id), "hold")],
  ["POST", /^\/v1\/holds\/([^/]+)\/(approve|deny)$/, ({ world, parts: [id, verb], body }) => {
    need(world, "approver");
    reason(body);
    return world.answerHold(found(world.holds.find((hold) => hold.id === id), "hold"), verb, body);
  }],
  ["GET", /^\/v1\/grants$/, ({ world }) => world.grants],
  ["POST", /^\/v1\/grants$/, ({ world, body }) => ({ ...world.askGrant(body), heeded: body.target !== "warehouse" })],
  ["POST", /^\/v1\/grants\/([^/]+)\/(approve|deny|revoke)$/, ({ world, parts: [id, verb], body }) => {
    need(world, verb === "revoke" ? "operator" : "approver");
    reason(body);
    return world.answerGrant(found(world.grants.find((grant) => grant.id === id), "grant"), verb, body);
  }],
  ["GET", /^\/v1\/blocks$/, ({ world }) => world.blocks],
  ["POST", /^\/v1\/blocks$/, ({ world, body }) => {
    need(world, "operator");
    return world.block(body);
  }],
  ["POST", /^\/v1\/blocks\/([^/]+)\/lift$/, ({ world, parts: [id], body }) => world.lift(found(world.blocks.find((one) => one.id === id), "block"), body)],
  ["GET", /^\/v1\/break-glass$/, ({ world }) => world.glass],
  ["POST", /^\/v1\/break-glass\/([^/]+)\/end$/, ({ world, parts: [id] }) => Object.assign(found(world.glass.find((one) => one.id === id), "broken glass"), { ended_at: new Date().toISOString() })],
  ["POST", /^\/v1\/break-glass\/([^/]+)\/review$/, ({ world, parts: [id], body }) => Object.assign(found(world.glass.find((one) => one.id === id), "broken glass"), { review: { by: world.me.name, finding: body.finding } })],
  ["GET", /^\/v1\/tokens$/, ({ world }) => world.tokens],
  ["POST", /^\/v1\/tokens$/, ({ world, body }) => world.makeToken(body)],
  ["POST", /^\/v1\/tokens\/([^/]+)\/revoke$/, ({ world, parts: [id], body }) => Object.assign(found(world.tokens.find((one) => one.id === id), "token"), { revoked: { by: world.me.name, reason: body.reason }, ended_at: new Date().toISOString() })],
  ["GET", /^\/v1\/notifiers$/, ({ world }) => world.notifiers],
  ["POST", /^\/v1\/notifiers\/([^/]+)\/test$/, ({ parts: [name] }) => {
    if (name === "pager") throw problem(502, "Not delivered", "pager.acme.example answered 503 Service Unavailable.");
    return {};
  }],
  ["GET", /^\/v1\/workloads$/, ({ world }) => world.workloads()],
  ["GET", /^\/v1\/targets$/, ({ world }) => world.targets()],
  ["GET", /^\/v1\/policy$/, () => policySet],
  ["GET", /^\/v1\/policy\/versions$/, () => policyVersions.map(({ hash, since, by, kept }) => ({ hash, since, by, kept }))],
  ["GET", /^\/v1\/policy\/versions\/([^/]+)$/, ({ parts: [hash] }) => found(policyVersions.find((one) => one.hash === hash), "version")],
  ["POST", /^\/v1\/policy\/check$/, ({ body }) => checkPolicies(body.files)],
  ["POST", /^\/v1\/policy\/reload$/, ({ world }) => {
    need(world, "admin");
    return { policy: policySet.hash };
  }],
  ["GET", /^\/v1\/health$/, ({ world }) => world.health()],
  ["GET", /^\/v1\/stats$/, ({ world }) => ({ step_seconds: 5, samples: world.samples })],
  ...proofRoutes({ found, need, reason, problem }),
];

function problem(status, title, detail) {
  return Object.assign(new Error(detail), { status, title });
}

function found(thing, what) {
  if (!thing) throw problem(404, "Not found", `There is no such ${what}, or you have no role for it.`);
  return thing;
}

function need(world, role) {
  const has = world.me.roles.some((given) => given.role === role || given.role === "admin");
  if (!has) throw problem(403, "Forbidden", `This needs the role ${role}, which ${world.me.name} does not have.`);
}

function reason(body) {
  if (!body.reason) throw problem(422, "No reason", "A reason is needed.");
}
