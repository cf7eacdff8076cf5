//! A Postgres of its own for one run of a suite or a bench: it lets everyone in, so that the suite's roles can log in.

use anyhow::{Context as _, ensure};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Debian's programs.
pub(crate) const BIN: &str = "/usr/lib/postgresql/15/bin";

/// A running server, stopped when dropped.
pub(crate) struct Server {
    data: PathBuf,
}

impl Server {
    /// Starts one with its data in `folder`, on this port of 127.0.0.1. Needs root and the user `postgres`.
    pub(super) fn start(folder: &Path, port: u16) -> anyhow::Result<Self> {
        Self::start_with(folder, port, "max_prepared_transactions = 2\ntimezone = 'PST8PDT'\n")
    }

    /// The same, with these lines of postgresql.conf.
    pub(crate) fn start_with(folder: &Path, port: u16, lines: &str) -> anyhow::Result<Self> {
        fs::remove_dir_all(folder).ok();
        fs::create_dir_all(folder)?;
        let owned = Command::new("chown").arg("postgres").arg(folder).status()?;
        ensure!(owned.success(), "{} can't be given to the user postgres: the suite runs as root", folder.display());
        let data = folder.join("data");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        as_postgres(
            "initdb",
            &["-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-D", &text(&data)],
        )?;
        let file = data.join("postgresql.conf");
        let settings = format!(
            "{}\nport = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nfsync = off\n{lines}",
            fs::read_to_string(&file)?,
            folder.display()
        );
        fs::write(&file, settings)?;
        let server = Self { data };
        let log = text(&folder.join("log"));
        as_postgres("pg_ctl", &["-D", &text(&server.data), "-w", "-t", "60", "-l", &log, "start"])?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data.to_string_lossy().into_owned();
        as_postgres("pg_ctl", &["-D", &data, "-w", "-m", "immediate", "stop"]).ok();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Runs one of Postgres' programs as its own user, for it refuses to be root. Quiet unless it fails.
fn as_postgres(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]).arg(Path::new(BIN).join(program));
    // The server outlives its starter and would keep a pipe open.
    command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().with_context(|| format!("can't start {program}"))?;
    ensure!(status.success(), "{program} failed ({status})");
    Ok(())
}
