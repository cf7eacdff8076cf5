//! A name server of a test's own: Debian's dnsmasq, which knows what it was told and asks no one.

use crate::{free_port, wait_until};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running dnsmasq at `127.0.0.1`; ended by its pid when dropped.
#[derive(Debug)]
pub struct NameServer {
    child: Child,
    /// Its port, for UDP and TCP.
    pub port: u16,
}

impl NameServer {
    /// One that knows what these options of dnsmasq say, and nothing else: `--host-record=a.test,127.0.0.9,60`.
    pub fn start(options: &[&str]) -> Self {
        let port = free_port();
        let child = Command::new("/usr/sbin/dnsmasq")
            .args(["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="])
            .args(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/", "--local=/example/"])
            .arg(format!("--port={port}"))
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's dnsmasq-base is installed: scripts/setup does");
        let server = Self { child, port };
        // A question for the root, by hand: any answer will do.
        let question = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
        wait_until("dnsmasq to answer", 20, || {
            let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
            socket.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
            socket.send_to(&question, ("127.0.0.1", port)).ok()?;
            socket.recv(&mut [0; 512]).ok().map(drop)
        });
        server
    }

    /// `[names]` that asks this server; names below `test` may be at this host.
    pub fn settings(&self) -> String {
        format!("[names]\nupstreams = [\"127.0.0.1:{}\"]\nprivate = [\"*.test\"]\nsearch = [\"corp.test\"]\n", self.port)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
