//! The end of a long suite: what it found, for people and for machines.

use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Tells the summary and the faults, and writes the report where it is wanted; a failure where there are faults.
///
/// # Errors
/// Where any of it can't be written.
pub fn finish(report: &Value, faults: &[String], json: Option<&Path>) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    writeln!(out, "{:#}", report["summary"])?;
    for fault in faults {
        writeln!(out, "{fault}")?;
    }
    if let Some(file) = json {
        std::fs::write(file, format!("{report:#}\n"))?;
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
