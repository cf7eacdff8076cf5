//! `cargo xtask test`: builds the binary that the behaviour tests start, then runs every test.

use crate::run::{present, run};

pub(crate) fn test() -> anyhow::Result<()> {
    run("build", "cargo", &["build", "--locked", "-p", "gateway"])?;
    run("build tests", "cargo", &["test", "--locked", "--no-run", "--quiet"])?;
    if present("cargo", &["nextest", "--version"]) {
        run("doc tests", "cargo", &["test", "--locked", "--doc", "--quiet"])?;
        run("tests", "cargo", &["nextest", "run", "--locked", "--no-fail-fast"])
    } else {
        run("tests", "cargo", &["test", "--locked", "--no-fail-fast"])
    }
}
