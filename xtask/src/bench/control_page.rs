//! The part of docs/performance.md that is on control, made of its own report.

use anyhow::Context as _;
use serde_json::Value;

/// What was measured, by the name that the report has for it, and the goal in milliseconds.
const MEASURED: [(&str, &str, &str); 4] = [
    ("kill_client", "`weir session kill`: the client's connection is reset", "10"),
    ("kill_server", "the same: its query is gone from the server", "100"),
    ("approve", "`weir hold approve`: the statement has reached the server", "10"),
    ("scim_block", "a person is deactivated by SCIM: what they own is refused", "1 000"),
];

/// The table that stands between the markers.
pub(super) fn table(report: &str) -> anyhow::Result<String> {
    let report: Value = serde_json::from_str(report)?;
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer}"));
    let text = |pointer: &str| report.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer}"));
    let mut table = "| ms, from the command until | median | p99 | goal for p99 |\n|---|---|---|---|\n".to_owned();
    for (name, what, goal) in MEASURED {
        let (median, p99) = (number(&format!("/summary/ms/{name}_p50"))?, number(&format!("/summary/ms/{name}_p99"))?);
        table.push_str(&format!("| {what} | {median:.1} | {p99:.1} | {goal} |\n"));
    }
    table.push_str(&format!(
        "\n{:.0} commands of each kind; {:.0} sessions live, {:.0} statements a second, the processors busy {:.0} % of the time; {} build; \
         commit `{}`, {}.\n",
        number("/settings/samples")?,
        number("/summary/live_sessions")?,
        number("/summary/statements_per_second")?,
        number("/summary/busy_percent")?,
        text("/settings/build")?,
        text("/machine/commit")?.get(..12).unwrap_or_default(),
        text("/machine/kernel")?,
    ));
    Ok(table)
}
