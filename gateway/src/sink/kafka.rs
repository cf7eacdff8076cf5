//! `kind = "kafka"`: records of a topic, acknowledged by all replicas in sync; a session's records are in one partition, in their order.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch, foreign};
use crate::https::is_this_host;
use krafka::auth::{AuthConfig, TlsConfig};
use krafka::error::{ErrorCode, KrafkaError};
use krafka::producer::Producer;
use krafka::{Acks, Compression, Record};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    brokers: Vec<String>,
    topic: String,
    tls: bool,
    ca: Option<PathBuf>,
    login: Option<Login>,
    /// How long a record is tried, with all that the client does of itself.
    delivery: Duration,
}

/// Who weir is to the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Login {
    mechanism: Mechanism,
    user: Source,
    password: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Scram256,
    Scram512,
}

/// A producer with an id of its own.
pub(super) struct KafkaLink {
    producer: Producer,
    topic: String,
    place: String,
}

impl Kafka {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let hint = "where the cluster is first asked: brokers = [\"kafka-1.acme.example:9093\"]";
        let span = table.span.clone();
        let brokers = table.texts("brokers").map(|texts| {
            let (fit, unfit): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| host(text.get_ref()).is_some());
            for text in &unfit {
                table.problem_at(text.span(), format!("`brokers` can't have {:?}", text.get_ref()), hint);
            }
            if fit.is_empty() && unfit.is_empty() {
                table.problem_at(span.clone(), "`brokers` is empty", hint);
            }
            fit.into_iter().map(|text| text.into_inner()).collect::<Vec<_>>()
        });
        let brokers = table.required("brokers", brokers, hint)?;
        let topic = table.parsed("topic", "a topic: letters, digits, dots, dashes and underscores, at most 249", topic);
        let topic = table.required("topic", topic, "the topic, which has to be there: topic = \"weir-events\"");
        let tls = table.flag("tls").unwrap_or(true);
        if !tls && !brokers.iter().filter_map(|broker| host(broker)).all(is_this_host) {
            table.problem("`tls = false` is for brokers on this host, and one is elsewhere", "leave `tls` out");
            return None;
        }
        let ca = ca(table, directory);
        let login = login(table, directory);
        let delivery = table.number("delivery_seconds", 2, 60).unwrap_or(10);
        Some(Self { brokers, topic: topic?, tls, ca, login: login?, delivery: Duration::from_secs(delivery) })
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits { entries: 2000, bytes: 4 << 20, linger: Duration::ZERO }
    }

    pub(super) fn place(&self) -> String {
        format!("{} of {}", self.topic, self.brokers.join(", "))
    }

    pub(super) fn secrets(&self) -> Vec<&Source> {
        self.login.iter().flat_map(|login| [&login.user, &login.password]).collect()
    }

    pub(super) async fn link(&self) -> Result<KafkaLink, Failure> {
        let place = self.place();
        let failed = |error: KrafkaError| Failure::again(foreign(&format!("{place}: {error}")));
        let once = self.delivery / 2;
        let kafka = krafka::Kafka::builder(self.brokers.join(","))
            .client_id("weir")
            .security(self.security()?)
            .connect_timeout(once / 2)
            .request_timeout(once)
            .max_response_size(16 << 20);
        let kafka = kafka.connect().await.map_err(failed)?;
        let producer = kafka
            .producer()
            .acks(Acks::All)
            .idempotent(true)
            .compression(Compression::Gzip)
            .batch_size(1 << 20)
            .linger(Duration::from_millis(2))
            .max_block(once)
            .delivery_timeout(self.delivery);
        let producer = producer.build().await.map_err(failed)?;
        Ok(KafkaLink { producer, topic: self.topic.clone(), place })
    }

    fn security(&self) -> Result<AuthConfig, Failure> {
        let tls = self.tls.then(|| match &self.ca {
            Some(ca) => TlsConfig::new().with_ca_cert(ca.display().to_string()),
            None => TlsConfig::new().with_native_roots(),
        });
        let Some(Login { mechanism, user, password }) = &self.login else {
            return Ok(tls.map_or_else(AuthConfig::plaintext, AuthConfig::ssl));
        };
        let (user, password) = (fetch(user)?.password.to_string(), fetch(password)?.password.to_string());
        let sasl = match mechanism {
            Mechanism::Plain => AuthConfig::sasl_plain(user, password),
            Mechanism::Scram256 => AuthConfig::sasl_scram_sha256(user, password),
            Mechanism::Scram512 => AuthConfig::sasl_scram_sha512(user, password),
        };
        Ok(match tls {
            Some(tls) => sasl.with_tls(tls),
            None => sasl,
        })
    }
}

/// The host of `host:port`.
fn host(broker: &str) -> Option<&str> {
    let (host, port) = broker.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let fit = port.parse::<u16>().is_ok() && !host.is_empty() && !host.contains(['/', '@', ',', ' ']);
    fit.then_some(host)
}

fn topic(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (!text.is_empty() && text.len() <= 249 && text.bytes().all(legal) && !matches!(text, "." | "..")).then(|| text.to_owned())
}

/// A user with a password, or nobody; `None` where that was written wrongly.
fn login(table: &mut Table<'_, '_>, directory: &Path) -> Option<Option<Login>> {
    let mechanism = table.parsed("sasl", "\"scram-sha-512\", \"scram-sha-256\" or \"plain\"", |text| match text {
        "plain" => Some(Mechanism::Plain),
        "scram-sha-256" => Some(Mechanism::Scram256),
        "scram-sha-512" => Some(Mechanism::Scram512),
        _ => None,
    });
    match (mechanism, secret(table, "username", directory), secret(table, "password", directory)) {
        (Some(mechanism), Some(user), Some(password)) => Some(Some(Login { mechanism, user, password })),
        (None, None, None) => Some(None),
        (_, _, _) => {
            table.problem("the login is not one", "give `sasl`, `username` and `password`, or none of them");
            None
        }
    }
}

impl KafkaLink {
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let mut deliveries = Vec::with_capacity(batch.len());
        let mut stopped = None;
        for (index, entry) in batch.iter().enumerate() {
            match self.producer.enqueue(record(&self.topic, entry)).await {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    stopped = Some(self.failure(index, &error));
                    break;
                }
            }
        }
        for (index, delivery) in deliveries.into_iter().enumerate() {
            delivery.await.map_err(|error| self.failure(index, &error))?;
        }
        stopped.map_or(Ok(()), Err)
    }

    fn failure(&self, index: usize, error: &KrafkaError) -> Failure {
        let why = foreign(&format!("{}: {error}", self.place));
        let never = matches!(
            error,
            KrafkaError::Broker {
                code: ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidRecord,
                ..
            }
        );
        if never { Failure::Refused { index, why } } else { Failure::Again { taken: index, why, wait: None } }
    }
}

fn record(topic: &str, entry: &Entry<'_>) -> Record {
    let record = Record::new(topic, entry.text.to_owned())
        .key(entry.session.to_string())
        .timestamp(i64::try_from(entry.at.0 / 1_000_000).unwrap_or_default())
        .header("weir-uid", entry.uid.to_owned())
        .header("weir-number", entry.number.to_string());
    if entry.again { record.header("weir-again", "true") } else { record }
}

#[cfg(test)]
mod tests {
    use super::super::checks::{Events, Secrets, send, survives, wrong};
    use super::*;
    use std::collections::BTreeMap;
    use weir_tests::receivers::Kafka as Cluster;

    fn kind(cluster: &Cluster) -> super::super::Kind {
        let brokers: Vec<_> = cluster.brokers.split(',').map(|broker| format!("\"{broker}\"")).collect();
        let text =
            format!("kind = \"kafka\"\nbrokers = [{}]\ntopic = \"weir\"\ntls = false\ndelivery_seconds = 2", brokers.join(", "));
        Secrets::with(&[]).kind(&text)
    }

    #[test]
    fn nothing_is_lost_by_brokers_that_go_down() {
        let mut cluster = Cluster::start();
        survives(&kind(&cluster), &mut cluster, 2);
    }

    #[tokio::test]
    async fn errors_of_a_broker_are_tried_again_and_a_session_keeps_its_order() {
        let cluster = Cluster::start();
        // Produce (0): not the leader, not enough replicas, and a request that timed out.
        cluster.fail(0, &[6, 19, 7]);
        let events = Events::new(0, 100);
        assert_eq!(send(&kind(&cluster), &events).await, Ok(()));
        let mut sessions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for record in cluster.records() {
            let number = record["headers"]["weir-number"].as_str().and_then(|number| number.parse().ok()).unwrap();
            sessions.entry(record["key"].as_str().unwrap().to_owned()).or_default().push(number);
        }
        assert_eq!((sessions.len(), sessions.values().map(Vec::len).sum::<usize>()), (7, 100));
        assert!(sessions.values().all(|numbers| numbers.is_sorted()), "{sessions:?}");
    }

    #[tokio::test]
    async fn a_record_that_is_too_large_is_refused() {
        let cluster = Cluster::start();
        cluster.fail(0, &[10]);
        let sent = send(&kind(&cluster), &Events::new(0, 1)).await;
        assert!(matches!(&sent, Err(Failure::Refused { index: 0, why }) if why.contains("MessageTooLarge")), "{sent:?}");
    }

    #[test]
    fn what_is_written_wrongly_is_said() {
        for (text, told) in [
            ("brokers = [\"kafka.example:9092\"]\ntopic = \"t\"\ntls = false", "`tls = false` is for brokers on this host"),
            ("brokers = [\"kafka.example\"]\ntopic = \"t\"", "`brokers` can't have"),
            ("brokers = []\ntopic = \"t\"", "`brokers` is empty"),
            ("brokers = [\"kafka.example:9093\"]\ntopic = \"a b\"", "`topic` can't be"),
            ("brokers = [\"kafka.example:9093\"]\ntopic = \"t\"\nsasl = \"plain\"", "the login is not one"),
        ] {
            let problems = wrong(&format!("kind = \"kafka\"\n{text}"));
            assert!(problems.contains(told), "{told}: {problems}");
        }
    }
}
