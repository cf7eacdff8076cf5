//! A job that plays a script of protocol messages: `weir-wire FILE`, with libpq's variables.

use anyhow::Context as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use weir_tests::wire::{Connection, Script, play};

fn main() -> anyhow::Result<()> {
    let file = PathBuf::from(std::env::args_os().nth(1).context("usage: weir-wire FILE")?);
    let script = Script::decode(&std::fs::read(&file)?)?;
    let variable = |name: &str| std::env::var(name).with_context(|| name.to_owned());
    let (user, database) = (variable("PGUSER")?, variable("PGDATABASE")?);
    let parameters = [("user", user.as_str()), ("database", &database), ("application_name", "weir-wire")];
    let port = variable("PGPORT")?.parse()?;
    let mut connection = Connection::open(&variable("PGHOST")?, port, &variable("PGPASSWORD").unwrap_or_default(), &parameters)?;
    let mut out = std::io::stdout().lock();
    play(&script, &mut connection, file.parent().unwrap_or_else(|| Path::new(".")), &mut out)?;
    // Whether the peer still reads is no concern of a script that has ended.
    connection.send(&weir_tests::wire::message::terminate()).ok();
    Ok(out.flush()?)
}
