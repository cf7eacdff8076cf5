//! Debian's rsyslog with a configuration of the test's own, over TCP or TLS, which writes what it gets to a file.

use super::Arrived;
use crate::{CertificateAuthority, free_port, wait_until};
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A receiver, ended by its pid when dropped.
#[derive(Debug)]
pub struct Rsyslog {
    /// Its port on 127.0.0.1.
    pub port: u16,
    folder: TempDir,
    authority: Option<CertificateAuthority>,
    child: Option<Child>,
    starts: u32,
}

impl Rsyslog {
    /// Starts one.
    pub fn start(tls: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("weir-rsyslog-").tempdir().expect("a temporary directory");
        let authority = tls.then(CertificateAuthority::create);
        let mut rsyslog = Self { port: free_port(), folder, authority, child: None, starts: 0 };
        rsyslog.restart();
        rsyslog
    }

    /// Where it is.
    pub fn address(&self) -> String {
        let scheme = if self.authority.is_some() { "tls" } else { "tcp" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// What clients trust.
    pub fn ca(&self) -> Option<PathBuf> {
        self.authority.as_ref().map(CertificateAuthority::root)
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Starts it at the same port. It writes to another file: a kill may have cut the last line of the one before.
    pub fn restart(&mut self) {
        self.kill();
        self.starts += 1;
        let place = self.folder.path();
        let configuration = place.join("rsyslog.conf");
        fs::write(&configuration, self.configuration()).expect("our own directory");
        let mut command = Command::new("/usr/sbin/rsyslogd");
        command.arg("-n").arg("-f").arg(&configuration).arg("-i").arg(place.join(format!("pid.{}", self.starts)));
        let log = fs::File::create(place.join("log")).expect("our own directory");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("scripts/setup installs rsyslog"));
        let port = self.port;
        wait_until("rsyslog to listen", 30, || TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
    }

    /// What it has written, in its order.
    ///
    /// # Errors
    /// Where a file can't be read.
    pub fn arrived(&self) -> anyhow::Result<Vec<Arrived>> {
        let mut arrived = Vec::new();
        for line in self.lines()? {
            arrived.extend(understand(&line));
        }
        Ok(arrived)
    }

    /// The whole lines that it has written.
    ///
    /// # Errors
    /// Where a file can't be read.
    pub fn lines(&self) -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        for start in 1..=self.starts {
            let text = fs::read_to_string(self.folder.path().join(format!("messages.{start}"))).unwrap_or_default();
            lines.extend(text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(|line| line.trim_end().to_owned()));
        }
        Ok(lines)
    }

    fn configuration(&self) -> String {
        let place = self.folder.path().display();
        let (driver, mode) = match &self.authority {
            None => (String::new(), ""),
            Some(authority) => {
                let (chain, key) = authority.server();
                let files = [("CA", authority.root()), ("Cert", chain), ("Key", key)];
                let files = files.map(|(name, path)| format!("defaultNetstreamDriver{name}File=\"{}\"", path.display()));
                (
                    format!("defaultNetstreamDriver=\"ossl\" {}", files.join(" ")),
                    "streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\"",
                )
            }
        };
        format!(
            "global(workDirectory=\"{place}\" maxMessageSize=\"256k\" {driver})\n\
             module(load=\"imtcp\" {mode})\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{}\")\n\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
             action(type=\"omfile\" file=\"{place}/messages.{}\" template=\"raw\")\n",
            self.port, self.starts
        )
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A line as weir's messages are; none where it is another.
fn understand(line: &str) -> Option<Arrived> {
    let (_, parameters) = line.split_once("[weir@32473 ")?;
    let parameter = |name: &str| parameters.split_once(&format!("{name}=\""))?.1.split_once('"').map(|(value, _)| value);
    let number = parameter("number")?.parse().ok()?;
    let element = parameters.split_once("\"] ")?.0;
    Some(Arrived { number, uid: parameter("uid")?.to_owned(), again: element.contains(" again=\"1") })
}
