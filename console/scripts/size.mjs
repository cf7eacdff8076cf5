// Measures what a browser has to fetch: all scripts and styles of dist, gzipped. Fails beyond the limit.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 250;
const folder = new URL("../dist/assets/", import.meta.url).pathname;

const files = readdirSync(folder)
  .filter((name) => /\.(js|css)$/.test(name))
  .map((name) => ({ name, bytes: gzipSync(readFileSync(join(folder, name)), { level: 9 }).length }))
  .toSorted((a, b) => b.bytes - a.bytes);
const total = files.reduce((sum, file) => sum + file.bytes, 0);

for (const { name, bytes } of files) console.log(`${(bytes / 1000).toFixed(1).padStart(8)} kB  ${name}`);
console.log(`${(total / 1000).toFixed(1).padStart(8)} kB  in all, of ${LIMIT_KB} kB`);
if (files.length === 0 || total > LIMIT_KB * 1000) process.exit(1);
