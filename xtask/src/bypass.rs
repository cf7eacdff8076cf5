//! `cargo xtask bypass`: every way round that is known, tried without weir and under it; and the page made of the reports.

use crate::run::{root, run, tell};
use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

/// With which privileges, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// With which privileges the job runs.
    #[arg(long, value_enum, default_value = "none")]
    privileges: Privileges,
    /// Under the host's daemon: what it can play, with nothing argued out of scope.
    #[arg(long, conflicts_with = "privileges")]
    host: bool,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only these cases, by name, with commas between.
    #[arg(long)]
    only: Option<String>,
    /// Plays nothing: makes docs/ways-round.md of the reports that are kept.
    #[arg(long, conflicts_with_all = ["json", "only"])]
    page: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Privileges {
    None,
    Confined,
}

/// The reports that the page is made of, in its order.
const REPORTS: [&str; 3] =
    ["docs/results/bypass-none.json", "docs/results/bypass-confined.json", "docs/results/bypass-host.json"];
const PAGE: &str = "docs/ways-round.md";
const PROGRAM: [&str; 8] = ["run", "--quiet", "--locked", "-p", "weir-tests", "--bin", "weir-bypass", "--"];

/// Builds what it needs and plays all cases, or makes the page.
pub(crate) fn bypass(options: &Options) -> anyhow::Result<()> {
    run("build tests", "cargo", &["build", "--locked", "-p", "weir-tests", "--bins"])?;
    if options.page {
        return page();
    }
    run("build", "cargo", &["build", "--locked", "-p", "gateway"])?;
    let privileges = match options.privileges {
        Privileges::None => "none",
        Privileges::Confined => "confined",
    };
    // The chores run in the workspace's root, wherever they were called.
    let json = options.json.as_deref().map(absolute).transpose()?;
    let json = json.as_deref().map(Path::to_string_lossy);
    let mut arguments = Vec::from(PROGRAM);
    match options.host {
        true => arguments.extend(["report", "--host"]),
        false => arguments.extend(["report", "--privileges", privileges]),
    }
    if let Some(path) = &json {
        arguments.extend(["--json", path]);
    }
    if let Some(only) = &options.only {
        arguments.extend(["--only", only]);
    }
    run("bypass", "cargo", &arguments)
}

fn page() -> anyhow::Result<()> {
    let kept: Vec<&str> = REPORTS.into_iter().filter(|report| root().join(report).exists()).collect();
    let output = Command::new("cargo").args(PROGRAM).arg("page").args(kept).current_dir(root()).output().context("cargo")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    tell(&format!("writes {PAGE}"));
    Ok(std::fs::write(root().join(PAGE), output.stdout)?)
}
