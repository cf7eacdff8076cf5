//! `cargo xtask ci`: what has to hold before a change goes in, cheapest first, then a slice of the long suites.

use crate::run::{present, run, tell};
use crate::{bench, deny, regress, test, tidy};

pub(crate) fn ci() -> anyhow::Result<()> {
    run("format", "cargo", &["fmt", "--all", "--check"])?;
    tell("== tidy ==");
    tidy::tidy()?;
    if present("cargo", &["deny", "--version"]) {
        deny::deny()?;
    } else {
        tell("== deny: NOT RUN, cargo-deny is not installed (`cargo install cargo-deny`, then `cargo xtask deny`) ==");
    }
    for what in ["check", "test", "size"] {
        run(&format!("console: {what}"), "scripts/console", &[what])?;
    }
    run("lints", "cargo", &["clippy", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    test::test()?;
    regress::slice_of_it()?;
    tell("== gate: instructions of fixed work ==");
    bench::gate(&bench::Gate::default())?;
    tell("== bench: one short round, that it works ==");
    bench::quick()?;
    bench::quick_hook()?;
    bench::quick_mask()
}
