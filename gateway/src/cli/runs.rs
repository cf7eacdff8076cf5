//! `weir run list` and `weir run show`: what runs contacted.

use super::{CliError, Common, Format, Result, block_on, examples, print, state_dir};
use crate::api::client;
use crate::summary;
use crate::telemetry::count;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use gateway_core::model::ids::RunId;
use hyper::Method;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::Mode;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum View {
    /// All recorded runs, the oldest first
    #[command(after_help = examples::RUNS)]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Stop a run's processes where they are, to look before killing
    #[command(after_help = examples::RUN_FREEZE)]
    Freeze(Order),
    /// Let a frozen run go on
    #[command(after_help = examples::RUN_THAW)]
    Thaw(Order),
    /// End a run: its sessions here and at their servers, and its processes
    #[command(after_help = examples::RUN_KILL)]
    Kill(Order),
    /// What a run contacted and asked for, what was allowed and what refused, by which policy
    #[command(after_help = examples::RUN_SHOW)]
    Show {
        /// The run's id, as `weir run list` prints it
        run: RunId,
        /// The configuration, for its state directory
        #[arg(long, env = "WEIR_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        /// How to print: tables for people, JSON for machines, Markdown for pages
        #[arg(long, value_enum, value_name = "text|json|markdown", default_value_t = Page::Text, hide_possible_values = true)]
        format: Page,
    },
}

#[derive(Args)]
pub(super) struct Order {
    /// The run's id, as `weir run list` prints it
    run: RunId,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "by hand")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

/// How a run is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Page {
    Text,
    Json,
    Markdown,
}

pub(super) fn view(view: View) -> Result {
    match view {
        View::List { common } => list(&common),
        View::Freeze(asked) => order(&asked, "freeze"),
        View::Thaw(asked) => order(&asked, "thaw"),
        View::Kill(asked) => order(&asked, "kill"),
        View::Show { run, config, format } => show(&state_dir(config.as_deref())?, run, format),
    }
}

/// Asks each gateway that runs here, until one has the run.
fn order(asked: &Order, what: &str) -> Result {
    let state_dir = state_dir(asked.common.config.as_deref())?;
    let (path, body) = (format!("/v1/runs/{}/{what}", asked.run), json!({ "reason": asked.reason }));
    let done = block_on(async {
        for socket in client::gateways(&state_dir).await.map_err(CliError::new)? {
            if let Some(done) = client::ask(&socket, Method::POST, &path, Some(&body)).await.map_err(CliError::new)? {
                return Ok(done);
            }
        }
        let place = state_dir.display();
        Err(CliError::new(format!("no gateway on {place} has a job of run {}: `weir run list` shows which are live", asked.run)))
    })?;
    print(&match asked.common.format {
        Format::Json => done.to_string(),
        Format::Text => {
            let number = |key: &str| done.get(key).and_then(Value::as_u64).unwrap_or_default();
            let processes = count(number("processes"), "process", "processes");
            let sessions = count(number("sessions"), "session", "sessions");
            let state = done.get("state").and_then(Value::as_str).unwrap_or(what);
            format!("run {} is {state}: {processes}, {sessions}", asked.run)
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn list(common: &Common) -> Result {
    let lines = summary::list(&state_dir(common.config.as_deref())?).map_err(CliError::new)?;
    if common.format == Format::Json {
        print(&serde_json::to_string_pretty(&lines).map_err(CliError::new)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["RUN", "WORKLOAD", "STARTED", "SESSIONS", ""]);
    for line in lines {
        let workload = line.name.or(line.workload).unwrap_or_else(|| "-".to_owned());
        let state = if line.live { "live" } else { "" };
        table.add_row([line.run, workload, line.started, line.sessions.to_string(), state.to_owned()]);
    }
    print(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn show(state_dir: &Path, run: RunId, format: Page) -> Result {
    let none = || CliError::new(format!("nothing is recorded of run {run} below {}", state_dir.display()));
    let summary = summary::read(state_dir, run).map_err(CliError::new)?.ok_or_else(none)?;
    print(&match format {
        Page::Text => summary::text(&summary),
        Page::Json => serde_json::to_string_pretty(&summary).map_err(CliError::new)?,
        Page::Markdown => summary::markdown(&summary),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Appends the run's summary to the page of the CI job that this is part of, where there is one.
pub(super) fn append_to_page(state_dir: &Path, run: RunId) -> Result<()> {
    if std::env::var_os("GITHUB_STEP_SUMMARY").is_none() {
        return Ok(());
    }
    let Some(summary) = summary::read(state_dir, run).map_err(CliError::new)? else { return Ok(()) };
    append_text_to_page(&summary::markdown(&summary))
}

/// Appends Markdown to the page of the CI job that this is part of, where there is one.
pub(super) fn append_text_to_page(markdown: &str) -> Result<()> {
    let Some(page) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|page| !page.is_empty()) else { return Ok(()) };
    let page = Path::new(&page);
    let cannot = |error: io::Error| CliError::new(format!("cannot write the summary to {}: {error}", page.display()));
    let mut file = open_page(page).map_err(cannot)?;
    file.write_all(markdown.as_bytes()).map_err(cannot)
}

/// Opens a file that the job may have put something else in the place of: as root, no link is followed.
fn open_page(page: &Path) -> io::Result<File> {
    let how = OpenHow::new()
        .flags(OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)
        .mode(Mode::from_bits_truncate(0o644))
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    let file = File::from(nix::fcntl::openat2(AT_FDCWD, page, how)?);
    let seen = file.metadata()?;
    if !seen.is_file() || seen.nlink() != 1 {
        return Err(io::Error::other("it is no ordinary file with one name"));
    }
    Ok(file)
}
