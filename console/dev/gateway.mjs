// A gateway that is none: it serves the API's shapes from memory, with lively made-up data. A development aid.
//
//   node dev/gateway.mjs [--sessions 60] [--port 8787] [--as ana@acme.example] [--dist]
//
// --sessions 10000 is for trying the table of sessions; --as viewer@acme.example has a viewer's roles;
// --dist serves the built console too, with the gateway's content policy.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { routes } from "./routes.mjs";
import { World } from "./world.mjs";

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const world = new World({ sessions: Number(option("sessions", 60)), me: option("as", "ana@acme.example") });
const dist = process.argv.includes("--dist") ? new URL("../dist", import.meta.url).pathname : null;
const port = Number(option("port", 8787));

const CONTENT_POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

createServer(async (request, response) => {
  const url = new URL(request.url, "http://fixture");
  if (url.pathname === "/v1/events") return world.follow(request, response);
  if (url.pathname.startsWith("/v1/") || url.pathname.startsWith("/auth/")) return answer(request, response, url);
  return page(response, url);
}).listen(port, "127.0.0.1", () => console.log(`fixture gateway on http://127.0.0.1:${port}, ${world.sessions.size} sessions`));

async function answer(request, response, url) {
  const body = request.method === "POST" ? JSON.parse((await text(request)) || "{}") : null;
  for (const [method, pattern, act] of routes) {
    const match = method === request.method && pattern.exec(url.pathname);
    if (!match) continue;
    try {
      const { link, ...result } = wrap(await act({ world, parts: match.slice(1).map(decodeURIComponent), query: url.searchParams, body }));
      return send(response, 200, result.value, link ? { Link: link } : {});
    } catch (error) {
      if (!error.status) throw error;
      return send(response, error.status, { type: "about:blank", title: error.title, status: error.status, detail: error.message });
    }
  }
  return send(response, 404, { type: "about:blank", title: "Not found", status: 404, detail: `There is nothing at ${url.pathname}.` });
}

function wrap(result) {
  return result && typeof result === "object" && "value" in result && "link" in result ? result : { value: result };
}

function send(response, status, value, headers = {}) {
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(status, { "Content-Type": type, ...headers });
  response.end(JSON.stringify(value));
}

function page(response, url) {
  const file = dist && join(dist, normalize(url.pathname));
  const shown = file && existsSync(file) && extname(file) ? file : dist && join(dist, "index.html");
  if (!shown) {
    response.writeHead(404).end("Start it with --dist, or use Vite's address.");
    return;
  }
  response.writeHead(200, { "Content-Type": TYPES[extname(shown)] ?? "application/octet-stream", "Content-Security-Policy": CONTENT_POLICY });
  createReadStream(shown).pipe(response);
}

async function text(request) {
  let whole = "";
  for await (const part of request) whole += part;
  return whole;
}
