//! The receivers that are killed, behind one face.

use super::collector::Collector;
use super::{Arrived, Rsyslog};
use crate::{Heard, Manner, Receiver};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// A kind of receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// rsyslog over TCP.
    SyslogTcp,
    /// rsyslog over TLS.
    SyslogTls,
    /// An HTTP server in this process.
    Webhook,
    /// Splunk's event collector, as documented.
    Splunk,
    /// Elasticsearch, as documented.
    Elasticsearch,
    /// A receiver of OTLP.
    Otlp,
    /// NATS JetStream over TLS.
    Nats,
    /// A cluster of Kafka.
    Kafka,
    /// S3 behind a connection that is cut.
    S3,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SyslogTcp => "syslog-tcp",
            Self::SyslogTls => "syslog-tls",
            Self::Webhook => "webhook",
            Self::Splunk => "splunk",
            Self::Elasticsearch => "elasticsearch",
            Self::Otlp => "otlp",
            Self::Nats => "nats",
            Self::Kafka => "kafka",
            Self::S3 => "s3",
        }
    }
}

/// A receiver, ended when dropped.
#[derive(Debug)]
pub enum Running {
    /// A process.
    Rsyslog(Rsyslog),
    /// One of `receivers`.
    Collector(Collector),
    /// A thread, its port, and what it and those before it have heard.
    Web {
        /// None while it is gone.
        receiver: Option<Receiver>,
        /// Its port, at which it comes back.
        port: u16,
        /// What those before it have heard.
        heard: Vec<Heard>,
        /// Secrets in files.
        folder: TempDir,
    },
}

impl Running {
    /// Starts one.
    pub fn start(kind: Kind) -> Self {
        match kind {
            Kind::SyslogTcp => Self::Rsyslog(Rsyslog::start(false)),
            Kind::SyslogTls => Self::Rsyslog(Rsyslog::start(true)),
            Kind::Splunk | Kind::Elasticsearch | Kind::Otlp | Kind::Nats | Kind::Kafka | Kind::S3 => {
                Self::Collector(Collector::start(kind))
            }
            Kind::Webhook => {
                let receiver = Receiver::start();
                let folder = tempfile::Builder::new().prefix("weir-webhook-").tempdir().expect("a temporary directory");
                for (name, text) in
                    [("url", format!("http://127.0.0.1:{}/events", receiver.port)), ("secret", "hunter2".to_owned())]
                {
                    let path = folder.path().join(name);
                    fs::write(&path, text).expect("our own directory");
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our own file");
                }
                Self::Web { port: receiver.port, receiver: Some(receiver), heard: Vec::new(), folder }
            }
        }
    }

    /// The `[[sink]]` that leads to it.
    pub fn sink(&self, name: &str, hold_seconds: u64) -> String {
        match self {
            Self::Rsyslog(rsyslog) => {
                let ca = rsyslog.ca().map(|ca| format!("ca = \"file:{}\"\n", ca.display())).unwrap_or_default();
                format!(
                    "[[sink]]\nname = \"{name}\"\nkind = \"syslog\"\naddress = \"{}\"\nhold_seconds = {hold_seconds}\n{ca}",
                    rsyslog.address()
                )
            }
            Self::Collector(collector) => format!("[[sink]]\nname = \"{name}\"\n{}", collector.keys()),
            Self::Web { folder, .. } => {
                let place = folder.path().display();
                format!(
                    "[[sink]]\nname = \"{name}\"\nkind = \"webhook\"\nformat = \"json\"\nurl = \"file:{place}/url\"\nsecret = \"file:{place}/secret\"\n"
                )
            }
        }
    }

    /// Kills it.
    pub fn kill(&mut self) {
        match self {
            Self::Rsyslog(rsyslog) => rsyslog.kill(),
            Self::Collector(collector) => collector.receives().kill(),
            Self::Web { receiver, heard, .. } => {
                if let Some(receiver) = receiver.take() {
                    heard.extend(receiver.end());
                }
            }
        }
    }

    /// Starts it again.
    pub fn restart(&mut self) {
        match self {
            Self::Rsyslog(rsyslog) => rsyslog.restart(),
            Self::Collector(collector) => collector.receives().start(),
            Self::Web { receiver, port, .. } => *receiver = Some(Receiver::with(*port, Manner::default(), None)),
        }
    }

    /// What it, and those before it, have got.
    ///
    /// # Errors
    /// Where that can't be read.
    pub fn arrived(&mut self) -> anyhow::Result<Vec<Arrived>> {
        match self {
            Self::Rsyslog(rsyslog) => rsyslog.arrived(),
            Self::Collector(collector) => Ok(collector.arrived()),
            Self::Web { .. } => {
                self.kill();
                let Self::Web { heard, .. } = self else { return Ok(Vec::new()) };
                let events = heard.iter().filter_map(|heard| heard.json().as_array().cloned()).flatten();
                Ok(events.filter_map(|event| understand(&event)).collect())
            }
        }
    }
}

fn understand(event: &Value) -> Option<Arrived> {
    let weir = event.get("weir")?;
    Some(Arrived {
        number: weir["number"].as_u64()?,
        uid: event["uid"].as_str().unwrap_or_default().to_owned(),
        again: weir["again"].as_bool().unwrap_or_default(),
    })
}
