//! `weir-crash-evidence run [--points N] [--seed S] [--json FILE]`: gateways die, by SIGKILL or with the power of their disk;
//! `weir-crash-evidence job` is what their jobs run.

use clap::Parser;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use weir_tests::crash_evidence::{self, Options};
use weir_tests::report::finish;

/// Gateways that die at any moment, and what their records have of what they answered.
#[derive(Parser)]
enum Command {
    /// Runs it (needs root and /dev/fuse).
    Run {
        /// At how many points.
        #[arg(long, default_value_t = Options::default().points)]
        points: u32,
        /// What chance begins with.
        #[arg(long, default_value_t = Options::default().seed)]
        seed: u64,
        /// Disks that are worked on at a time.
        #[arg(long, default_value_t = Options::default().lanes)]
        lanes: u32,
        /// `record.sync_ms` of disk after disk, in turn; `default` is what weir has without the setting.
        #[arg(long, value_delimiter = ',', value_parser = sync_ms)]
        sync_ms: Vec<Sync>,
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Inside a job: asks until its gateway is gone.
    Job {
        /// Where it notes what was answered.
        #[arg(long)]
        notes: PathBuf,
        /// What its statements' texts have.
        #[arg(long)]
        mark: String,
        /// Over how many connections.
        #[arg(long)]
        connections: u32,
    },
}

/// `record.sync_ms`, where it is set.
#[derive(Clone, Copy)]
struct Sync(Option<u64>);

fn main() -> anyhow::Result<ExitCode> {
    match Command::parse() {
        Command::Run { points, seed, lanes, sync_ms, json } => {
            let given: Vec<_> = sync_ms.into_iter().map(|sync| sync.0).collect();
            let sync_ms = if given.is_empty() { Options::default().sync_ms } else { given };
            let options = Options { points, seed, lanes, sync_ms, ..Options::default() };
            let report = crash_evidence::crash(&options, &std::env::current_exe()?, |line| {
                // A closed pipe is no reason to stop.
                writeln!(std::io::stderr(), "{line}").ok();
            })?;
            finish(&report, &crash_evidence::faults(&report), json.as_deref())
        }
        Command::Job { notes, mark, connections } => {
            crash_evidence::job(&notes, &mark, connections)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn sync_ms(text: &str) -> Result<Sync, std::num::ParseIntError> {
    match text {
        "default" => Ok(Sync(None)),
        number => number.parse().map(|number| Sync(Some(number))),
    }
}
