//! `weir policy test`: a line for each case, and exit status 1 where one fails.

use super::{Which, set};
use crate::cli::{CliError, Format, Result, count, print};
use crate::config::{PolicyTexts, problems};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use gateway_core::policy::cases::Outcome;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// Runs the cases of `folder`, or those that stand beside the policies.
pub(in crate::cli) fn test(which: &Which, folder: Option<&Path>) -> Result {
    let dir = which.dir()?;
    let told = |error: anyhow::Error| CliError::new(format!("{error:#}"));
    let mut texts = PolicyTexts::read(&dir).map_err(told)?;
    if let Some(folder) = folder {
        texts.cases = PolicyTexts::cases(folder).map_err(told)?;
    }
    let set = set(&texts)?;
    let outcomes = texts.run(&set).map_err(|wrong| CliError::new(problems(wrong)))?;
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    print(&match which.format() {
        Format::Json => json!({
            "hash": set.hash(),
            "cases": outcomes.len(),
            "failed": failed,
            "results": outcomes.iter().map(row_json).collect::<Vec<_>>(),
        })
        .to_string(),
        Format::Text if outcomes.is_empty() => format!("no cases below {}", folder.unwrap_or(&dir).display()),
        Format::Text => text(&outcomes, failed),
    })?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn row_json(outcome: &Outcome) -> Value {
    let Outcome { name, file, line, expected, got, policies, passed, notes } = outcome;
    json!({
        "case": name,
        "file": file,
        "line": line,
        "expected": expected.to_string(),
        "got": got.to_string(),
        "policies": policies,
        "passed": passed,
        "notes": notes,
    })
}

fn text(outcomes: &[Outcome], failed: usize) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["", "CASE", "EXPECTED", "GOT", "BY"]);
    for Outcome { name, expected, got, policies, passed, .. } in outcomes {
        let mark = if *passed { "ok" } else { "FAILED" };
        let by = if policies.is_empty() { "-".to_owned() } else { policies.join(", ") };
        table.add_row([mark.to_owned(), name.clone(), expected.to_string(), got.to_string(), by]);
    }
    let failures: String = outcomes.iter().filter_map(Outcome::problem).map(|problem| format!("\n{problem}")).collect();
    format!("{table}\n{}, {failed} failed{failures}", count(outcomes.len(), "case", "cases"))
}
