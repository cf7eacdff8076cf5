//! `cargo xtask evasion`, `identity` and `leak`: all cases of a suite, through `weir run` against real servers.

use crate::run::run;
use std::path::{Path, absolute};

/// Builds what it needs and runs the program `weir-<name>` of the tests; `json` is where its report goes.
pub(crate) fn suite(name: &str, json: Option<&Path>) -> anyhow::Result<()> {
    // Apart, as `xtask test` builds them: together they would be other builds of what they depend on.
    run("build", "cargo", &["build", "--locked", "-p", "gateway"])?;
    run("build tests", "cargo", &["build", "--locked", "-p", "weir-tests", "--bins"])?;
    let program = format!("weir-{name}");
    let mut arguments = vec!["run", "--quiet", "--locked", "-p", "weir-tests", "--bin", &program, "--"];
    // The chores run in the workspace's root, wherever they were called.
    let json = json.map(absolute).transpose()?;
    let json = json.as_ref().map(|path| path.to_string_lossy());
    if let Some(path) = &json {
        arguments.extend(["--json", path]);
    }
    run(name, "cargo", &arguments)
}
