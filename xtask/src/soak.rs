//! `cargo xtask soak`: jobs that start and die under a daemon that is killed and taken over; a target counts what gets through.

use crate::run::run;
use clap::Args;
use std::path::{Path, PathBuf, absolute};

/// How long, and where the report goes.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Seconds in which jobs start [default: 600].
    #[arg(long)]
    seconds: Option<u64>,
    /// What chance begins with.
    #[arg(long)]
    seed: Option<u64>,
    /// Of the release build, which is what users have.
    #[arg(long)]
    release: bool,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Builds what it needs and runs it.
pub(crate) fn soak(options: &Options) -> anyhow::Result<()> {
    // Apart, as `xtask test` builds them: together they would be other builds of what they depend on.
    let profile = if options.release { "release" } else { "dev" };
    run("build", "cargo", &["build", "--locked", "--profile", profile, "-p", "gateway"])?;
    run("build tests", "cargo", &["build", "--locked", "--profile", profile, "-p", "weir-tests", "--bins"])?;
    let program = ["-p", "weir-tests", "--bin", "weir-soak", "--", "run"];
    let mut arguments: Vec<String> =
        ["run", "--quiet", "--locked", "--profile", profile].into_iter().chain(program).map(str::to_owned).collect();
    if let Some(seconds) = options.seconds {
        arguments.extend(["--seconds".to_owned(), seconds.to_string()]);
    }
    if let Some(seed) = options.seed {
        arguments.extend(["--seed".to_owned(), seed.to_string()]);
    }
    // The chores run in the workspace's root, wherever they were called.
    if let Some(json) = options.json.as_deref().map(absolute).transpose()?.as_deref().map(Path::to_string_lossy) {
        arguments.extend(["--json".to_owned(), json.into_owned()]);
    }
    run("soak", "cargo", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}
