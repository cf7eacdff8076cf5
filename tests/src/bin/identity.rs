//! Attacks identity in every way that is known, prints a table, and fails if one succeeds.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use clap::Parser;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use weir_tests::identity_attacks::{attacks, run, summary};
use weir_tests::issuer::Issuer;

/// A gateway's kernel programs are freed before the next ones are made.
const BREATH: Duration = Duration::from_millis(50);

#[derive(Parser)]
struct Arguments {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only attacks whose name or kind has this in it.
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let issuer = Issuer::start();
    let mut rows = Vec::new();
    for attack in attacks().iter().filter(|attack| format!("{}: {}", attack.kind, attack.name).contains(&arguments.only)) {
        let row = run(attack, &issuer);
        println!("{:<10} {}: {}\n           {}", row.outcome, row.kind, row.attack, row.why);
        rows.push(row);
        std::thread::sleep(BREATH);
    }
    let counts = summary(&rows);
    println!("{counts}");
    if let Some(path) = arguments.json {
        let report = json!({ "summary": counts, "machine": weir_tests::machine(), "rows": rows });
        std::fs::write(path, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    Ok(if counts["succeeded"] == 0 && counts["attacks"] != 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
