//! `kind = "elasticsearch"`: Elasticsearch's and OpenSearch's bulk API, where each event is created once under its own id.
//!
//! The protocol is in Elasticsearch's REST reference, "Bulk"; OpenSearch has the same.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::halves::{Parts, Sent};
use super::http::{Answer, client, post};
use super::kind::Limits;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch, foreign};
use crate::https::{Client, Url};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elastic {
    bulk: Url,
    login: Option<Login>,
    ca: Option<PathBuf>,
}

/// Who weir is to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Login {
    ApiKey(Source),
    Basic { user: Source, password: Source },
}

/// What asks.
pub(super) struct ElasticLink {
    client: Client,
    bulk: Url,
    headers: Vec<(&'static str, String)>,
}

impl Elastic {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ecs;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let hint = "the index, or the data stream: index = \"logs-weir-default\"";
        let index = table.parsed("index", hint, index);
        let index = table.required("index", index, hint);
        let hint = "the cluster's address: url = \"https://elastic.acme.example:9200\"";
        let bulk = table.parsed("url", hint, |text| {
            // Of an answer for each of thousands, only what says which was not taken.
            let shown = "filter_path=errors,items.create.status,items.create.error.type,items.create.error.reason";
            let index = index.as_deref().unwrap_or("index");
            Url::read_local(&format!("{}/{index}/_bulk?{shown}", text.trim_end_matches('/'))).ok()
        });
        let bulk = table.required("url", bulk, hint);
        let login = login(table, directory);
        let ca = ca(table, directory);
        index?;
        Some(Self { bulk: bulk?, login: login?, ca })
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits { entries: 2000, bytes: 4 << 20, linger: Duration::ZERO }
    }

    pub(super) fn place(&self) -> String {
        self.bulk.place()
    }

    pub(super) fn secrets(&self) -> Vec<&Source> {
        match &self.login {
            Some(Login::ApiKey(key)) => vec![key],
            Some(Login::Basic { user, password }) => vec![user, password],
            None => Vec::new(),
        }
    }

    pub(super) async fn link(&self) -> Result<ElasticLink, Failure> {
        let mut headers = vec![("content-type", "application/x-ndjson".to_owned())];
        match &self.login {
            Some(Login::ApiKey(key)) => headers.push(("authorization", format!("ApiKey {}", fetch(key)?.password.trim()))),
            Some(Login::Basic { user, password }) => {
                let both = format!("{}:{}", fetch(user)?.password.as_str(), fetch(password)?.password.as_str());
                headers.push(("authorization", format!("Basic {}", STANDARD.encode(both))));
            }
            None => {}
        }
        Ok(ElasticLink { client: client(self.ca.as_deref()), bulk: self.bulk.clone(), headers })
    }
}

/// As Elasticsearch has it: no capitals, nothing that is a path, a pattern or a list.
fn index(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let fit = !text.is_empty() && text.len() <= 255 && text.bytes().all(legal) && !text.starts_with(['-', '_', '.']);
    fit.then(|| text.to_owned())
}

/// An API key, a user with a password, or nobody; `None` where that was written wrongly.
fn login(table: &mut Table<'_, '_>, directory: &Path) -> Option<Option<Login>> {
    let (key, user, password) =
        (secret(table, "api_key", directory), secret(table, "username", directory), secret(table, "password", directory));
    match (key, user, password) {
        (Some(key), None, None) => Some(Some(Login::ApiKey(key))),
        (None, Some(user), Some(password)) => Some(Some(Login::Basic { user, password })),
        (None, None, None) => Some(None),
        (Some(_), ..) | (None, Some(_), None) | (None, None, Some(_)) => {
            table.problem("the login is not one", "give `api_key`, or `username` and `password`, or none of them");
            None
        }
    }
}

/// What the cluster says to a batch.
#[derive(Deserialize)]
struct Said {
    errors: bool,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    #[serde(default)]
    error: Option<Value>,
}

impl ElasticLink {
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let mut parts = Parts::of(batch.len());
        while let Some(part) = parts.next() {
            let sent = self.offer(batch.get(part.range.clone()).unwrap_or_default()).await;
            parts.over(part, sent)?;
        }
        Ok(())
    }

    async fn offer(&self, part: &[Entry<'_>]) -> Result<Sent, Failure> {
        let mut body = Vec::with_capacity(part.iter().map(|entry| entry.text.len() + 120).sum());
        for entry in part {
            write(&mut body, entry);
        }
        let answer = post(&self.client, &self.bulk, &self.headers, body).await?;
        if answer.status == StatusCode::PAYLOAD_TOO_LARGE {
            return Ok(Sent::Halve("it is larger than what the cluster takes".to_owned()));
        }
        let said = serde_json::from_slice::<Said>(&answer.body).ok().filter(|_| answer.status == StatusCode::OK);
        let said = said.ok_or_else(|| answer.failure(&self.bulk))?;
        if !said.errors {
            return Ok(Sent::Taken);
        }
        self.judge(&said, part.len(), &answer)
    }

    /// The first that is not there decides: those behind it are sent again, and are there already where they were taken.
    fn judge(&self, said: &Said, len: usize, answer: &Answer) -> Result<Sent, Failure> {
        if said.items.len() != len {
            return Err(Failure::again(format!("{} told of {} of {len} events", self.bulk.place(), said.items.len())));
        }
        let missing = said.items.iter().enumerate().find(|(_, item)| !matches!(item.create.status, 200..300 | 409));
        let Some((index, Item { create: Created { status, error } })) = missing else { return Ok(Sent::Taken) };
        let part = |name| error.as_ref().and_then(|error| error.get(name)?.as_str()).unwrap_or_default();
        let why = foreign(&format!("{} answered {status} for an event: {} {}", self.bulk.place(), part("type"), part("reason")));
        match status {
            // What is wrong with it now will be wrong with it tomorrow.
            400 | 413 => Err(Failure::Refused { index, why }),
            // 404 (no such index), 403 and 429 and all others are the cluster's, and pass.
            _ => Err(Failure::Again { taken: index, why, wait: answer.wait }),
        }
    }
}

/// Two lines: to create it under its own id, so that one that is sent again is refused (409) where it is there; and the event.
fn write(body: &mut Vec<u8>, entry: &Entry<'_>) {
    body.extend_from_slice(json!({ "create": { "_id": entry.uid } }).to_string().as_bytes());
    body.push(b'\n');
    // A data stream takes nothing without a time; the formats that have none by this name get it.
    let time = entry.at.0 / 1_000_000;
    if !entry.text.starts_with('{') {
        let wrapped = json!({ "@timestamp": time, "weir": { "number": entry.number }, "message": entry.text });
        body.extend_from_slice(wrapped.to_string().as_bytes());
    } else if entry.text.contains("\"@timestamp\"") {
        body.extend_from_slice(entry.numbered().as_bytes());
    } else {
        body.extend_from_slice(format!("{{\"@timestamp\":{time},").as_bytes());
        body.extend_from_slice(entry.numbered().get(1..).unwrap_or_default().as_bytes());
    }
    body.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::checks::{Events, Secrets, send, survives, wrong};
    use super::*;
    use weir_tests::receivers::{Elastic as Cluster, Receives as _};

    fn kind(cluster: &Cluster, key: &str) -> (Kind, Secrets) {
        let secrets = Secrets::with(&[("key", Cluster::KEY), ("wrong", "hunter2-wrong-key")]);
        let text = format!(
            "kind = \"elasticsearch\"\nurl = \"http://127.0.0.1:{}/\"\nindex = \"logs-weir-default\"\napi_key = \"file:{key}\"",
            cluster.port()
        );
        (secrets.kind(&text), secrets)
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_there_twice() {
        let mut cluster = Cluster::start(3);
        let (kind, _secrets) = kind(&cluster, "key");
        assert_eq!(survives(&kind, &mut cluster, 4), 0);
        assert!(cluster.conflicts() > 0, "what was told again was there already");
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_by_its_place_and_the_rest_goes_on() {
        let cluster = Cluster::start(0);
        let (kind, _secrets) = kind(&cluster, "key");
        let events = Events::new(0, 5).with(0, "CEF:0|weir|x").with(1, "{}").with(3, "{\"n\":\"no number\"}");
        let Err(Failure::Refused { index: 3, why }) = send(&kind, &events).await else { panic!("it is refused") };
        assert!(why.contains("document_parsing_exception failed to parse field"), "{why}");
        assert_eq!(cluster.document(&events.uid(0)).unwrap()["message"], "CEF:0|weir|x");
        assert_eq!(cluster.document(&events.uid(2)).unwrap()["@timestamp"], 1_764_000_000_003_u64);
        assert_eq!(cluster.count(), 4, "those behind it were taken in the same request");
    }

    #[tokio::test]
    async fn a_key_that_is_wrong_is_tried_again_and_not_shown() {
        let cluster = Cluster::start(0);
        let (kind, _secrets) = kind(&cluster, "wrong");
        let failure = send(&kind, &Events::new(0, 1)).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Again { taken: 0, why, .. } if why.contains("401") && !why.contains("hunter2")),
            "{failure}"
        );
    }

    #[test]
    fn what_is_written_wrongly_is_said() {
        for (text, told) in [
            ("url = \"https://a.example\"\nindex = \"Weir\"", "`index` can't be"),
            ("url = \"https://a.example\"\nindex = \"a/../b\"", "`index` can't be"),
            ("url = \"http://a.example\"\nindex = \"weir\"", "`url` can't be"),
            ("index = \"weir\"", "`url` is missing"),
            ("url = \"https://a.example\"\nindex = \"weir\"\nusername = \"env:U\"", "the login is not one"),
        ] {
            let problems = wrong(&format!("kind = \"elasticsearch\"\n{text}"));
            assert!(problems.contains(told), "{told}: {problems}");
        }
    }
}
