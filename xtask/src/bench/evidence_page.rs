//! The part of docs/performance.md that is on evidence, made of its own report.

use anyhow::Context as _;
use serde_json::Value;

/// The table that stands between the markers.
pub(super) fn table(report: &str) -> anyhow::Result<String> {
    let report: Value = serde_json::from_str(report)?;
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer}"));
    let text = |pointer: &str| report.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer}"));
    let rows = [
        ("written, of one core", format!("{:.0} frames/s", number("/write_frames_per_s")?), ""),
        ("the same, before compression", format!("{:.0} MB/s", number("/write_mb_per_s")?), ""),
        ("checked, on all processors", format!("{:.0} MB/s", number("/verify_mb_per_s")?), "1 000 MB/s"),
        ("`weir audit prove` of a session", format!("{:.0} ms", number("/prove_ms")?), ""),
        (
            "on the disk: a prepared `SELECT`",
            format!("{:.1} bytes", number("/statements/select_prepared/bytes_per_statement")?),
            "",
        ),
        ("on the disk: the same, simple", format!("{:.1} bytes", number("/statements/select_simple/bytes_per_statement")?), ""),
        (
            "on the disk: connect, one `SELECT`, close",
            format!("{:.0} bytes", number("/statements/connect_query_close/bytes_per_statement")?),
            "",
        ),
        ("a million sessions: the slowest list", format!("{:.1} ms", number("/list_1m_ms")?), "100 ms"),
        ("a million sessions: the slowest search", format!("{:.1} ms", number("/search_1m_ms")?), "100 ms"),
    ];
    let mut table = "| | measured | goal |\n|---|---|---|\n".to_owned();
    for (what, measured, goal) in rows {
        table.push_str(&format!("| {what} | {measured} | {goal} |\n"));
    }
    table.push_str(&format!(
        "\n{} cores, {} build; commit `{}`, {}.\n",
        number("/machine/cores")?,
        text("/settings/weir_build")?,
        text("/machine/commit")?.get(..12).unwrap_or_default(),
        text("/machine/kernel")?,
    ));
    Ok(table)
}
