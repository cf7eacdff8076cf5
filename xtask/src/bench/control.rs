//! `cargo xtask bench control`: from a command to its effect, while a thousand sessions are at work.

use crate::run::run;
use clap::Args;
use std::path::{Path, PathBuf, absolute};

/// How many, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Sessions that run a statement a second each [default: 1000].
    #[arg(long)]
    live: Option<u32>,
    /// Commands of each kind [default: 100].
    #[arg(long)]
    samples: Option<u32>,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Builds the release build, which is what users have, and measures it.
pub(super) fn control(options: &Options) -> anyhow::Result<()> {
    // Apart, as `xtask test` builds them: together they would be other builds of what they depend on.
    run("build", "cargo", &["build", "--locked", "--release", "-p", "gateway"])?;
    run("build tests", "cargo", &["build", "--locked", "--release", "-p", "weir-tests", "--bins"])?;
    let mut arguments: Vec<String> =
        ["run", "--quiet", "--locked", "--release", "-p", "weir-tests", "--bin", "weir-control-speed", "--"]
            .map(str::to_owned)
            .into();
    for (name, number) in [("--live", options.live), ("--samples", options.samples)] {
        arguments.extend(number.into_iter().flat_map(|number| [name.to_owned(), number.to_string()]));
    }
    // The chores run in the workspace's root, wherever they were called.
    if let Some(json) = options.json.as_deref().map(absolute).transpose()?.as_deref().map(Path::to_string_lossy) {
        arguments.extend(["--json".to_owned(), json.into_owned()]);
    }
    run("control", "cargo", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}
