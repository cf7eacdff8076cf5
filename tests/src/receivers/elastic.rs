//! Elasticsearch's bulk API as its reference has it; no registry that is reached has the server.
//!
//! From "Bulk": the answer is 200 with a status for each item, in their order, and `errors`; `create` of an id that is there is 409
//! (`version_conflict_engine_exception`); a shard that is busy answers 429 for its items alone (`es_rejected_execution_exception`); a
//! document that does not fit the mapping is 400 (`document_parsing_exception`). What was answered by 201 is in the translog, which a
//! kill does not lose.

use super::http::{Asked, HttpServer, Said};
use super::{Receives, Told};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A running cluster of one.
#[derive(Debug)]
pub struct Elastic {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    asked: u64,
    documents: BTreeMap<String, Value>,
    order: Vec<String>,
    /// Answers of 409 so far.
    conflicts: u64,
    /// Each so-many-th request has a few items that a busy shard refuses, and each other so-many-th loses its answer.
    unwell_every: u64,
}

impl Elastic {
    /// The key that it knows.
    pub const KEY: &str = "aHVudGVyMjprZXk=";

    /// One whose every so-many-th request goes partly wrong, or none with 0.
    pub fn start(unwell_every: u64) -> Self {
        let state = Arc::new(Mutex::new(State { unwell_every, ..State::default() }));
        let serving = Arc::clone(&state);
        let server = HttpServer::start(move |asked| serving.lock().unwrap_or_else(PoisonError::into_inner).answer(asked));
        Self { server, state }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// A document.
    pub fn document(&self, id: &str) -> Option<Value> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).documents.get(id).cloned()
    }

    /// How often something was there already.
    pub fn conflicts(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).conflicts
    }
}

impl Receives for Elastic {
    fn kill(&mut self) {
        self.server.kill();
    }

    fn start(&mut self) {
        self.server.again();
    }

    /// By the documents' own numbers: an index has no other order, and takes of a bulk what it can.
    fn told(&self) -> Vec<Told> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut uids = state.order.clone();
        uids.sort_by_key(|uid| state.documents.get(uid).and_then(|document| document["weir"]["number"].as_u64()));
        uids.into_iter().map(|uid| Told { uid, again: false }).collect()
    }

    fn count(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).order.len()
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Said {
        self.asked += 1;
        if asked.header("authorization") != format!("ApiKey {}", Elastic::KEY) {
            let reason = format!("unable to authenticate with {}", asked.header("authorization"));
            return Some((
                401,
                json!({ "error": { "type": "security_exception", "reason": reason }, "status": 401 }).to_string(),
            ));
        }
        let fits = asked.path == "/logs-weir-default/_bulk" && asked.header("content-type") == "application/x-ndjson";
        if !fits || !asked.body.ends_with(b"\n") {
            return Some((400, json!({ "error": { "type": "illegal_argument_exception" }, "status": 400 }).to_string()));
        }
        let unwell = self.unwell_every > 0 && self.asked.is_multiple_of(self.unwell_every);
        let lines: Vec<_> = asked.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let mut items = Vec::new();
        for (number, two) in lines.chunks(2).enumerate() {
            let [action, document] = two else { return Some((400, "an action without a document".to_owned())) };
            let action: Value = serde_json::from_slice(action).expect("an action is JSON");
            let id = action["create"]["_id"].as_str().expect("a create with an id").to_owned();
            items.push(self.create(id, document, unwell && number % 5 == 3));
        }
        let errors = items.iter().any(|item| item["create"]["error"].is_object());
        if !unwell && self.unwell_every > 0 && self.asked % self.unwell_every == 1 {
            return None;
        }
        // As its `filter_path` wants it: nothing else.
        assert!(asked.query.starts_with("filter_path=errors,items.create.status"), "{}", asked.query);
        Some((200, json!({ "errors": errors, "items": items }).to_string()))
    }

    fn create(&mut self, id: String, document: &[u8], busy: bool) -> Value {
        let wrong = |status: u16, kind: &str, reason: &str| json!({ "create": { "status": status, "error": { "type": kind, "reason": reason } } });
        let Ok(document) = serde_json::from_slice::<Value>(document) else {
            return wrong(400, "document_parsing_exception", "failed to parse");
        };
        let time = &document["@timestamp"];
        if !(time.is_u64() || time.is_string()) || document["n"].is_string() {
            return wrong(400, "document_parsing_exception", "failed to parse field [n] of type [long]");
        }
        if self.documents.contains_key(&id) {
            self.conflicts += 1;
            return wrong(409, "version_conflict_engine_exception", "document already exists");
        }
        if busy {
            return wrong(429, "es_rejected_execution_exception", "rejected execution of primary operation");
        }
        self.documents.insert(id.clone(), document);
        self.order.push(id);
        json!({ "create": { "status": 201 } })
    }
}
