//! The peers: haproxy and pgbouncer, each set up as one who knows it would for one Postgres.

use super::folder::Folder;
use super::stage::{DATABASE, WRITTEN};
use crate::regress::server::free_port;
use anyhow::{Context as _, bail, ensure};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A proxy that starts and does not listen by then is none.
const PATIENCE: Duration = Duration::from_secs(20);

/// A proxy that runs, ended when dropped.
pub(super) struct Peer {
    pub(super) port: u16,
    child: Child,
}

impl Peer {
    fn start(program: &str, arguments: &[&str], port: u16) -> anyhow::Result<Self> {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups", program]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        let child = command.spawn().with_context(|| format!("can't start {program}: scripts/setup installs it"))?;
        let mut peer = Self { port, child };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = peer.child.try_wait()? {
                bail!("{program} ended at once ({status}): scripts/setup installs it");
            }
            ensure!(Instant::now() < deadline, "{program} does not listen");
            sleep(Duration::from_millis(20));
        }
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// As an expert writes it for one TCP service: a thread for each core, no log, no limits in the way.
pub(super) fn haproxy(folder: &Folder, server: u16) -> anyhow::Result<Peer> {
    let port = free_port()?;
    let text = format!(
        "global\n  nbthread 2\n  maxconn 4096\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
         listen pg\n  bind 127.0.0.1:{port}\n  server pg 127.0.0.1:{server}\n"
    );
    let file = folder.write("haproxy.cfg", &text)?;
    Peer::start("haproxy", &["-db", "-f", &file.to_string_lossy()], port)
}

/// A thread for each direction that reads and writes, 64 KiB at a time: what any proxy costs at least that copies through
/// user space.
pub(super) fn copy_loop(server: u16) -> anyhow::Result<Peer> {
    let port = free_port()?;
    let program = std::env::current_exe()?;
    Peer::start(&program.to_string_lossy(), &["copy-loop", &port.to_string(), &server.to_string()], port)
}

/// Session mode. The role that the server asks for SCRAM is asked for it by pgbouncer as well, from the server's own secret,
/// which pgbouncer then can log in with.
pub(super) fn pgbouncer(folder: &Folder, server: u16, secret: &str) -> anyhow::Result<Peer> {
    let port = free_port()?;
    let users = folder.write("users.txt", &format!("\"reader\" \"\"\n\"writer\" \"\"\n\"reader_scram\" \"{secret}\"\n"))?;
    let hba = folder.write(
        "pgbouncer.hba",
        "host all reader_scram 127.0.0.1/32 scram-sha-256\nhost all reader,writer 127.0.0.1/32 trust\n",
    )?;
    let text = format!(
        "[databases]\n{DATABASE} = host=127.0.0.1 port={server} dbname={DATABASE}\n\
         {WRITTEN} = host=127.0.0.1 port={server} dbname={WRITTEN}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = hba\nauth_hba_file = {}\nauth_file = {}\npool_mode = session\n\
         default_pool_size = 64\nmax_client_conn = 1000\nlog_connections = 0\nlog_disconnections = 0\nlog_stats = 0\n",
        hba.display(),
        users.display()
    );
    let file = folder.write("pgbouncer.ini", &text)?;
    Peer::start("pgbouncer", &[&file.to_string_lossy()], port)
}
