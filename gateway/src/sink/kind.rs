//! The ways in which events leave: a file each.

use super::Entry;
use super::elastic::{Elastic, ElasticLink};
use super::failure::Failure;
use super::file::{File, FileLink};
use super::format::Format;
use super::hec::{Hec, HecLink};
use super::kafka::{Kafka, KafkaLink};
use super::nats::{Nats, NatsLink};
use super::otlp::{Otlp, OtlpLink};
use super::s3::{S3, S3Link};
use super::syslog::{Syslog, SyslogLink};
use super::webhook::{Webhook, WebhookLink};
use crate::config::Table;
use crate::credential::Source;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A receiver, with all that it takes to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON lines in a file.
    File(File),
    /// RFC 5424 over TCP or TLS.
    Syslog(Syslog),
    /// Splunk's HTTP event collector.
    Hec(Hec),
    /// Elasticsearch's bulk API.
    Elastic(Elastic),
    /// OTLP logs.
    Otlp(Otlp),
    /// JSON, posted and signed.
    Webhook(Webhook),
    /// NATS JetStream.
    Nats(Nats),
    /// A Kafka topic.
    Kafka(Kafka),
    /// Objects in an S3 bucket.
    S3(S3),
}

/// How much of the spool is given to a sink at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of a batch.
    pub entries: usize,
    /// Bytes of a batch's texts; one entry alone may have more.
    pub bytes: usize,
    /// How long it is waited for a batch to be full, from its first entry on.
    pub linger: Duration,
}

impl Limits {
    /// What fits most receivers.
    pub(super) const USUAL: Self = Self { entries: 500, bytes: 1 << 20, linger: Duration::ZERO };
}

/// What can be written, for hints.
const NAMES: &str = "\"file\", \"syslog\", \"splunk\", \"elasticsearch\", \"otlp\", \"webhook\", \"nats\", \"kafka\" or \"s3\"";

impl Kind {
    /// Reads `kind`, and the keys that this kind has.
    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        type Read = fn(&mut Table<'_, '_>, &Path) -> Option<Kind>;
        let read = table.parsed("kind", NAMES, |text| {
            let read: Read = match text {
                "file" => |table, directory| File::read(table, directory).map(Kind::File),
                "syslog" => |table, directory| Syslog::read(table, directory).map(Kind::Syslog),
                "splunk" => |table, directory| Hec::read(table, directory).map(Kind::Hec),
                "elasticsearch" => |table, directory| Elastic::read(table, directory).map(Kind::Elastic),
                "otlp" => |table, directory| Otlp::read(table, directory).map(Kind::Otlp),
                "webhook" => |table, directory| Webhook::read(table, directory).map(Kind::Webhook),
                "nats" => |table, directory| Nats::read(table, directory).map(Kind::Nats),
                "kafka" => |table, directory| Kafka::read(table, directory).map(Kind::Kafka),
                "s3" => |table, directory| S3::read(table, directory).map(Kind::S3),
                _ => return None,
            };
            Some(read)
        });
        let read = table.required("kind", read, &format!("how events leave: kind = {NAMES}"))?;
        read(table, directory)
    }

    /// As the configuration has it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Syslog(_) => "syslog",
            Self::Hec(_) => "splunk",
            Self::Elastic(_) => "elasticsearch",
            Self::Otlp(_) => "otlp",
            Self::Webhook(_) => "webhook",
            Self::Nats(_) => "nats",
            Self::Kafka(_) => "kafka",
            Self::S3(_) => "s3",
        }
    }

    /// Where it goes, without anything that is a secret.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::File(file) => file.place(),
            Self::Syslog(syslog) => syslog.place(),
            Self::Hec(hec) => hec.place(),
            Self::Elastic(elastic) => elastic.place(),
            Self::Otlp(otlp) => otlp.place(),
            Self::Webhook(webhook) => webhook.place(),
            Self::Nats(nats) => nats.place(),
            Self::Kafka(kafka) => kafka.place(),
            Self::S3(s3) => s3.place(),
        }
    }

    /// What it has that nobody may see.
    #[must_use]
    pub fn secrets(&self) -> Vec<&Source> {
        match self {
            Self::File(file) => file.secrets(),
            Self::Syslog(syslog) => syslog.secrets(),
            Self::Hec(hec) => hec.secrets(),
            Self::Elastic(elastic) => elastic.secrets(),
            Self::Otlp(otlp) => otlp.secrets(),
            Self::Webhook(webhook) => webhook.secrets(),
            Self::Nats(nats) => nats.secrets(),
            Self::Kafka(kafka) => kafka.secrets(),
            Self::S3(s3) => s3.secrets(),
        }
    }

    /// Files and folders of its own, which a job has no business with, beside those that hold secrets.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::File(file) => vec![file.hidden()],
            Self::Syslog(syslog) => syslog.own.iter().map(|(_, key)| key.clone()).collect(),
            Self::Hec(_) | Self::Elastic(_) | Self::Otlp(_) | Self::Webhook(_) | Self::Nats(_) | Self::Kafka(_) | Self::S3(_) => {
                Vec::new()
            }
        }
    }

    /// Whether anybody on the way can read what is sent.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Syslog(syslog) => syslog.is_open(),
            Self::File(_)
            | Self::Hec(_)
            | Self::Elastic(_)
            | Self::Otlp(_)
            | Self::Webhook(_)
            | Self::Nats(_)
            | Self::Kafka(_)
            | Self::S3(_) => false,
        }
    }

    /// What it tells where nothing is said.
    pub(super) const fn default_format(&self) -> Format {
        match self {
            Self::File(_) => File::FORMAT,
            Self::Syslog(_) => Syslog::FORMAT,
            Self::Hec(_) => Hec::FORMAT,
            Self::Elastic(_) => Elastic::FORMAT,
            Self::Otlp(_) => Otlp::FORMAT,
            Self::Webhook(_) => Webhook::FORMAT,
            Self::Nats(_) => Nats::FORMAT,
            Self::Kafka(_) => Kafka::FORMAT,
            Self::S3(_) => S3::FORMAT,
        }
    }

    /// For how long what was sent is not counted as taken: by then a connection that was cut has shown it. None where the receiver
    /// acknowledges what it takes.
    pub(super) const fn hold(&self) -> Duration {
        match self {
            Self::Syslog(syslog) => syslog.hold(),
            Self::File(_)
            | Self::Hec(_)
            | Self::Elastic(_)
            | Self::Otlp(_)
            | Self::Webhook(_)
            | Self::Nats(_)
            | Self::Kafka(_)
            | Self::S3(_) => Duration::ZERO,
        }
    }

    pub(super) const fn limits(&self) -> Limits {
        match self {
            Self::File(file) => file.limits(),
            Self::Syslog(syslog) => syslog.limits(),
            Self::Hec(hec) => hec.limits(),
            Self::Elastic(elastic) => elastic.limits(),
            Self::Otlp(otlp) => otlp.limits(),
            Self::Webhook(webhook) => webhook.limits(),
            Self::Nats(nats) => nats.limits(),
            Self::Kafka(kafka) => kafka.limits(),
            Self::S3(s3) => s3.limits(),
        }
    }

    /// Reaches the receiver, as far as that can be done without an event.
    pub(super) async fn link(&self) -> Result<Link, Failure> {
        match self {
            Self::File(file) => file.link().await.map(Link::File),
            Self::Syslog(syslog) => syslog.link().await.map(Link::Syslog),
            Self::Hec(hec) => hec.link().await.map(Link::Hec),
            Self::Elastic(elastic) => elastic.link().await.map(Link::Elastic),
            Self::Otlp(otlp) => otlp.link().await.map(Link::Otlp),
            Self::Webhook(webhook) => webhook.link().await.map(Link::Webhook),
            Self::Nats(nats) => nats.link().await.map(Link::Nats),
            Self::Kafka(kafka) => kafka.link().await.map(Link::Kafka),
            Self::S3(s3) => s3.link().await.map(Link::S3),
        }
    }
}

/// A receiver that was reached. After a failure it is dropped, and another made.
pub(super) enum Link {
    File(FileLink),
    Syslog(SyslogLink),
    Hec(HecLink),
    Elastic(ElasticLink),
    Otlp(OtlpLink),
    Webhook(WebhookLink),
    Nats(NatsLink),
    Kafka(KafkaLink),
    S3(S3Link),
}

impl Link {
    /// Sends a batch, in its order. All of it is acknowledged, or the failure says how much is.
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.send(batch).await,
            Self::Syslog(syslog) => syslog.send(batch).await,
            Self::Hec(hec) => hec.send(batch).await,
            Self::Elastic(elastic) => elastic.send(batch).await,
            Self::Otlp(otlp) => otlp.send(batch).await,
            Self::Webhook(webhook) => webhook.send(batch).await,
            Self::Nats(nats) => nats.send(batch).await,
            Self::Kafka(kafka) => kafka.send(batch).await,
            Self::S3(s3) => s3.send(batch).await,
        }
    }

    /// Where a link without acknowledgements is, behind what was sent last.
    pub(super) fn mark(&self) -> u64 {
        match self {
            Self::Syslog(link) => link.mark(),
            Self::File(_)
            | Self::Hec(_)
            | Self::Elastic(_)
            | Self::Otlp(_)
            | Self::Webhook(_)
            | Self::Nats(_)
            | Self::Kafka(_)
            | Self::S3(_) => 0,
        }
    }

    /// Up to which mark the receiver's host has what was sent, on a connection that is not cut.
    pub(super) async fn confirmed(&mut self) -> Result<u64, Failure> {
        match self {
            Self::Syslog(link) => link.confirmed().await,
            Self::File(_)
            | Self::Hec(_)
            | Self::Elastic(_)
            | Self::Otlp(_)
            | Self::Webhook(_)
            | Self::Nats(_)
            | Self::Kafka(_)
            | Self::S3(_) => Ok(u64::MAX),
        }
    }

    /// Ends it; whether the receiver has read all of it.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        match self {
            Self::Syslog(link) => link.finish().await,
            Self::File(_)
            | Self::Hec(_)
            | Self::Elastic(_)
            | Self::Otlp(_)
            | Self::Webhook(_)
            | Self::Nats(_)
            | Self::Kafka(_)
            | Self::S3(_) => Ok(()),
        }
    }
}
