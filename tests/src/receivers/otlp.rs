//! A receiver of OTLP logs over HTTP that decodes with OpenTelemetry's own protobuf code (PyPI opentelemetry-proto), and is killed for good.

use super::helper::Helper;
use super::{Receives, Told};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// A running receiver.
#[derive(Debug)]
pub struct Otlp {
    helper: Option<Helper>,
    /// Its port on 127.0.0.1.
    pub port: u16,
    folder: TempDir,
}

impl Otlp {
    /// The value of the header `api-key` that it wants.
    pub const KEY: &str = "hunter2-otlp-key";

    /// One that rejects every record whose body has `poison`, by a partial success.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("weir-otlp-").tempdir().expect("a temporary directory");
        let mut otlp = Self { helper: None, port: 0, folder };
        otlp.begin();
        otlp
    }

    /// All records, each with its resource.
    pub fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("records")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn begin(&mut self) {
        let folder = self.folder.path().to_str().expect("a path");
        let (helper, port) = Helper::start("receiver_otlp.py", &[&self.port.to_string(), folder, Self::KEY]);
        self.port = port.as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        self.helper = Some(helper);
    }
}

impl Receives for Otlp {
    fn kill(&mut self) {
        self.helper = None;
    }

    fn start(&mut self) {
        self.begin();
    }

    fn told(&self) -> Vec<Told> {
        let uid = |record: &Value| record["attributes"]["log.record.uid"].as_str().unwrap_or_default().to_owned();
        let told = |record: &Value| Told { uid: uid(record), again: record["attributes"]["weir.again"] == json!(true) };
        self.records().iter().map(told).collect()
    }
}
