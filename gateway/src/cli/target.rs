//! `weir target reconcile`: the server's own sessions beside weir's; what came by another way is named.

use super::desk::{Common, items, table};
use super::{CliError, Format, Result, block_on, examples};
use crate::catalog::SideConnection;
use crate::config::TargetSettings;
use crate::credential::{self, Secret};
use crate::evidence::State;
use crate::incident::reconcile::{self, Known, Past, Reconciled};
use crate::index::{self, Query};
use crate::replay::text;
use clap::Subcommand;
use gateway_core::model::ids::SessionId;
use hyper::Method;
use serde_json::{Value, json};
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Between two looks at the server: what comes or goes meanwhile is no finding.
const AGAIN: Duration = Duration::from_millis(300);

#[derive(Subcommand)]
pub(super) enum Target {
    /// Which of the server's sessions did not come through weir; exit status 1 where there is any
    #[command(after_help = examples::RECONCILE)]
    Reconcile(Reconcile),
}

#[derive(clap::Args)]
pub(super) struct Reconcile {
    /// The target, as the configuration names it
    target: String,
    /// Where it is [default: the first address that it matches]
    #[arg(long)]
    address: Option<SocketAddr>,
    /// And the connections in this log of the server's, written with log_connections = on
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn target(command: Target) -> Result {
    let Target::Reconcile(arguments) = command;
    let config = arguments.common.load()?;
    let named = config.targets.named(&arguments.target);
    let settings = named.ok_or_else(|| CliError::new(format!("no target is named {:?}", arguments.target)))?;
    let Some((source, user)) = &settings.catalog else {
        let what = format!(
            "the server of {} can't be asked for its sessions: give the target catalog = {{ inject = \"…\" }}, a user with pg_read_all_stats",
            settings.name
        );
        return Err(CliError::new(what));
    };
    let mut secret = credential::fetch(source).map_err(CliError::new)?;
    if user.is_some() {
        secret.user.clone_from(user);
    }
    let found = live(&arguments, settings, &secret, &config.state_dir)?;
    let logged = arguments.log.as_deref().map(|file| logged(file, &secret, &config.state_dir)).transpose()?;
    let status = if found.past.is_empty() && logged.as_ref().is_none_or(|logged| logged.past.is_empty()) { 0 } else { 1 };
    match arguments.common.format {
        Format::Json => super::print(&json!({ "target": settings.name, "now": found, "log": logged }).to_string())?,
        Format::Text => {
            super::print(&told(&settings.name, "connected now", &found))?;
            if let Some(logged) = &logged {
                super::print(&told(&settings.name, "in the log", logged))?;
            }
        }
    }
    Ok(ExitCode::from(status))
}

/// The server's sessions of now, looked at twice.
fn live(arguments: &Reconcile, settings: &TargetSettings, secret: &Secret, state_dir: &Path) -> Result<Reconciled> {
    let address = arguments.address.or_else(|| settings.first_address());
    let address =
        address.ok_or_else(|| CliError::new(format!("{} matches no single address: name one with --address", settings.name)))?;
    let look = || -> Result<Reconciled> {
        // Before and after: who came or went while the server was asked is in one of them.
        let mut known = known(arguments, &settings.name, state_dir)?;
        let rows = block_on(async {
            let side = SideConnection::open(address, &settings.upstream, secret, "").await.map_err(CliError::new)?;
            side.texts(reconcile::ACTIVITY).await.map_err(CliError::new)
        })?;
        for (session, backend) in self::known(arguments, &settings.name, state_dir)? {
            let entry = known.entry(session).or_default();
            *entry = entry.or(backend);
        }
        let backends = rows.into_iter().filter_map(reconcile::backend).collect();
        Ok(reconcile::reconcile(backends, &known, secret.user.as_deref()))
    };
    let first = look()?;
    if first.past.is_empty() {
        return Ok(first);
    }
    std::thread::sleep(AGAIN);
    Ok(reconcile::both(&first, look()?))
}

/// The live sessions of all gateways here; where none answers, those whose records are open.
fn known(arguments: &Reconcile, target: &str, state_dir: &Path) -> Result<Known> {
    let answers = arguments.common.ask_all(&Method::GET, "/v1/sessions", None)?;
    let session = |value: &Value| value.get("session").and_then(Value::as_str).and_then(|id| id.parse::<SessionId>().ok());
    let backend = |value: &Value| value.get("backend").and_then(Value::as_u64).and_then(|pid| u32::try_from(pid).ok());
    let of_target = |value: &&Value| value.get("target").and_then(Value::as_str) == Some(target);
    if !answers.is_empty() {
        let sessions = answers.iter().flat_map(items).filter(of_target);
        return Ok(sessions.filter_map(|value| Some((session(value)?, backend(value)))).collect());
    }
    let Some(index) = index::open_fresh(state_dir, &mut |_progress| {}) else { return Ok(Known::new()) };
    let query = Query { limit: 100_000, target: Some(target.to_owned()), state: Some(State::Live), ..Query::default() };
    let page = index.page(&query, &|_, _, _| true).map_err(CliError::new)?.unwrap_or_default();
    Ok(page.sessions.into_iter().map(|summary| (summary.session, None)).collect())
}

/// The connections of a log.
fn logged(file: &Path, secret: &Secret, state_dir: &Path) -> Result<Reconciled> {
    let failed = |error: std::io::Error| CliError::new(format!("{}: {error}", file.display()));
    let log = BufReader::new(std::fs::File::open(file).map_err(failed)?);
    let recorded = |session: SessionId| crate::evidence::files::segment(state_dir, session, 0).exists();
    reconcile::read_log(log, secret.user.as_deref(), recorded).map_err(failed)
}

fn told(target: &str, what: &str, found: &Reconciled) -> String {
    let mut out =
        format!("{target}, {what}: {} through weir, {} of weir's own, {} past it", found.through, found.own, found.past.len());
    if found.untold > 0 {
        out.push_str(&format!(
            "; of {} nothing is told: grant pg_read_all_stats to the catalog's user, or look again",
            found.untold
        ));
    }
    if found.past.is_empty() {
        return out;
    }
    let shown = |field: &Option<String>| text::line(field.as_deref().unwrap_or("-").as_bytes());
    let rows = found.past.iter().map(|Past { backend, why }| {
        let client = backend.client.as_ref().map_or_else(
            || "a unix socket".to_owned(),
            |client| backend.port.as_ref().map_or_else(|| client.clone(), |port| format!("{client}:{port}")),
        );
        [
            backend.pid.to_string(),
            text::line(client.as_bytes()),
            shown(&backend.user),
            shown(&backend.database),
            shown(&backend.application),
            shown(&backend.since),
            shown(&backend.state),
            why.words().to_owned(),
        ]
    });
    format!("{out}\n{}", table(["PID", "CLIENT", "USER", "DATABASE", "APPLICATION", "SINCE", "STATE", ""], rows))
}
