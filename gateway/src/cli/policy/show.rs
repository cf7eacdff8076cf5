//! `weir policy show`: the policies of the folder, where each is written and what it says beside allow and deny.

use super::{Which, set};
use crate::cli::{CliError, Format, Result, print};
use crate::config::PolicyTexts;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use gateway_core::policy::{Entry, PolicySet};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

pub(in crate::cli) fn show(which: &Which) -> Result {
    let dir = which.dir()?;
    let texts = PolicyTexts::read(&dir).map_err(|error| CliError::new(format!("{error:#}")))?;
    let set = set(&texts)?;
    print(&match which.format() {
        Format::Json => json!({
            "dir": dir,
            "hash": set.hash(),
            "watches_totals": set.watches_totals(),
            "policies": set.entries().map(row_json).collect::<Vec<_>>(),
        })
        .to_string(),
        Format::Text if set.is_empty() => format!("{}: no policies, so nothing is permitted", dir.display()),
        Format::Text => format!("{}\nset {}", table(&set), set.hash()),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row_json(entry: &Entry) -> Value {
    let annotations: Map<_, _> = entry.annotations.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    json!({
        "id": entry.id,
        "effect": effect(entry),
        "file": entry.file,
        "line": entry.line,
        "annotations": annotations,
    })
}

fn table(set: &PolicySet) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["POLICY", "EFFECT", "WRITTEN", "ANNOTATIONS"]);
    for entry in set.entries() {
        let name = entry.file.rsplit('/').next().unwrap_or_default();
        let place = entry.line.map_or_else(|| name.to_owned(), |line| format!("{name}:{line}"));
        let annotations: Vec<_> = entry.annotations.iter().map(|(key, value)| format!("@{key}({value:?})")).collect();
        table.add_row([entry.id.clone(), effect(entry).to_owned(), place, annotations.join(" ")]);
    }
    table
}

const fn effect(entry: &Entry) -> &'static str {
    if entry.permits { "permit" } else { "forbid" }
}
