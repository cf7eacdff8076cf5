//! `weir audit verify`: names what was done to records since they were written; `weir audit report`: what an auditor asks for.

use super::session::{finish, tell};
use super::{CliError, Format, count, state_dir, viewing};
use crate::auditing::{self, AuditingError, Form, Range};
use crate::bundle::{self, BundleReport};
use crate::control::moment;
use crate::evidence::{self, How, Tombstone, Trusted, Verification, Verified};
use crate::ledger::{self, Checked};
use crate::replay::text;
use clap::ValueEnum;
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::log::VerifierKey;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `weir audit verify` is told beside the place.
#[derive(clap::Args)]
#[group(skip)]
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
    /// A bundle of `weir audit prove`, instead of this host's records
    #[arg(long, value_name = "FILE", conflicts_with_all = ["session", "checkpoint"])]
    bundle: Option<PathBuf>,
}

/// What `weir audit prove` is told.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Prove {
    /// The session
    session: SessionId,
    /// Where to write the bundle: a tar file, which must not be there yet [default: SESSION.tar]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes a session's bundle.
pub(crate) fn prove(state_dir: &Path, arguments: &Prove, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let to = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.tar", arguments.session)));
    viewing::viewed(state_dir, &[arguments.session], How::Exported)?;
    let removed = bundle::make(state_dir, arguments.session, &to).map_err(CliError::new)?;
    let printed = match (format, &removed) {
        (Format::Text, Some(stone)) => {
            let (session, to, stone) = (arguments.session, to.display(), left(stone));
            writeln!(
                out,
                "{session} was {stone}\n{to}: what is left of it; check it with `weir audit verify --bundle {to} --key KEY`"
            )
        }
        (Format::Text, None) => writeln!(out, "{}: check it with `weir audit verify --bundle {0} --key KEY`", to.display()),
        (Format::Json, _) => tell(&serde_json::json!({ "session": arguments.session, "bundle": to, "removed": removed }), out),
    };
    finish(printed, ExitCode::SUCCESS)
}

/// Checks a bundle.
fn verify_bundle(path: &Path, keys: &[VerifierKey], format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let found = bundle::check(path, keys).map_err(CliError::new)?;
    let status = if found.wrong() == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) };
    let printed = match format {
        Format::Text => print_bundle(&found, keys.is_empty(), out),
        Format::Json => tell(&found, out),
    };
    finish(printed, status)
}

fn print_bundle(found: &BundleReport, untold: bool, out: &mut dyn Write) -> io::Result<()> {
    for problem in &found.problems {
        writeln!(out, "{}", text::line(problem.as_bytes()))?;
    }
    for problem in &found.record.problems {
        writeln!(out, "record: {problem}")?;
    }
    if untold {
        writeln!(out, "no --key: the key in the bundle was taken at its word")?;
    }
    let session = found.session.map_or_else(|| "no session".to_owned(), |session| session.to_string());
    write!(out, "{session}: {}, signed by {}", count(found.record.frames, "frame", "frames"), found.signed_by.join(", "))?;
    write!(out, " in a log of {}", count(found.checkpoint_size, "entry", "entries"))?;
    match (found.wrong(), &found.removed) {
        (0, Some(stone)) => writeln!(out, "; {}", left(stone)),
        (0, None) => writeln!(out, "; intact: every frame is as it was written"),
        (problems, _) => writeln!(out, "; {}", count(problems, "problem", "problems")),
    }
}

/// When it was removed, by whom, and why.
fn left(stone: &Tombstone) -> String {
    let Tombstone { at, by, why } = stone;
    format!("removed at {} by {}: {}", evidence::utc(*at), text::line(by.as_bytes()), text::line(why.as_bytes()))
}

impl Verify {
    /// With nothing from outside.
    #[cfg(test)]
    pub(super) const fn of(session: Option<SessionId>) -> Self {
        Self { session, key: Vec::new(), checkpoint: Vec::new(), bundle: None }
    }

    fn trusted(&self) -> Result<Trusted, CliError> {
        let wrong = |key: &str, why: &dyn std::fmt::Display| CliError::new(format!("--key {key}: {why}"));
        let keys = self.key.iter().map(|key| {
            // A log's name has slashes as a path has: a key is told by its form.
            if let Ok(key) = key.parse::<VerifierKey>() {
                return Ok(key);
            }
            let text = std::fs::read_to_string(key).map_err(|error| {
                wrong(key, &format!("neither a key, `name+hash+base64`, nor a file that can be read: {error}"))
            })?;
            text.lines().next().unwrap_or_default().trim().parse().map_err(|error| wrong(key, &error))
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
    if let Some(bundle) = &arguments.bundle {
        return verify_bundle(bundle, &arguments.trusted()?.keys, format, out);
    }
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

#[derive(clap::Args)]
pub(super) struct Report {
    /// From here on: 2026-01-31, with a time, or 90d ago [default: the first record]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Up to here [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// This target alone
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// This workload alone, by its name or its SPIFFE id
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// How it is written
    #[arg(long, value_enum, value_name = "html|csv|json", default_value_t = ReportForm::Html, hide_possible_values = true)]
    format: ReportForm,
    /// Where to; a file that is there already is not overwritten [default: the standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The configuration, for its state directory
    #[arg(long, env = "WEIR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ReportForm {
    Html,
    Csv,
    Json,
}

/// Makes the auditor's report; exit status 1 where a record is not as it was written.
pub(super) fn report(arguments: &Report) -> Result<ExitCode, CliError> {
    let state_dir = state_dir(arguments.config.as_deref())?;
    let range = Range {
        since: arguments.since,
        until: arguments.until,
        target: arguments.target.clone(),
        workload: arguments.workload.clone(),
    };
    let details = serde_json::json!({
        "since": range.since, "until": range.until, "target": range.target, "workload": range.workload,
    });
    viewing::noted(&state_dir, "report", details)?;
    let form = match arguments.format {
        ReportForm::Html => Form::Html,
        ReportForm::Csv => Form::Csv,
        ReportForm::Json => Form::Json,
    };
    let to: Box<dyn Write> = match &arguments.output {
        Some(file) => {
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
            Box::new(made.map_err(|error| CliError::new(format!("cannot make {}: {error}", file.display())))?)
        }
        None => Box::new(io::stdout().lock()),
    };
    let mut out = BufWriter::new(to);
    let problems =
        auditing::report(&state_dir, &range, form, &mut out).and_then(|problems| Ok(out.flush().map(|()| problems)?));
    match problems {
        Ok(0) => Ok(ExitCode::SUCCESS),
        Ok(problems) => {
            let said = count(problems, "problem", "problems");
            writeln!(io::stderr(), "weir: {said} with the records: the report names them").map_err(CliError::new)?;
            Ok(ExitCode::from(1))
        }
        Err(AuditingError::Output(error)) => finish(Err(error), ExitCode::SUCCESS),
        Err(error) => Err(CliError::new(error)),
    }
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
    for Verified { session, .. } in found.sessions.iter().filter(|verified| verified.state == "lost") {
        writeln!(out, "{session}: nothing of it had reached the disk when its host lost power")?;
    }
    let those = |state: &str| found.sessions.iter().filter(|verified| verified.state == state).count();
    let frames: u64 = found.sessions.iter().map(|verified| verified.report.frames).sum();
    let records = count(found.sessions.len(), "record", "records");
    write!(out, "{records}, {}: {} closed", count(frames, "frame", "frames"), those("closed"))?;
    for state in ["live", "unclosed", "lost", "removed", "removing"] {
        let number = those(state);
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
