//! `cargo xtask tamper`: everything that can be done to a store of evidence, by craft and by chance, has to be found and placed.

use crate::run::run;
use clap::Args;
use std::path::{Path, PathBuf, absolute};

/// How much, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Alterations by chance, beside all that are crafted [default: 10 000].
    #[arg(long)]
    random: Option<u32>,
    /// What chance begins with.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Builds what it needs and runs it.
pub(crate) fn tamper(options: &Options) -> anyhow::Result<()> {
    run("build", "cargo", &["build", "--locked", "-p", "gateway"])?;
    run("build tests", "cargo", &["build", "--locked", "-p", "weir-tamper"])?;
    let mut arguments: Vec<String> =
        ["run", "--quiet", "--locked", "-p", "weir-tamper", "--"].into_iter().map(str::to_owned).collect();
    // The chores run in the workspace's root, wherever they were called.
    let json = options.json.as_deref().map(absolute).transpose()?;
    let given = [
        ("--random", options.random.map(|random| random.to_string())),
        ("--seed", options.seed.map(|seed| seed.to_string())),
        ("--json", json.as_deref().map(Path::to_string_lossy).map(String::from)),
    ];
    arguments.extend(given.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).flatten());
    run("tamper", "cargo", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}
