//! A real S3 server: moto (PyPI), which keeps object locks. It has its objects in memory alone, so what is killed is the way to it: every
//! connection is cut where it is, and a request that it has taken may have lost its answer.

use super::helper::Helper;
use super::{Receives, Told};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A running server with the buckets `locked` (default retention of a day, compliance) and `open`.
#[derive(Debug)]
pub struct S3 {
    helper: Helper,
    behind: u16,
    /// The port on 127.0.0.1 by which it is reached.
    pub port: u16,
    way: Option<Runtime>,
}

impl S3 {
    /// Starts one.
    pub fn start() -> Self {
        let (helper, port) = Helper::start("receiver_s3.py", &[]);
        let behind = port.as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        let mut s3 = Self { helper, behind, port: 0, way: None };
        s3.open();
        s3
    }

    /// The objects of a bucket: `key`, `lines`, `meta`, `sha256`, `retained` and `versions`, in the keys' order.
    pub fn objects(&self, bucket: &str) -> Vec<Value> {
        self.helper.ask(&json!({ "objects": bucket }).to_string()).as_array().cloned().expect("a list")
    }

    /// What the server says to the removal of an object's only version.
    pub fn remove(&self, bucket: &str, key: &str) -> String {
        self.helper.ask(&json!({ "remove": bucket, "key": key }).to_string()).as_str().unwrap_or_default().to_owned()
    }

    fn open(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", self.port))).expect("the port is free");
        self.port = listener.local_addr().expect("a bound socket has an address").port();
        let behind = self.behind;
        runtime.spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", behind)).await {
                        tokio::io::copy_bidirectional(&mut from, &mut to).await.ok();
                    }
                });
            }
        });
        self.way = Some(runtime);
    }
}

impl Receives for S3 {
    fn kill(&mut self) {
        if let Some(way) = self.way.take() {
            way.shutdown_timeout(Duration::from_secs(5));
        }
    }

    fn start(&mut self) {
        self.open();
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

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(way) = self.way.take() {
            way.shutdown_background();
        }
    }
}
