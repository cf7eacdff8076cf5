//! All that a run of the bench needs: one Postgres, a proxy of each kind before it, weir's configuration.

use super::folder::Folder;
use super::peer::{self, Peer};
use super::way::Way;
use super::{data, gateway};
use crate::regress::server::{BIN, Server, free_port};
use crate::run::tell;
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The role that the server trusts, and the one that it asks for SCRAM.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Trusted,
    Scram,
    /// One that the server trusts and that may write, in a database of its own.
    Writer,
}

/// How much there is to read.
pub(super) struct Size {
    /// pgbench's scale: 100 000 rows each.
    pub(super) scale: u32,
    /// Of the COPY, in MB (10^6 bytes), about.
    pub(super) megabytes: u64,
}

/// Everything runs while this lives, and ends with it.
pub(super) struct Stage {
    /// Bytes that the COPY sends.
    pub(super) copy_bytes: u64,
    /// Policies in force, as weir counts them.
    pub(super) policies: u64,
    weir: PathBuf,
    port: u16,
    haproxy: Peer,
    pgbouncer: Peer,
    copy_loop: Peer,
    /// pgbench under another name: the job that may write.
    writer: PathBuf,
    _server: Server,
    // Last, so that what runs in it ends before it is removed.
    folder: Folder,
}

/// Where everything is read.
pub(super) const DATABASE: &str = "bench";
/// Where the writer writes.
pub(super) const WRITTEN: &str = "bench_written";
/// The password of the role that the server asks for SCRAM.
pub(super) const PASSWORD: &str = "a-password-of-the-bench";

impl Stage {
    /// Starts everything. Needs root; peers run as the user `postgres`.
    pub(super) fn set(weir: &Path, size: &Size) -> anyhow::Result<Self> {
        let folder = Folder::make()?;
        let port = free_port()?;
        tell(&format!("== stage: Postgres, {} MB to copy, haproxy, pgbouncer ==", size.megabytes));
        let hba = folder.write("hba.conf", "host all reader_scram all scram-sha-256\nhost all all all trust\n")?;
        let server = Server::start_with(&folder.0.join("server"), port, &data::settings(&hba, size))?;
        data::fill(port, size)?;
        let secret = data::sql(port, DATABASE, "SELECT rolpassword FROM pg_authid WHERE rolname = 'reader_scram'")?;
        let haproxy = peer::haproxy(&folder, port)?;
        let pgbouncer = peer::pgbouncer(&folder, port, &secret)?;
        let copy_loop = peer::copy_loop(port)?;
        let writer = folder.0.join("pgbench-writer");
        fs::copy(Path::new(BIN).join("pgbench"), &writer)?;
        let extra = format!(
            "[[workload]]\nname = \"migration-job\"\nmatch = {{ executable = \"{}\" }}\nowner = \"ana@acme.example\"\n",
            writer.display()
        );
        gateway::configure(&folder, port, "weir", &gateway::Setup { extra: &extra, ..Default::default() })?;
        let mut stage = Self {
            copy_bytes: 0,
            policies: 0,
            weir: weir.to_owned(),
            port,
            haproxy,
            pgbouncer,
            copy_loop,
            writer,
            _server: server,
            folder,
        };
        stage.policies = stage.probe()?;
        stage.copy_bytes = stage.copied()?;
        Ok(stage)
    }

    /// Where clients leave their files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// The program that may write.
    pub(super) fn writer(&self) -> &Path {
        &self.writer
    }

    /// Runs one of Postgres' programs as a client that goes this way; its standard output.
    pub(super) fn client(&self, way: Way, role: Role, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(way, role, program);
        let output = command.args(arguments).output().with_context(|| format!("{command:?}"))?;
        let said = |output: &Output| String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "{program}, {}: {}\n{}", way.name(), output.status, said(&output));
        // weir's last words; a job that goes on after a refusal would have measured refusals.
        ensure!(
            way != Way::Weir || said(&output).ends_with(" 0 refused"),
            "{program}: weir refused something: {}",
            said(&output)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self, way: Way, role: Role, program: &str) -> Command {
        let program = Path::new(BIN).join(program);
        let mut command = match way {
            Way::Weir => {
                let mut weir = Command::new(&self.weir);
                weir.arg("run").arg("--config").arg(self.folder.0.join("weir.toml")).arg("--").arg(program);
                weir
            }
            Way::Direct | Way::Haproxy | Way::Pgbouncer | Way::CopyLoop => Command::new(program),
        };
        let port = match way {
            Way::Direct | Way::Weir => self.port,
            Way::Haproxy => self.haproxy.port,
            Way::Pgbouncer => self.pgbouncer.port,
            Way::CopyLoop => self.copy_loop.port,
        };
        let (user, database) = match role {
            Role::Trusted => ("reader", DATABASE),
            Role::Scram => ("reader_scram", DATABASE),
            Role::Writer => ("writer", WRITTEN),
        };
        match way {
            // weir has the password, the job does not.
            Way::Weir => command.env_remove("PGPASSWORD"),
            Way::Direct | Way::Haproxy | Way::Pgbouncer | Way::CopyLoop => command.env("PGPASSWORD", PASSWORD),
        };
        command.envs([("PGHOST", "127.0.0.1"), ("PGUSER", user), ("PGDATABASE", database)]);
        command.envs([("PGSSLMODE", "disable"), ("PGGSSENCMODE", "disable"), ("PGPORT", &port.to_string())]);
        command.current_dir(self.folder()).stdin(Stdio::null());
        command
    }

    /// Where weir keeps its records.
    pub(super) fn state_dir(&self) -> PathBuf {
        self.folder.0.join("weir.state")
    }

    /// The sum of this of all records.
    pub(super) fn recorded(&self, what: &str) -> anyhow::Result<u64> {
        let mut list = Command::new(&self.weir);
        list.args(["session", "list", "--format", "json", "--config"]).arg(self.folder.0.join("weir.toml"));
        let sessions: Vec<Value> = serde_json::from_slice(&list.output().with_context(|| format!("{list:?}"))?.stdout)?;
        Ok(sessions.iter().filter_map(|session| session.get(what)?.as_u64()).sum())
    }

    /// How many policies weir says are in force; that it enforces them, and that it keeps a record.
    fn probe(&self) -> anyhow::Result<u64> {
        let mut command = self.command(Way::Weir, Role::Trusted, "psql");
        let output = command.args(["-XAtc", "SELECT 1"]).output().with_context(|| format!("{command:?}"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success() && said.contains("enforce mode"), "weir does not run a job: {}", said.trim());
        ensure!((self.recorded("statements")?, self.recorded("rows")?) == (1, 1), "weir keeps no record");
        let count = said.split_once(" policies").and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
        count.with_context(|| format!("weir does not say how many policies it has: {}", said.trim()))
    }

    /// Bytes that the COPY sends; also brings the table into the server's memory.
    fn copied(&self) -> anyhow::Result<u64> {
        let mut command = self.command(Way::Direct, Role::Trusted, "psql");
        let mut child = command.args(["-XAtc", "COPY archive TO STDOUT"]).stdout(Stdio::piped()).spawn()?;
        let bytes = io::copy(&mut child.stdout.take().context("psql has no output")?, &mut io::sink())?;
        ensure!(child.wait()?.success(), "psql can't copy the table");
        Ok(bytes)
    }
}
