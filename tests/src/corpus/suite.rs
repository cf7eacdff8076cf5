//! PostgreSQL's own regression suite, run by its own driver against a server of ours, and taken down.

use super::capture::{self, Recorded};
use crate::Postgres;
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::PoisonError;

/// Debian has the suite's driver beside the server.
const DRIVER: &str = "/usr/lib/postgresql/15/lib/pgxs/src/test/regress/pg_regress";
const BIN: &str = "/usr/lib/postgresql/15/bin";
const LIBRARIES: &str = "/usr/lib/postgresql/15/lib";

/// Runs the suite in `sources` (`src/test/regress` of PostgreSQL's sources), or loads what was taken
/// down before. What the suite prints goes to a log beside `cache`.
pub fn suite(sources: &Path, cache: &Path) -> anyhow::Result<Recorded> {
    if cache.exists() {
        return Recorded::load(cache);
    }
    let server = server();
    let (port, recorded) = capture::listen(server.port)?;
    let output = cache.with_extension("output");
    fs::create_dir_all(&output)?;
    // The suite's scripts name their data by absolute path, and the server has to be able to read it.
    let mut driver = Command::new(DRIVER);
    driver.arg(format!("--inputdir={}", sources.display())).arg(format!("--outputdir={}", output.display()));
    driver.arg(format!("--schedule={}", sources.join("parallel_schedule").display()));
    driver.args([format!("--bindir={BIN}"), format!("--dlpath={LIBRARIES}"), format!("--port={port}")]);
    driver.args(["--host=127.0.0.1", "--user=postgres", "--max-connections=1", "--dbname=regression"]);
    let log = fs::File::create(cache.with_extension("log"))?;
    driver.env("PGSSLMODE", "disable").env("PGGSSENCMODE", "disable");
    driver.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // Tests that need a library of the suite's own fail; what they sent counts all the same.
    driver.status().with_context(|| format!("can't start {DRIVER}"))?;
    let recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ensure!(recorded.sessions.len() > 100, "the suite had {} sessions only: see its log", recorded.sessions.len());
    recorded.save(cache)?;
    Ok(recorded)
}

/// A server as the suite wants it, which lets everyone in.
pub(super) fn server() -> Postgres {
    Postgres::builder().method("trust").setting("max_prepared_transactions = 2").setting("timezone = 'PST8PDT'").start()
}
