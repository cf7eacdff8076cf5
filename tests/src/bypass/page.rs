//! The page of ways round, made of the reports that are kept.

use serde_json::Value;

/// What the page says before its tables.
const HEAD: &str = "# Ways round

What a job may try to reach a destination past weir, and what becomes of it. Each line is a case of `tests/src/bypass`: it is
played in network namespaces of its own, first without weir, where it has to arrive (that shows that the case can fail), then as a job
under `weir run` with a policy that permits nothing. A witness at the destination sees every frame that comes in.

The last table plays them under `weir serve`, whose hooks are above the job and above who would help it: nothing is argued out of scope there.

This page is made of [`results/bypass-none.json`](results/bypass-none.json),
[`results/bypass-confined.json`](results/bypass-confined.json) and [`results/bypass-host.json`](results/bypass-host.json) by `cargo xtask bypass --page`; a test fails where it says anything
else. What is promised, against whom, is in [Security](security.md).

| outcome | meaning |
|---|---|
| intercepted | the gateway has it on record: it was judged there, and policy refused it |
| refused | it was refused before it left, with this error; nothing arrived |
| out of scope | it arrives, and the reason says why that is not promised |
| missed | it arrives past weir |
";

/// What is said of the daemon's table, up to how its jobs were started.
const UNDER_THE_DAEMON: &str = "## Under `weir serve`

The same cases in a job of the host's daemon. Who would help from outside is in no job, and below the daemon's hooks. The destinations of rows 5 and 8 are targets
with `from_outside = \"refuse\"`: nobody but a job is to reach them. The job was started by";

/// The page's text, from reports in the order in which they are shown.
#[must_use]
pub fn page(reports: &[Value]) -> String {
    let mut page = HEAD.to_owned();
    for report in reports {
        let privileges = text(&report["privileges"]);
        let summary = &report["summary"];
        let heading = match text(&report["gateway"]) {
            "weir serve" => format!(
                "{UNDER_THE_DAEMON} `weir run --privileges {privileges}`, and the cases that need a gateway of their own are left out."
            ),
            _ => format!("## `--privileges {privileges}`"),
        };
        page.push_str(&format!(
            "\n{heading}\n\n{} cases: {} intercepted, {} refused, {} out of scope, **{} missed**. {} of them arrive \
             without weir, or are aimed at weir itself; the rest needs what this kernel does not have. Commit `{}`, {}.\n\n\
             | # | attempt | outcome | | without weir |\n|---|---|---|---|---|\n",
            summary["cases"],
            summary["intercepted"],
            summary["refused"],
            summary["out_of_scope"],
            summary["missed"],
            summary["shown_to_arrive_without_weir"],
            text(&report["machine"]["commit"]).get(..12).unwrap_or_default(),
            text(&report["machine"]["kernel"]),
        ));
        for row in report["rows"].as_array().into_iter().flatten() {
            let outcome = text(&row["outcome"]).replace('_', " ");
            let shown = match row["errno"].as_str() {
                Some(errno) => format!("{outcome}: {errno}"),
                None => outcome,
            };
            page.push_str(&format!(
                "| {} | {} | {shown} | {} | {} |\n",
                text(&row["id"]),
                cell(text(&row["attempt"])),
                cell(text(&row["why"])),
                cell(text(&row["without_weir"]))
            ));
        }
    }
    page
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
