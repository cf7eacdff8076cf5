//! A real S3 server: moto (PyPI), which keeps object locks. It has its objects in memory alone, so it is the way to it that is killed.

use super::helper::Helper;
use super::way::Way;
use super::{Receives, Told};
use serde_json::{Value, json};

/// A running server with the buckets `locked` (default retention of a day, compliance) and `open`.
#[derive(Debug)]
pub struct S3 {
    helper: Helper,
    way: Way,
}

impl S3 {
    /// Starts one.
    pub fn start() -> Self {
        let (helper, port) = Helper::start("receiver_s3.py", &[]);
        let behind = port.as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        Self { helper, way: Way::to(behind, None) }
    }

    /// The port on 127.0.0.1 by which it is reached.
    pub fn port(&self) -> u16 {
        self.way.port
    }

    /// The objects of a bucket: `key`, `lines`, `meta`, `sha256`, `retained` and `versions`, in the keys' order.
    pub fn objects(&self, bucket: &str) -> Vec<Value> {
        self.helper.ask(&json!({ "objects": bucket }).to_string()).as_array().cloned().expect("a list")
    }

    /// What the server says to the removal of an object's only version.
    pub fn remove(&self, bucket: &str, key: &str) -> String {
        self.helper.ask(&json!({ "remove": bucket, "key": key }).to_string()).as_str().unwrap_or_default().to_owned()
    }
}

impl Receives for S3 {
    fn kill(&mut self) {
        self.way.cut();
    }

    fn start(&mut self) {
        self.way.open();
    }

    fn told(&self) -> Vec<Told> {
        let mut told = Vec::new();
        for object in self.objects("locked") {
            for line in object["lines"].as_array().expect("a list") {
                let event: Value = serde_json::from_str(line.as_str().unwrap_or_default()).expect("a line is JSON");
                let again = event["weir"]["again"] == true;
                assert!(!again || object["meta"]["weir-again"] != "0", "the object says so, too");
                told.push(Told { uid: event["uid"].as_str().unwrap_or_default().to_owned(), again });
            }
        }
        told
    }
}
