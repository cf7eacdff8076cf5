//! `cargo xtask leak`: every way to ask for masked values that is known, run through `weir run` against a real Postgres.

use crate::run::run;
use std::path::{Path, absolute};

/// Builds what it needs and runs all cases; `json` is where the report goes.
pub(crate) fn leak(json: Option<&Path>) -> anyhow::Result<()> {
    // Apart, as `xtask test` builds them: together they would be other builds of what they depend on.
    run("build", "cargo", &["build", "--locked", "-p", "gateway"])?;
    run("build tests", "cargo", &["build", "--locked", "-p", "weir-tests", "--bins"])?;
    let mut arguments = vec!["run", "--quiet", "--locked", "-p", "weir-tests", "--bin", "weir-leak", "--"];
    // The chores run in the workspace's root, wherever they were called.
    let json = json.map(absolute).transpose()?;
    let json = json.as_ref().map(|path| path.to_string_lossy());
    if let Some(path) = &json {
        arguments.extend(["--json", path]);
    }
    run("leak", "cargo", &arguments)
}
