//! `weir config check`: everything that is wrong, at once.

use super::{CliError, Format, Result, count, print};
use crate::config::{Config, Problem, Problems};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn config(file: &Path, format: Format) -> Result {
    let loaded = Config::load(file).and_then(|config| match rules(file, &config) {
        None => Ok(config),
        Some(problems) => Err(problems),
    });
    match format {
        Format::Text => {
            let config = loaded.map_err(CliError::new)?;
            let targets = count(config.targets.len(), "target", "targets");
            let workloads = count(config.workloads.len(), "workload", "workloads");
            print(&format!("{}: {targets}, {workloads}, no problems", file.display()))?;
            config.notes().iter().try_for_each(|note| print(&format!("  {note}")))?;
            Ok(ExitCode::SUCCESS)
        }
        Format::Json => {
            let status = if loaded.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) };
            print(&told(file, loaded).to_string())?;
            Ok(status)
        }
    }
}

/// What is wrong with the rules of detection, which are a file of their own.
fn rules(file: &Path, config: &Config) -> Option<Problems> {
    let error = config.detection.as_ref()?.rules().err()?;
    let hint = "docs/detection.md says what a rule may have; `weir alert rules --check` runs its cases".to_owned();
    let what = error.to_string();
    Some(Problems { file: file.to_owned(), problems: vec![Problem { place: None, what, hint }] })
}

fn told(file: &Path, loaded: std::result::Result<Config, Problems>) -> Value {
    let (targets, workloads, notes, problems) = match loaded {
        Ok(config) => (Some(config.targets.len()), Some(config.workloads.len()), config.notes(), Vec::new()),
        Err(Problems { problems, .. }) => (None, None, Vec::new(), problems),
    };
    let problems: Value = problems
        .into_iter()
        .map(|Problem { place, what, hint }| {
            let (line, column) = place.unzip();
            json!({ "file": file, "line": line, "column": column, "problem": what, "hint": hint })
        })
        .collect();
    json!({ "file": file, "targets": targets, "workloads": workloads, "notes": notes, "problems": problems })
}
