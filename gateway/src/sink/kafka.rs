//! `kind = "kafka"`: records of a topic, acknowledged by all replicas in sync; a session's records are in one partition, in their order.

#[cfg(feature = "kafka")]
mod producer;

use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::{Table, ca, secret};
use crate::credential::Source;
use crate::https::is_this_host;
#[cfg(feature = "kafka")]
pub(super) use producer::KafkaLink;
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

impl Kafka {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        if !cfg!(feature = "kafka") {
            table.problem("this build of weir has no Kafka", "build it with the feature `kafka`");
        }
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

    #[cfg(feature = "kafka")]
    pub(super) async fn link(&self) -> Result<KafkaLink, Failure> {
        KafkaLink::new(self).await
    }

    #[cfg(not(feature = "kafka"))]
    pub(super) async fn link(&self) -> Result<KafkaLink, Failure> {
        Err(Failure::again("this build of weir has no Kafka"))
    }
}

/// In place of a producer, in a build without one.
#[cfg(not(feature = "kafka"))]
pub(super) struct KafkaLink;

#[cfg(not(feature = "kafka"))]
impl KafkaLink {
    pub(super) async fn send(&mut self, _batch: &[super::Entry<'_>]) -> Result<(), Failure> {
        Err(Failure::again("this build of weir has no Kafka"))
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

#[cfg(all(test, feature = "kafka"))]
mod tests {
    use super::super::Kind;
    use super::super::checks::{Events, Secrets, send, survives, wrong};
    use std::collections::BTreeMap;
    use weir_tests::receivers::Kafka as Broker;

    fn kind(broker: &Broker) -> (Kind, Secrets) {
        let text = format!(
            "kind = \"kafka\"\nbrokers = [\"127.0.0.1:{}\"]\ntopic = \"weir\"\nca = \"file:{}\"\ndelivery_seconds = 2",
            broker.port(),
            broker.ca().display()
        );
        let secrets = Secrets::with(&[]);
        (secrets.kind(&text), secrets)
    }

    #[test]
    fn nothing_is_lost_by_a_broker_that_can_not_be_reached() {
        let mut broker = Broker::start();
        let (kind, _secrets) = kind(&broker);
        survives(&kind, &mut broker, 2);
    }

    #[tokio::test]
    async fn another_client_reads_what_is_sent_and_a_session_keeps_its_order() {
        let broker = Broker::start();
        let (kind, _secrets) = kind(&broker);
        let events = Events::new(0, 100);
        assert_eq!(send(&kind, &events).await, Ok(()));
        let records = broker.records();
        let mut sessions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for record in &records {
            let number = record["headers"]["weir-number"].as_str().and_then(|number| number.parse().ok()).unwrap();
            sessions.entry(record["key"].as_str().unwrap().to_owned()).or_default().push(number);
        }
        assert_eq!((sessions.len(), sessions.values().map(Vec::len).sum::<usize>()), (7, 100));
        assert!(sessions.values().all(|numbers| numbers.is_sorted()), "{sessions:?}");
        let entries = events.entries(false);
        let first = records.iter().find(|record| record["headers"]["weir-number"] == "1").unwrap();
        assert_eq!(
            (first["value"].as_str(), first["key"].as_str()),
            (Some(entries[0].text), Some(&*entries[0].session.to_string()))
        );
    }

    #[tokio::test]
    async fn a_broker_whose_certificate_is_not_known_gets_nothing() {
        let broker = Broker::start();
        let (Kind::Kafka(mut untrusted), _secrets) = kind(&broker) else { panic!("it is of that kind") };
        untrusted.ca = None;
        let failure = send(&Kind::Kafka(untrusted), &Events::new(0, 1)).await.unwrap_err().to_string();
        assert!(failure.contains("certificate") || failure.contains("TLS"), "{failure}");
        assert!(broker.records().is_empty());
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
