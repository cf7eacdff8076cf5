//! `weir-tamper [--random N] [--seed S] [--json FILE]`: what can be done to a store of evidence, and whether it is found.

use clap::Parser;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use weir_tamper::{Options, faults, tamper};
use weir_tests::report::finish;

/// Alters stores of evidence in every way that is known, and at random, and holds what is found against it (needs root).
#[derive(Parser)]
struct Arguments {
    /// How many at random.
    #[arg(long, default_value_t = Options::default().random)]
    random: u32,
    /// What chance begins with.
    #[arg(long, default_value_t = Options::default().seed)]
    seed: u64,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { random, seed, json } = Arguments::parse();
    let report = tamper(Options { random, seed }, |line| {
        // A closed pipe is no reason to stop.
        writeln!(std::io::stderr(), "{line}").ok();
    })?;
    finish(&report, &faults(&report), json.as_deref())
}
