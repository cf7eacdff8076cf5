//! The page of ways round, made of the reports that are kept.

use serde_json::Value;

/// What the page says before its tables.
const HEAD: &str = "# Ways round

What a job may try to reach a destination past weir, and what becomes of it. Each line is a case of `tests/src/bypass`: it is
played in network namespaces of its own, first without weir, where it has to arrive (that shows that the case can fail), then as a job
under `weir run` with a policy that permits nothing. A witness at the destination sees every frame that comes in.

This page is made of [`results/bypass-none.json`](results/bypass-none.json) and
[`results/bypass-confined.json`](results/bypass-confined.json) by `cargo xtask bypass --page`; a test fails where it says anything
else. What is promised, against whom, is in [Security](security.md).

| outcome | meaning |
|---|---|
| intercepted | the gateway has it on record: it was judged there, and policy refused it |
| refused | it was refused before it left, with this error; nothing arrived |
| out of scope | it arrives, and the reason says why that is not promised |
| missed | it arrives past weir |
";

/// The page's text, from reports in the order in which they are shown.
#[must_use]
pub fn page(reports: &[Value]) -> String {
    let mut page = HEAD.to_owned();
    for report in reports {
        let privileges = text(&report["privileges"]);
        let summary = &report["summary"];
        page.push_str(&format!(
            "\n## `--privileges {privileges}`\n\n{} cases: {} intercepted, {} refused, {} out of scope, **{} missed**. {} of them arrive \
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
