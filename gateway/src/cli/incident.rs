//! `weir incident open`: what is known of a target, on a page, and its records held.

use super::desk::Common;
use super::{CliError, Result, examples};
use crate::control::{IncidentRequest, moment};
use crate::evidence::now;
use crate::incident::{self, Incident};
use clap::Subcommand;
use gateway_core::model::time::Timestamp;
use hyper::Method;
use serde_json::json;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Put together who was at a target, what they saw, changed and sent elsewhere; and hold the records
    #[command(after_help = examples::INCIDENT_OPEN)]
    Open(Open),
}

#[derive(clap::Args)]
pub(super) struct Open {
    /// The target's name
    #[arg(long, value_name = "NAME")]
    target: String,
    /// Sessions that went on at this time or later: 2h ago, 7d, 2026-11-29, or with a time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Timestamp,
    /// Sessions that had begun by this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Why: it is the reason of the legal hold
    #[arg(long, value_name = "TEXT", default_value = "an incident")]
    reason: String,
    /// Only look: no legal hold is set
    #[arg(long)]
    no_hold: bool,
    /// Write the page as one HTML file, too, that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn incident(command: Command) -> Result {
    let Command::Open(Open { target, since, until, reason, no_hold, html, common }) = command;
    let request = IncidentRequest { target, since, until, reason };
    let told = if no_hold {
        let encode = |text: &str| openidconnect::url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let exact =
            |time: Timestamp| serde_json::to_value(time).ok().and_then(|time| time.as_str().map(encode)).unwrap_or_default();
        let mut path = format!("/v1/incidents?target={}&since={}", encode(&request.target), exact(since));
        if let Some(until) = until {
            path.push_str(&format!("&until={}", exact(until)));
        }
        common.ask_or(Method::GET, &path, None, |ledger, actor, config| {
            ledger.look_into(&config.state_dir, actor, &request).map_err(CliError::new)
        })?
    } else {
        let IncidentRequest { target, since, until, reason } = &request;
        let body = json!({ "target": target, "since": since, "until": until, "reason": reason });
        common.ask_or(Method::POST, "/v1/incidents", Some(&body), |ledger, actor, config| {
            ledger.open_incident(&config.state_dir, actor, &request).map_err(CliError::new)
        })?
    };
    let report: Incident = serde_json::from_value(told.clone()).map_err(CliError::new)?;
    if let Some(file) = html {
        write(&file, &incident::html(&report))?;
    }
    common.tell(&told, || incident::text(&report).trim_end().to_owned())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the file for its owner alone: it tells of people and of what they did.
fn write(file: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(file);
    let written = opened.and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map_err(|error| CliError::new(format!("{} can't be written: {error}", file.display())))
}

/// `weir audit gaps`: when nothing proves that jobs were captured.
pub(super) mod gaps {
    use super::{CliError, Result, Timestamp, now};
    use crate::cli::session::{finish, tell};
    use crate::cli::{Common, view};
    use crate::incident;
    use crate::index;
    use std::process::ExitCode;

    /// Tells them; exit status 1 where there are any.
    pub(in crate::cli) fn gaps(common: &Common, since: Timestamp, until: Option<Timestamp>) -> Result<ExitCode> {
        view(common, |state_dir, format, out| {
            let index = index::open_fresh(state_dir, &mut crate::cli::reindex::tell);
            let index = index.ok_or_else(|| CliError::new("the records are not indexed: weir audit reindex"))?;
            let until = until.unwrap_or_else(now);
            let found = incident::gaps(state_dir, &index, (since, until), None).map_err(CliError::new)?;
            let status = if found.gaps.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) };
            let printed = match format {
                crate::cli::Format::Json => tell(&found, out),
                crate::cli::Format::Text => writeln!(out, "{}", incident::gaps_text(&found)),
            };
            finish(printed, status)
        })
    }
}
