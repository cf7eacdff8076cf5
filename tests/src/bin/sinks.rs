//! `weir-sinks [--kind K] [--seconds S] [--rate R] [--json FILE]`: a receiver of events is killed and started again, under load.

use clap::Parser;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use weir_tests::report::finish;
use weir_tests::sinks::{self, Kind, Options};

/// Kills a receiver of events while they come, and counts what it has at the end (needs root).
#[derive(Parser)]
struct Arguments {
    /// Which receiver [default: all, one after another].
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// How long events come.
    #[arg(long, default_value_t = Options::default().seconds)]
    seconds: u64,
    /// Events each second.
    #[arg(long, default_value_t = Options::default().rate)]
    rate: u64,
    /// Seconds between two kills.
    #[arg(long, default_value_t = Options::default().kill_every)]
    kill_every: u64,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { kind, seconds, rate, kill_every, json } = Arguments::parse();
    let mut out = std::io::stdout();
    let options = Options { seconds, rate, kill_every, ..Options::default() };
    let tell = |line: &str| {
        // Nobody has to read it.
        let _told = writeln!(out, "{line}").is_ok();
    };
    let (report, faults) = match kind {
        None => sinks::kill_all_receivers(options, tell)?,
        Some(kind) => {
            let report = sinks::kill_receivers(Options { kind, ..options }, tell)?;
            let faults = sinks::faults(&report);
            (report, faults)
        }
    };
    finish(&report, &faults, json.as_deref())
}
