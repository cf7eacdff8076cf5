//! `cargo xtask crash-evidence`: gateways die, by SIGKILL or with the power of their disk; their records are held against what they answered.

use crate::run::run;
use clap::Args;
use std::path::{Path, PathBuf, absolute};

/// How often, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Points: gateways die once at each [default: 500].
    #[arg(long)]
    points: Option<u32>,
    /// What chance begins with.
    #[arg(long)]
    seed: Option<u64>,
    /// `record.sync_ms` of disk after disk, in turn, with commas between; `default` is what weir has without the setting.
    #[arg(long)]
    sync_ms: Option<String>,
    /// Of the release build, which is what users have.
    #[arg(long)]
    release: bool,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Builds what it needs and runs it.
pub(crate) fn crash_evidence(options: &Options) -> anyhow::Result<()> {
    // Apart, as `xtask test` builds them: together they would be other builds of what they depend on.
    let profile = if options.release { "release" } else { "dev" };
    run("build", "cargo", &["build", "--locked", "--profile", profile, "-p", "gateway"])?;
    run("build tests", "cargo", &["build", "--locked", "--profile", profile, "-p", "weir-tests", "--bins"])?;
    let program = ["-p", "weir-tests", "--bin", "weir-crash-evidence", "--", "run"];
    let mut arguments: Vec<String> =
        ["run", "--quiet", "--locked", "--profile", profile].into_iter().chain(program).map(str::to_owned).collect();
    // The chores run in the workspace's root, wherever they were called.
    let json = options.json.as_deref().map(absolute).transpose()?;
    let given = [
        ("--points", options.points.map(|points| points.to_string())),
        ("--seed", options.seed.map(|seed| seed.to_string())),
        ("--sync-ms", options.sync_ms.clone()),
        ("--json", json.as_deref().map(Path::to_string_lossy).map(String::from)),
    ];
    arguments.extend(given.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).flatten());
    run("crash-evidence", "cargo", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}
