// What an auditor does in the console once a rule has found something: the script `proof` of console.mjs.

/** `at` has what console.mjs does with its page; `other` opens one more page, on which somebody else has signed in. */
export async function proof({ page, signIn, other, open, reason, ask, tell, picture, look }) {
  await signIn("/alerts", "ana");
  const alert = await ask("want-alert");
  await explain(page, alert.id);
  await picture("alert");
  await snooze({ page, open, reason });
  const { session } = alert;
  await unseal({ page, other, open, reason, picture }, session);
  await incident({ page, reason, open, picture });
  await records(page, session);
  // Whoever only views sees that there is something, and may do nothing about it.
  const viewer = await other("/incidents/report?target=db&since=1h", "dee");
  await viewer.getByRole("alert").filter({ hasText: "You may not" }).waitFor();
  await viewer.getByRole("link", { name: "All incidents" }).click();
  await viewer.getByText("needs the role auditor").waitFor();
  tell("viewer", await viewer.getByRole("button", { name: "Open an incident" }).count());
  for (const path of ["alerts", `alerts/${alert.id}`, "incidents", "incidents/report?target=db&since=1h", "unseals", "evidence"]) {
    for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 375], ["dark", 375]]) await look(path, scheme, width);
  }
}

/** The list leads to what was seen, and that to where. */
async function explain(page, id) {
  await page.getByRole("row").filter({ hasText: "customers" }).getByRole("link", { name: "reads-customers" }).click();
  await page.getByRole("heading", { level: 1, name: `Alert ${id}` }).waitFor();
  await page.getByText("table db/public.customers").first().waitFor();
  await page.getByText("that it is told").waitFor();
}

async function snooze({ page, open, reason }) {
  await page.getByRole("button", { name: "Snooze" }).click();
  await reason("Snooze", "a migration");
  await page.getByText("It is snoozed by ana@acme.example").waitFor();
  await open("Alerts");
  await page.getByRole("table", { name: "Snoozes in force" }).getByRole("button", { name: "End snooze" }).click();
  await reason("End snooze", "it is over");
  await page.getByText("Nothing is snoozed.").waitFor();
}

/** One asks from the session's page, another agrees, the first takes it: once. */
async function unseal({ page, other, open, reason, picture }, session) {
  await page.getByRole("table", { name: "Alerts" }).getByRole("link", { name: "reads-customers" }).first().click();
  await page.getByRole("link", { name: session }).click();
  await page.getByRole("button", { name: "Open sealed layer" }).click();
  await reason("Ask", "case 4711");
  await open("Unseals");
  await page.getByText("You can't answer this. You are involved in it yourself").waitFor();
  const second = await other("/unseals", "cy");
  await second.getByRole("button", { name: "Approve request" }).click();
  const dialog = second.getByRole("alertdialog");
  await dialog.getByLabel("Reason").fill("case 4711, agreed");
  await dialog.getByRole("button", { name: "Approve request", exact: true }).click();
  await second.getByText("It waits for ana@acme.example to take it.").waitFor();
  // What the other one did is told here without being asked for.
  await page.getByRole("button", { name: "Take it here" }).click();
  await page.getByRole("button", { name: "Take it", exact: true }).click();
  await page.getByText("You have taken it.").waitFor();
  await page.getByRole("row").filter({ hasText: "released" }).filter({ hasText: session }).waitFor();
  await picture("unseal");
  await page.reload();
  await page.getByRole("row").filter({ hasText: "released" }).waitFor();
  if (await page.getByText("You have taken it.").count()) throw new Error("what was taken is shown again");
}

/** The records are held, the page says who read what, and the hold is lifted. */
async function incident({ page, reason, open, picture }) {
  await open("Incidents");
  await page.getByRole("button", { name: "Open an incident" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("case 4711");
  await dialog.getByRole("button", { name: "Open, and hold the records" }).click();
  await page.getByRole("heading", { level: 1, name: "Incident: db" }).waitFor();
  await page.getByText("keeps all of these records: case 4711").waitFor();
  await page.getByRole("table", { name: "Exposure of all runs" }).getByRole("row").filter({ hasText: "pii" }).waitFor();
  await page.getByRole("table", { name: "What it did with what" }).getByRole("row").filter({ hasText: "public.customers" }).filter({ hasText: "read" }).first().waitFor();
  await page.getByText("only read").first().waitFor();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await picture("incident");
  await page.emulateMedia({ media: "print" });
  if (await page.getByRole("button", { name: "Print" }).isVisible()) throw new Error("what is pressed is on paper");
  await page.emulateMedia({ media: "screen" });
  await page.getByRole("button", { name: "Lift legal hold" }).click();
  await reason("Lift legal hold", "it is closed");
  await page.getByText("No legal hold is on these records").waitFor();
  await page.getByRole("link", { name: "All incidents" }).click();
  await page.getByRole("table", { name: "Lifted legal holds" }).getByRole("link", { name: "Report" }).waitFor();
  await open("Evidence");
  await page.getByRole("group", { name: "Last checkpoint" }).waitFor();
  await page.getByRole("row").filter({ hasText: "signed the last" }).waitFor();
  await picture("log");
}

/** By what they touched, a class, and when they began. */
async function records(page, session) {
  for (const [words, isFound] of [["customers", true], ["pii", true], ["no-such-thing", false]]) {
    await page.goto(new URL(`/records?search=${words}`, page.url()).href);
    await (isFound ? page.getByRole("link", { name: session }) : page.getByText("No record is like that.")).waitFor();
  }
  await page.getByLabel("Search").fill("");
  await page.getByRole("link", { name: session }).waitFor();
  await page.getByLabel("Begun until").fill("2020-01-01T00:00");
  await page.getByText("No record is like that.").waitFor();
}
