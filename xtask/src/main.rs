//! weir's chores, one file each: `cargo xtask ci`, `cargo xtask tidy` …

mod bench;
mod bypass;
mod ci;
mod copy_loop;
mod crash_evidence;
mod deny;
mod detect_quality;
// The tests' crate has it for its own reports, and would be much to build for a chore.
#[expect(unreachable_pub, reason = "it is public there")]
#[path = "../../tests/src/machine.rs"]
mod machine;
mod presidio;
mod regress;
mod reviewed;
mod run;
mod soak;
mod sql_corpus;
mod suite;
mod tamper;
mod test;
mod tidy;
mod vm;

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// The chores of the weir workspace.
#[derive(Parser)]
enum Chore {
    /// weir beside its peers: measurements, and the pages made of them (needs root).
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Ways round: each tried without weir and under it, in network namespaces of its own (needs root).
    Bypass(bypass::Options),
    /// A gateway killed in the middle of holds, grants and blocks: nothing runs unapproved, nothing is lost (needs root).
    CrashControl {
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Gateways die, by SIGKILL or with their disk's power: the records are whole, with what was answered (needs root and FUSE).
    CrashEvidence(crash_evidence::Options),
    /// A peer of the bench: copies between two sockets, and does nothing else.
    #[command(hide = true)]
    CopyLoop(copy_loop::Options),
    /// Everything that has to hold before a change goes in: format, lints, tidy, deny, tests.
    Ci,
    /// Licences, bans and sources of dependencies (needs cargo-deny).
    Deny,
    /// weir's detectors beside Presidio's, on labelled texts that faker makes (needs Python and PyPI).
    DetectQuality(detect_quality::Options),
    /// The lists of what a Postgres server brings, against real servers (needs root).
    Reviewed {
        /// Write those anew that follow from the servers.
        #[arg(long)]
        write: bool,
    },
    /// Evasions, each run through `weir run` against a real Postgres (needs root).
    Evasion {
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Identity under attack: forged, borrowed and pretended, each tried through `weir run` (needs root).
    Identity {
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Ways to ask for a masked value, each tried through `weir run` by real clients (needs root).
    Leak {
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Receivers of events that are killed and started again under load: nothing is lost (needs root and npm, PyPI).
    Sinks {
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Every statement of PostgreSQL's regression suite, inspected and held against a real server (needs root).
    SqlCorpus(sql_corpus::Options),
    /// PostgreSQL's regression and isolation suites through `weir run`, held against the same without it (needs root).
    Regress(regress::Options),
    /// Jobs that start and die under a daemon that is killed and taken over; a target counts what gets through (needs root).
    Soak(soak::Options),
    /// What can be done to a store of evidence, by craft and by chance: each found, and placed (needs root).
    Tamper(tamper::Options),
    /// The test suites, behaviour tests included (needs root).
    Test,
    /// The house rules that no compiler checks: module edges, file sizes, purity of the core.
    Tidy,
    /// weir in a machine of its own, on Debian's stock kernel and under systemd (needs root and QEMU).
    Vm(vm::Options),
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Bench(which) => bench::bench(&which),
        Chore::Bypass(options) => bypass::bypass(&options),
        Chore::CrashControl { json } => suite::suite("crash-control", json.as_deref()),
        Chore::CrashEvidence(options) => crash_evidence::crash_evidence(&options),
        Chore::CopyLoop(options) => copy_loop::copy_loop(&options),
        Chore::Ci => ci::ci(),
        Chore::Deny => deny::deny(),
        Chore::DetectQuality(options) => detect_quality::detect_quality(&options),
        Chore::Reviewed { write } => reviewed::reviewed(write),
        Chore::Evasion { json } => suite::suite("evasion", json.as_deref()),
        Chore::Identity { json } => suite::suite("identity", json.as_deref()),
        Chore::Leak { json } => suite::suite("leak", json.as_deref()),
        Chore::Sinks { json } => suite::suite("sinks", json.as_deref()),
        Chore::SqlCorpus(options) => sql_corpus::sql_corpus(&options),
        Chore::Regress(options) => regress::regress(&options),
        Chore::Soak(options) => soak::soak(&options),
        Chore::Tamper(options) => tamper::tamper(&options),
        Chore::Test => test::test(),
        Chore::Tidy => tidy::tidy(),
        Chore::Vm(options) => vm::vm(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::tell(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
