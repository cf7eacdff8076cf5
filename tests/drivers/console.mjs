// Drives a real browser through the console: `node console.mjs URL PICTURES [widths]`. What it does is told a line each on the
// standard output; the harness answers on the standard input where something has to happen outside of the browser first.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { proof } from "./console_proof.mjs";

const require = createRequire(`${process.env.NODE_PATH}/`);
const { chromium } = require("playwright-core");
const { AxeBuilder } = require("@axe-core/playwright");

const [url, pictures, script] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (what, value = null) => process.stdout.write(`${JSON.stringify([what, value])}\n`);
/** Says what it waits for, and waits for the answer. */
const ask = async (what) => {
  tell(what);
  return (await lines.next()).value;
};

const askJson = async (what) => JSON.parse(await ask(what));

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 }, colorScheme: "light" });
const page = await context.newPage();
page.setDefaultTimeout(20_000);
const refused = [];
// Before somebody has signed in, everything is refused on purpose.
let signedIn = false;
page.on("console", (message) => {
  // What a policy of the page's refuses is told there; so is whatever goes wrong.
  // Other tests make networks meanwhile, and Chromium then ends what is under way: the console begins again.
  const byOthers = message.text().includes("ERR_NETWORK_CHANGED");
  if (message.type() === "error" && signedIn && !byOthers && message.location().url.startsWith(url)) refused.push(`${message.text()} ${message.location().url}`);
});
page.on("pageerror", (error) => refused.push(String(error)));

try {
  await { tour, looks, proof: () => proof({ page, signIn, other, open, reason, ask: askJson, tell, picture, look }) }[script]();
  tell("errors", refused);
  tell("done");
} catch (error) {
  await page.screenshot({ path: `${pictures}/failed.png` }).catch(() => {});
  tell("failed", `${error.stack ?? error}\n${page.url()}\n${(await page.locator("body").innerText().catch(() => "")).slice(0, 2_000)}`);
  process.exitCode = 1;
} finally {
  await browser.close();
  process.exit();
}

/** Signs in at the provider, from wherever its pages begin. */
async function signIn(path, login) {
  await signInOn(page, path, login);
  signedIn = true;
}

async function signInOn(on, path, login) {
  await go(`${url}${path}`, on);
  await on.locator('input[name="login"]').fill(login);
  await on.locator('input[name="password"]').fill("any");
  await on.locator('button[type="submit"]').click();
  // The provider asks whether weir may know who it is.
  await on.locator('button[type="submit"]').click();
  await on.waitForURL((at) => at.href.startsWith(`${url}/`) && !at.pathname.startsWith("/auth/"));
}

/** A page of another browser, on which somebody else has signed in. */
async function other(path, login) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 }, colorScheme: "light" });
  const on = await context.newPage();
  on.setDefaultTimeout(20_000);
  await signInOn(on, path, login);
  return on;
}

async function picture(name) {
  // What fades in has faded in.
  await page.waitForTimeout(400);
  await page.screenshot({ path: `${pictures}/${name}.png` });
}

async function reason(action, text) {
  const dialog = page.getByRole("alertdialog").or(page.getByRole("dialog"));
  await dialog.getByLabel("Reason").fill(text);
  await dialog.getByRole("button", { name: action, exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
}

async function open(name) {
  // What waits there is a part of a link's name.
  await page.getByRole("navigation").getByRole("link", { name: new RegExp(`^${name}`) }).first().click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

/** What an operator does on a bad morning. */
async function tour() {
  await signIn("/holds", "ana");
  tell("path", new URL(page.url()).pathname);
  // A live job is seen, with what it runs.
  await open("Sessions");
  await ask("want-jobs");
  await page.getByText("pg_sleep(0.2)").first().waitFor();
  await page.getByRole("row").filter({ hasText: "held" }).filter({ hasText: "DELETE" }).waitFor();
  await picture("sessions");
  await open("Overview");
  await picture("overview");
  // A DELETE waits; it is approved, and runs.
  await open("Holds");
  await page.getByText("DELETE FROM", { exact: false }).first().waitFor();
  await picture("hold");
  await page.getByRole("button", { name: "Approve once" }).click();
  await reason("Approve once", "ticket 7");
  tell("approved");
  await ask("want-ran");
  await page.getByRole("listitem").filter({ hasText: "approved" }).filter({ hasText: "ticket 7" }).waitFor();
  // It is watched; then another is killed.
  await open("Sessions");
  await page.getByLabel("Find").fill("pg_sleep(60)");
  await page.getByRole("link").filter({ hasText: "psql" }).first().click();
  await page.getByRole("region", { name: "Timeline" }).getByText("pg_sleep(60)").first().waitFor();
  await picture("session");
  await page.getByRole("button", { name: "Kill session" }).click();
  await reason("Kill session", "it should not be there");
  await page.getByText("Killed:", { exact: false }).first().waitFor();
  await ask("want-killed");
  // Whoever it was is blocked, after a look at what that would cut.
  await open("Blocks");
  await page.getByRole("button", { name: "Add a block" }).click();
  const dialog = page.getByRole("dialog");
  const name = await ask("want-workload");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Reason").fill("an incident");
  await dialog.getByRole("button", { name: "Show what it would cut" }).click();
  await dialog.getByText("would", { exact: false }).first().waitFor();
  await picture("block");
  await dialog.getByRole("button", { name: "Block workload", exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await ask("want-blocked");
  // What was, is replayed and checked.
  await open("Records");
  const record = await ask("want-record");
  await page.getByRole("link", { name: record }).click();
  await page.getByRole("button", { name: "Play" }).click();
  await page.getByRole("button", { name: "Show all" }).waitFor();
  await picture("replay");
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByRole("button", { name: "Verify record" }).click();
  await page.getByText("The record is whole.").waitFor();
  await open("Evidence");
  await page.getByRole("button", { name: "Verify everything" }).click();
  await page.getByText("All is whole", { exact: false }).first().waitFor();
  await picture("evidence");
  // Out again.
  await page.getByRole("button", { name: /^You:/ }).click();
  signedIn = false;
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL((at) => !at.href.startsWith(`${url}/evidence`));
}

/** Goes there, and again where a network that another test made or unmade has Chromium give up. */
async function go(address, on = page) {
  for (let left = 5; ; left--) {
    try {
      return await on.goto(address);
    } catch (error) {
      if (left === 0 || !`${error}`.includes("ERR_NETWORK_CHANGED")) throw error;
      await on.waitForTimeout(300);
    }
  }
}

/** Every page, in both themes and at two widths, and one that is not live: nothing that axe finds, nothing wider than the window. */
async function looks() {
  await signIn("/", "cy");
  const pages = ["", "sessions", "records", "incidents", "incidents/report?target=db&since=1h", "unseals", "holds", "alerts", "grants", "blocks", "break-glass", "workloads", "targets", "policy", "evidence", "health", "tokens"];
  const session = await ask("want-session");
  for (const path of [...pages, `sessions/${session}`, "nowhere"]) {
    for (const [colorScheme, width] of [["light", 1280], ["dark", 1280], ["light", 375], ["dark", 375]]) {
      await look(path, colorScheme, width);
    }
  }
  signedIn = false;
  await page.route("**/v1/events**", (route) => route.abort());
  for (const [colorScheme, width] of [["light", 375], ["dark", 375]]) await look("targets", colorScheme, width, "not live: retrying");
}

async function look(path, colorScheme, width, state = "") {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height: width === 375 ? 812 : 800 });
  await go(`${url}/${path}`);
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await page.getByRole("status").filter({ hasText: state }).first().waitFor();
  // What is asked for has come.
  await page.waitForTimeout(700);
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  const violations = found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.target}`);
  tell("look", { path, colorScheme, width, state, wide, violations });
  const name = `${path.replaceAll(/[^\w-]+/g, "-") || "overview"}${state && "-not-live"}`;
  await page.screenshot({ path: `${pictures}/look-${name}-${colorScheme}-${width}.png` });
}
