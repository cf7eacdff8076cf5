//! `weir session rerun`: the exact sequence again on a scratch server, and where its results differ.

use super::super::{CliError, Common, Format, Result, block_on, load, viewing};
use super::{finish, tell};
use crate::evidence::How;
use crate::ledger::{Kind, Ledger};
use crate::replay::text;
use crate::rerun::{self, Against, IDENTITY, Plan, Report, Survey, Terms, Wire};
use crate::tls::UpstreamMode;
use clap::ValueEnum;
use gateway_core::model::ids::{RunId, SessionId};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Sessions that an event of the ledger names.
const MOST_NAMED: usize = 100;

#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The session's id, as `weir session list` prints it
    #[arg(required_unless_present = "run")]
    session: Option<SessionId>,
    /// All sessions of this run instead, interleaved as they were
    #[arg(long, value_name = "RUN", conflicts_with = "session")]
    run: Option<RunId>,
    /// All sessions of the run that the session belongs to
    #[arg(long, conflicts_with = "run")]
    whole_run: bool,
    /// The scratch server: postgres://USER@HOST:PORT/DATABASE, or where that is kept, env:NAME or file:/PATH; its password may
    /// be such a reference, too
    #[arg(long, value_name = "URL", env = "WEIR_AGAINST", hide_env_values = true)]
    against: String,
    /// TLS to it [default: the address's sslmode, else prefer]
    #[arg(long, value_enum, value_name = "MODE")]
    tls: Option<Tls>,
    /// The CAs to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Run what can be run where the record lacks something; without it nothing is run then
    #[arg(long)]
    partial: bool,
    /// Say what would be run and what can't be, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Run no more than so many operations
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    /// Seconds that an operation may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    #[command(flatten)]
    common: Common,
}

/// How TLS is spoken to the scratch server, in libpq's words.
#[derive(Clone, Copy, ValueEnum)]
enum Tls {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

pub(in crate::cli) fn rerun(arguments: &Arguments) -> Result {
    let config = load(arguments.common.config.as_deref())?;
    let plan = plan(arguments, &config.state_dir)?;
    let survey = plan.survey().map_err(CliError::new)?;
    if arguments.dry_run {
        return finish(surveyed(&plan, &survey, arguments.common.format), ExitCode::SUCCESS);
    }
    if survey.impossible() > 0 && !arguments.partial {
        return Err(CliError::new(impossible(&survey)));
    }
    let sessions: Vec<_> = plan.sessions.iter().map(|planned| planned.session).collect();
    viewing::viewed(&config.state_dir, &sessions, How::Rerun)?;
    let ledger = Ledger::open(&config.state_dir).map_err(CliError::new)?;
    let by = viewing::who();
    let report = block_on(async {
        let mode = arguments.tls.map(Tls::mode);
        let against = Against::find(&arguments.against, mode, arguments.ca.clone()).await.map_err(CliError::new)?;
        against.unprotected(&config.targets).map_err(CliError::new)?;
        let patience = Duration::from_secs(arguments.timeout);
        let own = identity(&against, &plan, patience).await?;
        let unknown = against.is_no_alias(own.as_deref(), &config.targets).await.map_err(CliError::new)?;
        // What can't be recorded is not done.
        record(&ledger, &by, &plan, &began(arguments, &plan, &against, &survey))?;
        let terms = Terms { timeout: patience, limit: arguments.limit };
        let mut report = rerun::rerun(&plan, Arc::new(against), terms).await.map_err(CliError::new)?;
        report.not_compared_with = unknown;
        record(&ledger, &by, &plan, &ended(&report))?;
        Ok(report)
    })?;
    let status = if report.is_same() { ExitCode::SUCCESS } else { ExitCode::from(1) };
    let mut out = std::io::stdout().lock();
    let printed = match arguments.common.format {
        Format::Json => tell(&report, &mut out),
        Format::Text => out.write_all(report.text().as_bytes()),
    };
    finish(printed, status)
}

fn plan(arguments: &Arguments, state_dir: &std::path::Path) -> Result<Plan> {
    let planned = match (arguments.session, arguments.run) {
        (_, Some(run)) => Plan::run(state_dir, run),
        (Some(session), None) if arguments.whole_run => Plan::whole_run(state_dir, session),
        (Some(session), None) => Plan::session(state_dir, session),
        (None, None) => return Err(CliError::new("name a session, or a run with --run")),
    };
    planned.map_err(CliError::new)
}

/// Which running server that is; none where it does not tell this user.
async fn identity(against: &Against, plan: &Plan, patience: Duration) -> Result<Option<String>> {
    let first = plan.sessions.first().map(|planned| planned.database.as_str()).unwrap_or_default();
    let database = against.database.as_deref().unwrap_or(first);
    let failed = |error| CliError::new(format!("cannot use {}: {error}", against.place()));
    let mut wire = Wire::open(against, database, patience).await.map_err(failed)?;
    let own = wire.ask(IDENTITY).await.map_err(failed)?;
    wire.leave().await;
    Ok(own)
}

/// The seam to the ledger: a signed event when it begins, one when it has ended.
fn record(ledger: &Ledger, by: &str, plan: &Plan, details: &Value) -> Result<()> {
    let run = plan.sessions.first().and_then(|planned| planned.run.clone()).filter(|_| plan.sessions.len() > 1);
    let subject = run.or_else(|| plan.sessions.first().map(|planned| planned.session.to_string())).unwrap_or_default();
    ledger
        .change(|change| change.tell(Kind::SessionRerun, by, &subject, details))
        .map_err(|error: crate::ledger::LedgerError| CliError::new(format!("this can't be recorded, so it is not done: {error}")))
}

fn began(arguments: &Arguments, plan: &Plan, against: &Against, survey: &Survey) -> Value {
    let sessions: Vec<_> = plan.sessions.iter().take(MOST_NAMED).map(|planned| planned.session).collect();
    let target = plan.sessions.first().and_then(|planned| planned.target.clone());
    json!({
        "state": "began", "against": against.place(), "user": against.user, "target": target, "sessions": sessions,
        "sessions_not_named": plan.sessions.len().saturating_sub(MOST_NAMED), "operations": survey.operations,
        "partial": arguments.partial,
    })
}

fn ended(report: &Report) -> Value {
    json!({
        "state": "ended", "against": report.against, "operations": report.operations, "same": report.same,
        "different": report.differing(), "lost": report.lost,
        "not_run": report.not_run.len() as u64 + report.more_not_run,
    })
}

fn surveyed(plan: &Plan, survey: &Survey, format: Format) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if format == Format::Json {
        let sessions: Vec<_> = plan.sessions.iter().map(|planned| planned.session).collect();
        return tell(&json!({ "sessions": sessions, "survey": survey }), &mut out);
    }
    for line in obstacles(survey) {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "{} operations of {} sessions, {} can't be run again; nothing was run",
        survey.operations,
        plan.sessions.len(),
        survey.impossible()
    )
}

/// Why nothing is run, and what to do.
fn impossible(survey: &Survey) -> String {
    let mut lines = vec![format!(
        "{} of {} operations can't be run again from the plain record; nothing was run",
        survey.impossible(),
        survey.operations
    )];
    lines.extend(obstacles(survey).into_iter().map(|line| format!("  {line}")));
    let sealed = survey.named.iter().any(|one| one.sealed_layer_has_it);
    let key = if sealed { "the exact ones are in the sealed layer, which takes its key; " } else { "" };
    lines.push(format!("{key}--partial runs the others, --dry-run --format json names each"));
    lines.join("\n")
}

fn obstacles(survey: &Survey) -> Vec<String> {
    let of = |why| {
        let named = survey.named.iter().filter(|one| one.why == why);
        let mut shown: Vec<_> = named.clone().take(5).map(|one| format!("{}/{}", one.session, one.operation)).collect();
        if named.count() > 5 {
            shown.push("…".to_owned());
        }
        if shown.is_empty() { String::new() } else { format!(" ({})", text::line(shown.join(", ").as_bytes())) }
    };
    survey.obstacles.iter().map(|(why, count)| format!("{count}: {}{}", why.words(), of(*why))).collect()
}

impl Tls {
    const fn mode(self) -> UpstreamMode {
        match self {
            Self::Disable => UpstreamMode::Disable,
            Self::Prefer => UpstreamMode::Prefer,
            Self::Require => UpstreamMode::Require,
            Self::VerifyCa => UpstreamMode::VerifyCa,
            Self::VerifyFull => UpstreamMode::VerifyFull,
        }
    }
}
