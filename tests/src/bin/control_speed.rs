//! `weir-control-speed [--live N] [--samples N] [--json FILE]`: how fast a command takes effect while many sessions are live.

use clap::Parser;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use weir_tests::control_speed::{self, Options};
use weir_tests::report::finish;

/// Measures from a command to its effect, with many sessions at work (needs root).
#[derive(Parser)]
struct Arguments {
    /// Sessions that run a statement a second each.
    #[arg(long, default_value_t = Options::default().live)]
    live: u32,
    /// Commands of each kind.
    #[arg(long, default_value_t = Options::default().samples)]
    samples: u32,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { live, samples, json } = Arguments::parse();
    let report = control_speed::measure(Options { live, samples }, |line| {
        // Nobody has to read it.
        let _told = writeln!(std::io::stdout(), "{line}").is_ok();
    })?;
    finish(&report, &control_speed::faults(&report), json.as_deref())
}
