//! The producer of Kafka's records: idempotent, and acknowledged by all replicas in sync.

use super::super::halves::{Parts, Sent};
use super::super::{Entry, Failure};
use super::{Kafka, Login, Mechanism};
use crate::credential::{fetch, foreign};
use krafka::auth::{AuthConfig, TlsConfig};
use krafka::error::{ErrorCode, KrafkaError};
use krafka::producer::{Acks, Producer};
use krafka::{Compression, Record};
use std::time::Duration;

/// A producer with an id of its own.
pub(in crate::sink) struct KafkaLink {
    producer: Producer,
    topic: String,
    place: String,
}

impl KafkaLink {
    pub(in crate::sink) async fn new(settings: &Kafka) -> Result<Self, Failure> {
        let place = settings.place();
        let failed = |error: KrafkaError| Failure::again(foreign(&format!("{place}: {error}")));
        let once = settings.delivery / 2;
        let kafka = krafka::Kafka::builder(settings.brokers.join(","))
            .client_id("weir")
            .security(security(settings)?)
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
            .delivery_timeout(settings.delivery);
        let producer = producer.build().await.map_err(failed)?;
        Ok(Self { producer, topic: settings.topic.clone(), place })
    }

    pub(in crate::sink) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let mut parts = Parts::of(batch.len());
        while let Some(part) = parts.next() {
            let sent = self.offer(batch.get(part.range.clone()).unwrap_or_default(), part.again).await;
            parts.over(part, sent)?;
        }
        Ok(())
    }

    async fn offer(&self, part: &[Entry<'_>], again: bool) -> Result<Sent, Failure> {
        let mut deliveries = Vec::with_capacity(part.len());
        let mut stopped = None;
        for entry in part {
            match self.producer.enqueue(record(&self.topic, entry, again)).await {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    stopped = Some(error);
                    break;
                }
            }
        }
        // In their order: what was acknowledged before the first that was not is there.
        let mut taken = 0;
        for delivery in deliveries {
            match delivery.await {
                Ok(_acknowledged) => taken += 1,
                Err(error) => return self.judge(taken, &error),
            }
        }
        stopped.map_or(Ok(Sent::Taken), |error| self.judge(taken, &error))
    }

    fn judge(&self, taken: usize, error: &KrafkaError) -> Result<Sent, Failure> {
        let why = foreign(&format!("{}: {error}", self.place));
        match error {
            // Of a whole batch of the client's, for one record in it, or for all of them together.
            KrafkaError::Broker {
                code: ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidRecord,
                ..
            } => Ok(Sent::Halve(why)),
            _ => Err(Failure::Again { taken, why, wait: None }),
        }
    }
}

fn security(settings: &Kafka) -> Result<AuthConfig, Failure> {
    let tls = settings.tls.then(|| match &settings.ca {
        Some(ca) => TlsConfig::new().with_ca_cert(ca.display().to_string()),
        None => TlsConfig::new().with_native_roots(),
    });
    let Some(Login { mechanism, user, password }) = &settings.login else {
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

fn record(topic: &str, entry: &Entry<'_>, again: bool) -> Record {
    let record = Record::new(topic, entry.text.to_owned())
        .key(entry.session.to_string())
        .timestamp(i64::try_from(entry.at.0 / 1_000_000).unwrap_or_default())
        .header("weir-uid", entry.uid.to_owned())
        .header("weir-number", entry.number.to_string());
    if entry.again || again { record.header("weir-again", "true") } else { record }
}
