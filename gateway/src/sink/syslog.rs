//! `kind = "syslog"`: messages by RFC 5424, over TCP (RFC 6587) or TLS (RFC 5425).
//!
//! Such a receiver acknowledges nothing. What was sent counts as taken once its host has acknowledged the bytes and the connection
//! has stood for `hold_seconds` after: a receiver that is killed cuts it, and all of that is sent again.

mod message;
mod stream;

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::{Table, ca, client_certificate};
use crate::credential::Source;
use crate::https::is_this_host;
use crate::telemetry::host_name;
use crate::tls::client_config;
use message::{Framing, Header};
use rustls_pki_types::ServerName;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use stream::{Counted, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long it is looked whether the other side has ended the connection.
const GLANCE: Duration = Duration::from_millis(1);
/// How long the other side may take to read what is left, once there is no more.
const FINISH: Duration = Duration::from_secs(2);

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// The receiver's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is TLS.
    pub tls: bool,
    /// How messages follow each other.
    pub framing: Framing,
    /// The facility of all messages (RFC 5424, table 1).
    pub facility: u8,
    /// How long a connection has to stand before what was sent on it counts as taken.
    pub hold: Duration,
    /// The CAs to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The certificate and the key that are shown to the receiver.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// A connection.
pub(super) struct SyslogLink {
    stream: Stream,
    framing: Framing,
    header: Header,
}

impl Syslog {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let hint = "\"tls://siem.acme.example:6514\", or \"tcp://…:601\" within a network that you trust";
        let address = table.parsed("address", hint, address);
        let address = table.required("address", address, &format!("where to: address = {hint}"));
        let hint = "\"octet-counting\", or \"lines\" for a receiver that knows no other";
        let framing = table.parsed("framing", hint, |text| match text {
            "octet-counting" => Some(Framing::OctetCounting),
            "lines" => Some(Framing::Lines),
            _ => None,
        });
        let facility = table.number("facility", 0, 23).unwrap_or(13);
        let hold = table.number("hold_seconds", 1, 300).map_or(Duration::from_secs(5), Duration::from_secs);
        let (ca, own) = (ca(table, directory), client_certificate(table, directory));
        let (tls, host, port) = address?;
        if !tls && (ca.is_some() || own.is_some()) {
            table.problem("`ca`, `certificate` and `key` are for TLS, and `address` is tcp://", "write tls://, or take them out");
        }
        Some(Self { host, port, tls, framing: framing.unwrap_or(Framing::OctetCounting), facility, hold, ca, own })
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits::USUAL
    }

    pub(super) const fn hold(&self) -> Duration {
        self.hold
    }

    pub(super) fn place(&self) -> String {
        let scheme = if self.tls { "tls" } else { "tcp" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}", self.port)
    }

    pub(super) const fn secrets(&self) -> Vec<&Source> {
        Vec::new()
    }

    /// Whether anybody on the way can read it.
    pub(super) fn is_open(&self) -> bool {
        !self.tls && !is_this_host(&self.host)
    }

    pub(super) async fn link(&self) -> Result<SyslogLink, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::again(format!("{}: {error}", self.place()));
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| failed(&error))?;
        tcp.set_nodelay(true).map_err(|error| failed(&error))?;
        let counted = Counted::new(tcp);
        let stream = if self.tls {
            let own = self.own.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
            let config = client_config(self.ca.as_deref(), own).map_err(|error| failed(&error))?;
            let name = ServerName::try_from(self.host.clone()).map_err(|error| failed(&error))?;
            let stream = TlsConnector::from(Arc::new(config)).connect(name, counted).await;
            Stream::Tls(Box::new(stream.map_err(|error| failed(&error))?))
        } else {
            Stream::Plain(counted)
        };
        let header = Header { facility: self.facility, host: host_name(), process: std::process::id() };
        Ok(SyslogLink { stream, framing: self.framing, header })
    }
}

impl SyslogLink {
    /// Writes them. That they were taken shows later.
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        self.stands().await?;
        let mut bytes = Vec::new();
        for entry in batch {
            message::append(self.framing, &self.header, entry, &mut bytes);
        }
        let written = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| Failure::again(format!("the connection is gone: {error}")))
    }

    /// Bytes that were written so far.
    pub(super) fn mark(&self) -> u64 {
        self.stream.written()
    }

    /// How many of them the receiver's host has, on a connection that stands.
    pub(super) async fn confirmed(&mut self) -> Result<u64, Failure> {
        // First: what it acknowledges after that may be what it throws away.
        let acknowledged =
            self.stream.acknowledged().map_err(|error| Failure::again(format!("the connection is gone: {error}")))?;
        self.stands().await?;
        Ok(acknowledged)
    }

    /// Ends our side, and waits for the other to have read it to its end.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        let ended = async {
            self.stream.shutdown().await?;
            let mut buffer = [0; 512];
            while self.stream.read(&mut buffer).await? > 0 {}
            io::Result::Ok(())
        };
        let late = |_elapsed| Err(io::ErrorKind::TimedOut.into());
        let ended = timeout(FINISH, ended).await.unwrap_or_else(late);
        ended.map_err(|error| Failure::again(format!("the receiver did not end the connection: {error}")))
    }

    /// Whether the other side has not ended the connection; what it says is nothing to us.
    async fn stands(&mut self) -> Result<(), Failure> {
        let mut buffer = [0; 512];
        loop {
            match timeout(GLANCE, self.stream.read(&mut buffer)).await {
                Err(_elapsed) => return Ok(()),
                Ok(Ok(0)) => return Err(Failure::again("the receiver has ended the connection")),
                Ok(Ok(_said)) => {}
                Ok(Err(error)) => return Err(Failure::again(format!("the connection is gone: {error}"))),
            }
        }
    }
}

/// `tls://host:port` or `tcp://host:port`.
fn address(text: &str) -> Option<(bool, String, u16)> {
    let (scheme, rest) = text.split_once("://")?;
    let (tls, usual) = match scheme {
        "tls" => (true, 6514),
        "tcp" => (false, 601),
        _ => return None,
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(usual), |port| port.parse().ok().filter(|port| *port > 0))?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    (!host.is_empty() && host.bytes().all(legal)).then(|| (tls, host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port() {
        for (text, expected) in [
            ("tls://siem.acme.example:6514", Some((true, "siem.acme.example", 6514))),
            ("tls://siem.acme.example", Some((true, "siem.acme.example", 6514))),
            ("tcp://127.0.0.1:5140", Some((false, "127.0.0.1", 5140))),
            ("tcp://[::1]:5140", Some((false, "::1", 5140))),
            ("tcp://[::1]", Some((false, "::1", 601))),
            ("udp://a:514", None),
            ("tcp://", None),
            ("tcp://a:0", None),
            ("tcp://a:b", None),
            ("tcp://u@a:1", None),
            ("tcp://[::1]x", None),
            ("a:514", None),
        ] {
            assert_eq!(address(text), expected.map(|(tls, host, port)| (tls, host.to_owned(), port)), "{text}");
        }
    }
}
