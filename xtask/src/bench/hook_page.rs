//! The hooks' part of docs/performance.md, made of its own report.

use super::hook::{CALLS, WAYS, values};
use super::report::median;
use anyhow::Context as _;
use serde_json::{Map, Value};

/// The table that stands between the markers.
pub(super) fn table(report: &str) -> anyhow::Result<String> {
    let report: Value = serde_json::from_str(report)?;
    let rounds: Vec<Map<String, Value>> =
        serde_json::from_value(report.get("rounds").context("the report has no rounds")?.clone())?;
    let mut table =
        "| µs, medians of the rounds | no hook | outside every job | | inside a job | |\n|---|---|---|---|---|---|\n".to_owned();
    for call in CALLS {
        let none = values(&rounds, call, "no_hook")?;
        let mut cells = Vec::new();
        for way in WAYS {
            let own = values(&rounds, call, way)?;
            cells.push(format!("{:.1}", median(&own).context("no rounds")?));
            if way != "no_hook" {
                let ratios: Vec<f64> = own.iter().zip(&none).map(|(own, none)| own / none).collect();
                let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
                let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                cells.push(format!("× {:.2} ({least:.2}–{most:.2})", median(&ratios).context("no rounds")?));
            }
        }
        table.push_str(&format!("| `{call}` | {} |\n", cells.join(" | ")));
    }
    let text =
        |pointer: &str| report.pointer(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    table.push_str(&format!(
        "\n{} rounds of {} connects a way; {} build; commit `{}`, {}.\n",
        text("/settings/rounds").unwrap_or_default(),
        text("/settings/connects").unwrap_or_default(),
        text("/settings/weir_build").unwrap_or_default(),
        text("/machine/commit").unwrap_or_default().get(..12).unwrap_or_default(),
        text("/machine/kernel").unwrap_or_default(),
    ));
    Ok(table)
}
