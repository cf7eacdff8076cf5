//! `weir audit verify`: names what was done to records since they were written.

use super::session::{finish, tell};
use super::{CliError, Format, count};
use crate::evidence::{self, Trusted, Verification, Verified};
use crate::ledger::{self, Checked};
use crate::replay::text;
use gateway_core::model::ids::SessionId;
use gateway_core::record::log::VerifierKey;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `weir audit verify` is told beside the place.
#[derive(clap::Args)]
pub(crate) struct Verify {
    /// One session; all of them where none is given
    session: Option<SessionId>,
    /// The key that the log is signed by, as it was noted down elsewhere: a file, or `name+hash+base64`. Without one the key
    /// beside the log is taken at its word
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// A checkpoint that left the host: the log has to begin with what it signed
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
}

impl Verify {
    /// With nothing from outside.
    #[cfg(test)]
    pub(super) const fn of(session: Option<SessionId>) -> Self {
        Self { session, key: Vec::new(), checkpoint: Vec::new() }
    }

    fn trusted(&self) -> Result<Trusted, CliError> {
        let keys = self.key.iter().map(|key| {
            let text = if key.contains('/') || Path::new(key).exists() {
                std::fs::read_to_string(key).map_err(|error| CliError::new(format!("--key {key}: {error}")))?
            } else {
                key.clone()
            };
            text.trim().parse::<VerifierKey>().map_err(|error| CliError::new(format!("--key {key}: {error}")))
        });
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| CliError::new(format!("--checkpoint {}: {error}", path.display())))
        };
        Ok(Trusted {
            keys: keys.collect::<Result<_, _>>()?,
            checkpoints: self.checkpoint.iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}

/// Checks one record, or all; exit status 1 where anything is wrong.
pub(crate) fn verify(state_dir: &Path, arguments: &Verify, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let session = arguments.session;
    let records = evidence::verify(state_dir, session, &arguments.trusted()?).map_err(CliError::new)?;
    // Of one session alone nothing is said of what people decided.
    let ledger = if session.is_none() { ledger::check(state_dir).map_err(CliError::new)? } else { None };
    let found = Found { records, ledger };
    let status = if found.problems() == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) };
    let printed = match format {
        Format::Text => print(&found, out),
        Format::Json => tell(&found, out),
    };
    finish(printed, status)
}

/// All that was checked.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    records: Verification,
    /// The events of what people decided.
    ledger: Option<Checked>,
}

impl Found {
    fn problems(&self) -> u64 {
        let ledger = self.ledger.as_ref().map_or(0, |ledger| ledger.problems.len() as u64);
        self.records.problems() + ledger
    }
}

fn print(all: &Found, out: &mut dyn Write) -> io::Result<()> {
    let found = &all.records;
    for problem in all.ledger.iter().flat_map(|ledger| &ledger.problems) {
        writeln!(out, "ledger: {problem}")?;
    }
    for problem in &found.log {
        writeln!(out, "{problem}")?;
    }
    for hash in &found.policies {
        writeln!(out, "policy set {hash}: it was in force, and its text is not there, or another")?;
    }
    for stranger in &found.strangers {
        writeln!(out, "{}: not a record: it does not belong there", text::line(stranger.as_bytes()))?;
    }
    for Verified { session, report, .. } in &found.sessions {
        for problem in &report.problems {
            writeln!(out, "{session}: {problem}")?;
        }
        if report.more_problems > 0 {
            writeln!(out, "{session}: and {} more problems", report.more_problems)?;
        }
    }
    for Verified { session, .. } in found.sessions.iter().filter(|verified| verified.state == "unclosed") {
        writeln!(
            out,
            "{session}: not closed: its gateway died; the next `weir run` or `weir serve` closes it at its last whole frame"
        )?;
    }
    let those = |state: &str| found.sessions.iter().filter(|verified| verified.state == state).count();
    let frames: u64 = found.sessions.iter().map(|verified| verified.report.frames).sum();
    let records = count(found.sessions.len(), "record", "records");
    write!(out, "{records}, {}: {} closed", count(frames, "frame", "frames"), those("closed"))?;
    for (state, number) in [("live", those("live")), ("unclosed", those("unclosed"))] {
        if number > 0 {
            write!(out, ", {number} {state}")?;
        }
    }
    write!(out, "; {} in the log, {} signed", count(found.log_entries, "entry", "entries"), found.log_signed)?;
    if let Some(ledger) = &all.ledger {
        write!(out, "; {} of people's decisions", count(ledger.events, "event", "events"))?;
    }
    match all.problems() {
        0 => writeln!(out, "; intact: every frame is as it was written"),
        problems => writeln!(out, "; {}", count(problems, "problem", "problems")),
    }
}
