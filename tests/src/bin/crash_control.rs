//! `weir-crash-control [--kills N] [--seed S] [--json FILE]`: a gateway is killed in the middle of holds, grants and blocks.

use clap::Parser;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use weir_tests::crash_control::{self, Options};
use weir_tests::report::finish;

/// Kills a gateway in the middle of what people decide, and looks at what is left (needs root).
#[derive(Parser)]
struct Arguments {
    /// How often.
    #[arg(long, default_value_t = Options::default().kills)]
    kills: u32,
    /// What chance begins with.
    #[arg(long, default_value_t = Options::default().seed)]
    seed: u64,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { kills, seed, json } = Arguments::parse();
    let mut out = std::io::stdout();
    let report = crash_control::crash(Options { kills, seed }, |line| {
        // Nobody has to read it.
        let _told = writeln!(out, "{line}").is_ok();
    })?;
    finish(&report, &crash_control::faults(&report), json.as_deref())
}
