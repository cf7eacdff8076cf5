//! Replays PostgreSQL's regression suite and holds each inspection against the server:
//! `weir-sql-corpus --sources DIR --cache FILE [--json FILE] [--count N] [--seed S]`.

use clap::Parser;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use weir_tests::corpus::{Kind, Sample, own, replay, suite};

/// Replays PostgreSQL's regression suite and holds each inspection against the server.
#[derive(Parser)]
struct Options {
    /// `src/test/regress` of PostgreSQL's sources; this project's own corpus where it is not given.
    #[arg(long, requires = "cache")]
    sources: Option<PathBuf>,
    /// Where what the suite sends is kept, so that it runs once.
    #[arg(long)]
    cache: Option<PathBuf>,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Inspects about so many of the statements; all are sent.
    #[arg(long)]
    count: Option<usize>,
    /// Chooses which.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// How many findings of a kind are printed; the report has all.
const SHOWN: usize = 20;

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let mut out = std::io::stdout().lock();
    let recorded = match (&options.sources, &options.cache) {
        (Some(sources), Some(cache)) => {
            writeln!(out, "taking down what the suite sends (some minutes, once)")?;
            suite(sources, cache)?
        }
        _ => own(),
    };
    writeln!(out, "replaying {} sessions", recorded.sessions.len())?;
    let sample = Sample { count: options.count, seed: options.seed };
    let report = replay(&recorded, sample, |at, of| {
        if at % 25 == 0 {
            writeln!(out, "  session {at} of {of}").ok();
        }
    })?;
    for kind in [Kind::Wrong, Kind::Unparsed, Kind::Ambiguous] {
        for finding in report.findings.iter().filter(|finding| finding.kind == kind).take(SHOWN) {
            let text = finding.text.replace('\n', " ");
            writeln!(out, "{kind:?} {}: {}\n      {text}", finding.file, finding.why)?;
        }
    }
    if let Some(file) = options.json {
        std::fs::write(file, format!("{:#}\n", report.json()))?;
    }
    writeln!(out, "{}", report.summary())?;
    Ok(if report.good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
