//! The soak: `weir-soak run [--seconds N] [--json FILE]`; `weir-soak dial` is what its jobs run.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use weir_tests::report::finish;
use weir_tests::soak::{self, Options};

/// Jobs that start and die, a daemon that is killed and taken over, and a target that counts.
#[derive(Parser)]
enum Command {
    /// Runs it (needs root).
    Run {
        /// Seconds in which jobs start.
        #[arg(long, default_value_t = Options::default().seconds)]
        seconds: u64,
        /// Jobs a second.
        #[arg(long, default_value_t = Options::default().rate)]
        rate: u32,
        /// What chance begins with.
        #[arg(long, default_value_t = Options::default().seed)]
        seed: u64,
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Inside a job: connects.
    Dial {
        /// The first connection's number.
        first: u32,
        /// How many.
        count: u32,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Command::parse() {
        Command::Run { seconds, rate, seed, json } => {
            let report = soak::soak(Options { seconds, rate, seed }, &std::env::current_exe()?)?;
            finish(&report, &soak::faults(&report), json.as_deref())
        }
        Command::Dial { first, count } => {
            soak::dial(first, count);
            Ok(ExitCode::SUCCESS)
        }
    }
}
