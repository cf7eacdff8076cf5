//! `cargo xtask reviewed`: holds the lists of what a server brings against Postgres 15 and 18.
//!
//! With `--write` it writes those anew that follow from the servers: relations, types, operators.
//! Which list a function belongs to, a person says.

use crate::run::run;

pub(crate) fn reviewed(write: bool) -> anyhow::Result<()> {
    let setting = if write { "WEIR_REVIEWED=write" } else { "WEIR_REVIEWED=check" };
    run("reviewed", "env", &[setting, "cargo", "test", "--locked", "-p", "gateway", "--test", "reviewed"])
}
