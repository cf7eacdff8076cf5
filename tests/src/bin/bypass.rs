//! Ways round: `weir-bypass report` plays them all; the other subcommands are what it runs inside jobs and beside them.

use clap::{Parser, ValueEnum};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use weir_tests::bypass::{self, Ground, Outcome, Privileges, Row};

/// Ways round weir, tried.
#[derive(Parser)]
enum Command {
    /// Plays every case without weir and under it, and prints the table (needs root).
    Report {
        /// With which privileges the job runs.
        #[arg(long, value_enum, default_value = "none")]
        privileges: Tier,
        /// Under the host's daemon: the cases that it can play, with nothing argued out of scope.
        #[arg(long, conflicts_with = "privileges")]
        host: bool,
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Only these cases, by name.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Print only what is missed or not shown.
        #[arg(long)]
        brief: bool,
    },
    /// Makes the page of the reports.
    Page {
        /// The reports, in the page's order.
        reports: Vec<PathBuf>,
    },
    /// Inside a job: plays a plan.
    Drive {
        /// Its file.
        plan: PathBuf,
    },
    /// Inside a job: waits, then plays a plan.
    Linger {
        /// Its file.
        plan: PathBuf,
    },
    /// Inside a job: plays one case.
    Attempt {
        /// The case.
        id: String,
        /// What it aims at, as JSON.
        aim: String,
    },
    /// Connects as often as each line of the standard input says, and prints how long it took.
    Connects {
        /// Where it connects.
        to: String,
    },
    /// Beside a job: a process that a job would use.
    Victim {
        /// Where it connects.
        to: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Tier {
    None,
    Confined,
}

fn main() -> anyhow::Result<ExitCode> {
    match Command::parse() {
        Command::Report { privileges, host, json, only, brief } => report(privileges, host, json, &only, brief),
        Command::Page { reports } => {
            let read = |path: &PathBuf| anyhow::Ok(serde_json::from_slice(&std::fs::read(path)?)?);
            let reports: Vec<serde_json::Value> = reports.iter().map(read).collect::<anyhow::Result<_>>()?;
            write!(std::io::stdout(), "{}", bypass::page(&reports))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Drive { plan } => bypass::drive(&plan).map(|()| ExitCode::SUCCESS),
        Command::Linger { plan } => bypass::linger(&plan).map(|()| ExitCode::SUCCESS),
        Command::Attempt { id, aim } => bypass::attempt(&id, &aim).map(|()| ExitCode::SUCCESS),
        Command::Connects { to } => bypass::connects(&to).map(|()| ExitCode::SUCCESS),
        Command::Victim { to } => bypass::victim(&to).map(|()| ExitCode::SUCCESS),
    }
}

fn report(tier: Tier, host: bool, json: Option<PathBuf>, only: &[String], brief: bool) -> anyhow::Result<ExitCode> {
    let privileges = match tier {
        Tier::None => Privileges::None,
        Tier::Confined => Privileges::Confined,
    };
    // What is made below is born there; the ground goes before it does.
    let outside = host.then(bypass::Outside::enter);
    let ground = Ground::start(&std::env::current_exe()?);
    let wanted = |case: &bypass::Case| only.is_empty() || only.iter().any(|id| id == case.id);
    let rows = match &outside {
        Some(outside) => ground.run_under_daemon(outside, wanted),
        None => ground.run(privileges, wanted),
    };
    let report = bypass::report(&rows, if host { "weir serve" } else { "weir run" }, privileges.name());
    let mut out = std::io::stdout().lock();
    for row in rows.iter().filter(|row| !brief || row.outcome == Outcome::Missed || !row.can_fail) {
        let errno = row.json()["errno"].as_str().unwrap_or_default().to_owned();
        writeln!(out, "{:<4} {:<12} {errno:<16} {}", row.case.id, row.outcome, row.case.attempt)?;
        writeln!(out, "     {}\n     without weir: {}", row.why, row.without_weir)?;
    }
    writeln!(out, "{}", report["summary"])?;
    if let Some(file) = json {
        std::fs::write(file, format!("{report:#}\n"))?;
    }
    let missed = |row: &Row| row.outcome == Outcome::Missed;
    Ok(if rows.is_empty() || rows.iter().any(missed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
