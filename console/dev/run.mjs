// Starts the fixture gateway and Vite beside it, for work on the console without a gateway.
import { spawn } from "node:child_process";

const options = process.argv.slice(2);
const children = [
  spawn(process.execPath, [new URL("./gateway.mjs", import.meta.url).pathname, ...options], { stdio: "inherit" }),
  spawn("npx", ["vite"], { stdio: "inherit", cwd: new URL("..", import.meta.url).pathname }),
];
const stop = () => children.forEach((child) => child.kill());
children.forEach((child) => child.on("exit", stop));
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
