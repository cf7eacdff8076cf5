//! Runs every evasion through `weir run` and reports: `weir-evasion [--json FILE] [--only TEXT]`.

use clap::Parser;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use weir_tests::evasion::{Ground, Row, Verdict, cases, summary};

/// Runs every evasion through `weir run` against a Postgres of its own.
#[derive(Parser)]
struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only cases whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let cases: Vec<_> = cases::all().into_iter().filter(|case| case.name.contains(&options.only)).collect();
    let ground = Ground::start();
    let mut rows: Vec<Row> = Vec::new();
    let mut out = std::io::stdout().lock();
    for (at, case) in cases.iter().enumerate() {
        let started = Instant::now();
        let row = ground.run(case);
        let seconds = started.elapsed().as_secs_f32();
        let shown = format!("{:>3}/{} {seconds:>5.1} s {:<13} {}", at + 1, cases.len(), row.verdict.to_string(), row.name);
        match row.verdict {
            Verdict::Refused | Verdict::Judged => writeln!(out, "{shown}")?,
            Verdict::Evaded | Verdict::FalseRefusal => writeln!(out, "{shown}\n      {}", row.detail)?,
        }
        rows.push(row);
    }
    let summary = summary(&rows);
    if let Some(file) = options.json {
        let report = json!({ "summary": summary, "machine": weir_tests::machine(), "rows": rows.iter().map(Row::json).collect::<Vec<_>>() });
        std::fs::write(file, format!("{report:#}\n"))?;
    }
    writeln!(out, "{summary}")?;
    let bad = rows.iter().any(|row| matches!(row.verdict, Verdict::Evaded | Verdict::FalseRefusal));
    Ok(if bad || rows.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
