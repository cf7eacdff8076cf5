//! Splunk's HTTP event collector as its documentation has it; no registry has Splunk.
//!
//! From "About HTTP Event Collector Indexer Acknowledgment": a request needs a channel; 200 with an `ackId` means that the data looks
//! valid, and no more; what is not yet indexed when Splunk ends is lost, with its ids; a status of `true` is told once. From "Troubleshoot
//! HTTP Event Collector": the codes and their statuses. So a client that believes the 200 loses events here.

use super::http::{Asked, HttpServer, Said};
use super::{Receives, Told};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How it behaves beyond what is documented, where that may happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct HecManner {
    /// The token has no acknowledgement.
    pub without_ack: bool,
    /// So many first acknowledgements are never said, though all is indexed.
    pub lost_acks: u64,
    /// Each so-many-th request is answered by 503, code 9.
    pub busy_every: u64,
    /// Of each so-many-th batch that is taken, and indexed, the answer is lost.
    pub lost_every: u64,
}

/// A running collector.
#[derive(Debug)]
pub struct Hec {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    manner: HecManner,
    asked: u64,
    ids: u64,
    /// What waits to be indexed, by channel and id, and how often it was asked for.
    waiting: HashMap<(String, u64), (Vec<Told>, u64)>,
    indexed: Vec<Told>,
}

impl Hec {
    /// The token that it knows.
    pub const TOKEN: &str = "11111111-2222-3333-4444-hunter2token";

    /// Starts one.
    pub fn start(manner: HecManner) -> Self {
        let state = Arc::new(Mutex::new(State { manner, ..State::default() }));
        let serving = Arc::clone(&state);
        let server = HttpServer::start(move |asked| serving.lock().unwrap_or_else(PoisonError::into_inner).answer(asked));
        Self { server, state }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receives for Hec {
    fn kill(&mut self) {
        self.server.kill();
        self.state().waiting.clear();
    }

    fn start(&mut self) {
        self.server.again();
    }

    fn told(&self) -> Vec<Told> {
        self.state().indexed.clone()
    }

    fn count(&self) -> usize {
        self.state().indexed.len()
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Said {
        self.asked += 1;
        let channel = asked.header("x-splunk-request-channel").to_owned();
        let said = |status: u16, text: &str, code: u16| Some((status, json!({ "text": text, "code": code }).to_string()));
        match asked.header("authorization").split_once(' ') {
            None => return said(401, "Token is required", 2),
            Some(("Splunk", token)) if token == Hec::TOKEN => {}
            Some(("Splunk", _)) => return said(403, "Invalid token", 4),
            Some(_) => return said(401, "Invalid authorization", 3),
        }
        if channel.len() != 36 {
            return said(400, "Data channel is missing", 10);
        }
        if self.manner.busy_every > 0 && self.asked.is_multiple_of(self.manner.busy_every) {
            return said(503, "Server is busy", 9);
        }
        match asked.path.as_str() {
            "/services/collector/event" => self.take(asked, channel),
            "/services/collector/ack" if self.manner.without_ack => said(400, "ACK is disabled", 14),
            "/services/collector/ack" => self.look(asked, &channel),
            _ => said(404, "The requested URL was not found on this server.", 404),
        }
    }

    fn take(&mut self, asked: &Asked, channel: String) -> Said {
        let mut told = Vec::new();
        let bad = |code: u16, text: &str, number: usize| {
            Some((400, json!({ "text": text, "code": code, "invalid-event-number": number }).to_string()))
        };
        for (number, event) in serde_json::Deserializer::from_slice(&asked.body).into_iter::<Value>().enumerate() {
            let Ok(event) = event else { return bad(6, "Invalid data format", number) };
            match event.get("event") {
                None => return bad(12, "Event field is required", number),
                Some(Value::String(text)) if text.is_empty() => return bad(13, "Event field cannot be blank", number),
                Some(_) => {}
            }
            let field = |name: &str| event["fields"][name].as_str().unwrap_or_default().to_owned();
            told.push(Told { uid: field("weir_uid"), again: field("weir_again") == "true" });
        }
        if told.is_empty() {
            return Some((400, json!({ "text": "No data", "code": 5 }).to_string()));
        }
        self.ids += 1;
        let lost = self.manner.lost_every > 0 && self.ids.is_multiple_of(self.manner.lost_every);
        let mut said = json!({ "text": "Success", "code": 0 });
        if self.manner.without_ack || lost {
            self.indexed.append(&mut told);
        } else {
            said["ackId"] = json!(self.ids);
            self.waiting.insert((channel, self.ids), (told, 0));
        }
        (!lost).then(|| (200, said.to_string()))
    }

    /// The second look at an id finds it indexed.
    fn look(&mut self, asked: &Asked, channel: &str) -> Said {
        let ids: Value = serde_json::from_slice(&asked.body).expect("JSON");
        let mut acks = json!({});
        for id in ids["acks"].as_array().expect("a list").iter().filter_map(Value::as_u64) {
            let key = (channel.to_owned(), id);
            if let Some((_, looks)) = self.waiting.get_mut(&key) {
                *looks += 1;
            }
            let indexed = self.waiting.get(&key).is_some_and(|(_, looks)| *looks > 1);
            if indexed && let Some((mut told, _)) = self.waiting.remove(&key) {
                self.indexed.append(&mut told);
            }
            let lost = indexed && self.manner.lost_acks > 0;
            self.manner.lost_acks -= u64::from(lost);
            acks[id.to_string()] = json!(indexed && !lost);
        }
        Some((200, json!({ "acks": acks }).to_string()))
    }
}
