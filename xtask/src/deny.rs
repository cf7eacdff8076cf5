//! `cargo xtask deny`: licences, bans and sources of every dependency, by deny.toml. Advisories
//! need a database from the network and are not part of it.

use crate::run::run;

pub(crate) fn deny() -> anyhow::Result<()> {
    run("deny", "cargo", &["deny", "--locked", "check", "bans", "licenses", "sources"])
}
