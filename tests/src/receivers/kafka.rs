//! librdkafka's mock cluster and its consumer (PyPI confluent-kafka): another implementation of the protocol than the sink's. Its brokers are
//! taken down and up, and answer errors, as they are told.

use super::helper::Helper;
use super::{Receives, Told};
use serde_json::{Value, json};

/// A running cluster of three with the topic `weir`.
#[derive(Debug)]
pub struct Kafka {
    helper: Helper,
    /// Its brokers, as clients are told of them.
    pub brokers: String,
}

impl Kafka {
    /// Starts one.
    pub fn start() -> Self {
        let (helper, brokers) = Helper::start("receiver_kafka.py", &[]);
        Self { helper, brokers: brokers.as_str().expect("a list").to_owned() }
    }

    /// The next answers to requests of this kind are these errors (Kafka's numbers).
    pub fn fail(&self, request: i64, errors: &[i64]) {
        self.helper.ask(&json!({ "fail": request, "errors": errors }).to_string());
    }

    /// All records: `partition`, `key`, `value` and `headers`, in each partition's order.
    pub fn records(&self) -> Vec<Value> {
        self.helper.ask(&json!({ "records": true }).to_string()).as_array().cloned().expect("a list")
    }
}

impl Receives for Kafka {
    fn kill(&mut self) {
        self.helper.ask(&json!({ "down": true }).to_string());
    }

    fn start(&mut self) {
        self.helper.ask(&json!({ "up": true }).to_string());
    }

    fn told(&self) -> Vec<Told> {
        let header = |record: &Value, name: &str| record["headers"][name].as_str().unwrap_or_default().to_owned();
        let told = |record: &Value| Told { uid: header(record, "weir-uid"), again: header(record, "weir-again") == "true" };
        self.records().iter().map(told).collect()
    }
}
