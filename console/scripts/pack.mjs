// Lays a gzipped copy beside each text of dist: the gateway sends it to whoever takes it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const folder = new URL("../dist/", import.meta.url).pathname;
for (const name of readdirSync(folder, { recursive: true })) {
  if (/\.(js|css|html|svg)$/.test(name)) writeFileSync(join(folder, `${name}.gz`), gzipSync(readFileSync(join(folder, name)), { level: 9 }));
}
