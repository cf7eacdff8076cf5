//! `weir job begin|end|list`: asks the daemon at its socket, as any user.

use super::{CliError, Format, Result, block_on, print};
use crate::api::client;
use crate::config::Config;
use crate::config::host::SOCKET;
use crate::telemetry::count;
use gateway_core::model::ids::RunId;
use hyper::Method;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the daemon is.
#[derive(clap::Args, Clone)]
pub(super) struct Daemon {
    /// The daemon's socket [default: as the configuration says, /run/weir/host.sock where there is none]
    #[arg(long, env = "WEIR_SOCKET", value_name = "PATH")]
    socket: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, value_name = "text|json", default_value_t = Format::Text, hide_possible_values = true)]
    format: Format,
}

#[derive(clap::Args)]
pub(super) struct Begin {
    /// The process that becomes the job, with all that it has started [default: the process that calls weir]
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// What to call the job in lists and records
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Append the variables that the job needs to this file, a NAME=VALUE a line (GitHub's $GITHUB_ENV, say)
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Print nothing
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(clap::Args)]
pub(super) struct End {
    /// A process of the job [default: the process that calls weir]
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// The job's run
    #[arg(long, value_name = "RUN", conflicts_with = "pid")]
    run: Option<RunId>,
    /// Print nothing
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn begin(arguments: &Begin) -> Result {
    let begun = arguments.daemon.ask("/v1/jobs/begin", &json!({ "pid": arguments.pid, "name": arguments.name }))?;
    if let Some(file) = &arguments.env_file {
        append(file, &begun).map_err(|error| {
            CliError::new(format!("the job has begun, but its variables can't be written to {}: {error}", file.display()))
        })?;
    }
    if !arguments.quiet {
        print(&match arguments.daemon.format {
            Format::Json => begun.to_string(),
            Format::Text => {
                let already = begun.get("already").and_then(Value::as_bool).unwrap_or(false);
                let what = if already { "was one already" } else { "has begun" };
                format!("job {} {what}, in {}", text(&begun, "run"), text(&begun, "cgroup"))
            }
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn end(arguments: &End) -> Result {
    let ended = arguments.daemon.ask("/v1/jobs/end", &json!({ "pid": arguments.pid, "run": arguments.run }))?;
    let summed = |form: &str| ended.get("summary")?.get(form)?.as_str();
    if !arguments.quiet {
        print(&match arguments.daemon.format {
            Format::Json => ended.to_string(),
            Format::Text => {
                let number = |key: &str| ended.get(key).and_then(Value::as_u64).unwrap_or_default();
                let left = count(number("processes"), "process is", "processes are");
                let told = format!("job {} has ended: {left} left in it, intercepted until they go", text(&ended, "run"));
                match summed("text") {
                    Some(summary) => format!("{told}\n{}", summary.trim_end()),
                    None => told,
                }
            }
        })?;
    }
    if let Some(markdown) = summed("markdown") {
        super::runs::append_text_to_page(markdown)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn list(arguments: &List) -> Result {
    let socket = arguments.daemon.socket();
    let jobs = block_on(async { client::ask_daemon(&socket, Method::GET, "/v1/jobs", None).await.map_err(CliError::new) })?;
    let text = match arguments.daemon.format {
        Format::Json => jobs.to_string(),
        Format::Text => {
            let mut table = comfy_table::Table::new();
            table.load_preset(comfy_table::presets::NOTHING);
            table.set_header(["run", "name", "how", "processes", "sessions", "state", "started", "cgroup"]);
            for job in jobs.as_array().into_iter().flatten() {
                let keys = ["run", "name", "how", "processes", "sessions", "state", "started", "cgroup"];
                table.add_row(keys.map(|key| text(job, key)));
            }
            table.to_string()
        }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

impl Daemon {
    fn ask(&self, path: &str, body: &Value) -> Result<Value> {
        let socket = self.socket();
        block_on(async { client::ask_daemon(&socket, Method::POST, path, Some(body)).await.map_err(CliError::new) })
    }

    /// As named, else as the host's configuration has it. Not everyone can read that.
    fn socket(&self) -> PathBuf {
        let configured = || Config::load(Path::new(super::DEFAULT_CONFIG)).ok().map(|config| config.host.socket);
        self.socket.clone().or_else(configured).unwrap_or_else(|| PathBuf::from(SOCKET))
    }
}

fn append(file: &Path, begun: &Value) -> std::io::Result<()> {
    let variables = begun.get("environment").and_then(Value::as_object).into_iter().flatten();
    let lines: String = variables.map(|(name, value)| format!("{name}={}\n", value.as_str().unwrap_or_default())).collect();
    std::fs::OpenOptions::new().append(true).create(true).open(file)?.write_all(lines.as_bytes())
}

fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}
