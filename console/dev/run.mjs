// Starts the fixture gateway and Vite beside it, for work on the console without a gateway.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const start = (...command) => spawn(process.execPath, command, { stdio: "inherit", cwd: here("..") });

const children = [start(here("./gateway.mjs"), ...process.argv.slice(2)), start(here("../node_modules/vite/bin/vite.js"))];
const stop = () => children.forEach((child) => child.kill());
children.forEach((child) => child.on("exit", stop));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
