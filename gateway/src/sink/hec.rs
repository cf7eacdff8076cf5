//! `kind = "splunk"`: Splunk's HTTP event collector, whose 200 is believed only once the indexer has acknowledged.
//!
//! The protocol is in Splunk's "Getting Data In": "Format events for HTTP Event Collector", "About HTTP Event Collector Indexer
//! Acknowledgment" and "Troubleshoot HTTP Event Collector" (the codes).

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::halves::{Parts, Sent};
use super::http::{Answer, client, post};
use super::kind::Limits;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch, foreign, random_secret};
use crate::https::{Client, Url};
use gateway_core::hex::hex;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Between the first two looks at an acknowledgement; it doubles.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// And no longer than this.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hec {
    event: Url,
    acks: Url,
    /// The collector's token.
    token: Source,
    index: Option<String>,
    source_type: Option<String>,
    /// How long an acknowledgement is waited for; none is where the token has none.
    ack: Option<Duration>,
    ca: Option<PathBuf>,
}

/// A channel of acknowledgements.
pub(super) struct HecLink {
    client: Client,
    settings: Hec,
    headers: Vec<(&'static str, String)>,
}

impl Hec {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let hint = "the collector's address, without a path: url = \"https://splunk.acme.example:8088\"";
        let urls = table.parsed("url", hint, |text| {
            let base = text.trim_end_matches('/');
            let below = |path: &str| Url::read_local(&format!("{base}/services/collector/{path}")).ok();
            Some((below("event")?, below("ack")?))
        });
        let urls = table.required("url", urls, hint);
        let token = secret(table, "token", directory);
        let token = table.required("token", token, "the collector's token: token = \"env:WEIR_HEC_TOKEN\" or \"file:…\"");
        let word = |text: &str| (!text.is_empty() && text.len() <= 200).then(|| text.to_owned());
        let index = table.parsed("index", "the index's name", word);
        let source_type = table.parsed("source_type", "a source type: \"weir:ocsf\"", word);
        let seconds = table.number("ack_seconds", 1, 110).unwrap_or(25);
        let ack = table.flag("ack").unwrap_or(true).then(|| Duration::from_secs(seconds));
        let ca = ca(table, directory);
        let (event, acks) = urls?;
        Some(Self { event, acks, token: token?, index, source_type, ack, ca })
    }

    pub(super) const fn limits(&self) -> Limits {
        // An acknowledgement takes seconds: the larger the batch, the more is told in that time.
        Limits { entries: 5000, bytes: 4 << 20, linger: Duration::ZERO }
    }

    pub(super) fn place(&self) -> String {
        self.event.place()
    }

    pub(super) fn secrets(&self) -> Vec<&Source> {
        vec![&self.token]
    }

    pub(super) async fn link(&self) -> Result<HecLink, Failure> {
        let token = fetch(&self.token)?.password;
        let headers = vec![("authorization", format!("Splunk {}", token.trim())), ("x-splunk-request-channel", channel()?)];
        Ok(HecLink { client: client(self.ca.as_deref()), settings: self.clone(), headers })
    }
}

/// A new channel's id, a UUID (RFC 9562, version 4): what an earlier one was told of is nothing to this one.
fn channel() -> Result<String, Failure> {
    let mut random = random_secret()?;
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let text = hex(&random[..16]);
    Ok(format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]))
}

/// What the collector says to a batch.
#[derive(Deserialize)]
struct Said {
    code: i64,
    #[serde(rename = "ackId")]
    ack: Option<u64>,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<usize>,
}

#[derive(Deserialize)]
struct Acks {
    acks: BTreeMap<String, bool>,
}

impl HecLink {
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let mut parts = Parts::of(batch.len());
        while let Some(part) = parts.next() {
            let entries = batch.get(part.range.clone()).unwrap_or_default();
            let mut sent = self.offer(entries, part.again).await;
            if let Err(Failure::Refused { index: index @ 1.., .. }) = &sent {
                // Whether those before it are indexed is not said: they are told again, and marked.
                let front = self.offer(entries.get(..*index).unwrap_or_default(), true).await;
                sent = front.and(sent);
            }
            parts.over(part, sent)?;
        }
        Ok(())
    }

    async fn offer(&self, part: &[Entry<'_>], again: bool) -> Result<Sent, Failure> {
        let mut body = Vec::with_capacity(part.iter().map(|entry| entry.text.len() + 200).sum());
        for entry in part {
            self.write(&mut body, entry, again);
        }
        let answer = post(&self.client, &self.settings.event, &self.headers, body).await?;
        if answer.status == StatusCode::PAYLOAD_TOO_LARGE {
            return Ok(Sent::Halve("it is larger than what the collector takes".to_owned()));
        }
        let said = serde_json::from_slice::<Said>(&answer.body).ok();
        let Some(said) = said.filter(|_| matches!(answer.status, StatusCode::OK | StatusCode::BAD_REQUEST)) else {
            return Err(answer.failure(&self.settings.event));
        };
        match (answer.status, said) {
            (StatusCode::OK, Said { ack: Some(id), .. }) if self.settings.ack.is_some() => self.acknowledged(id).await,
            (StatusCode::OK, Said { .. }) if self.settings.ack.is_some() => Err(Failure::again(format!(
                "{} gives no acknowledgement for this token: enable indexer acknowledgement for it, or say ack = false",
                self.settings.event.place()
            ))),
            (StatusCode::OK, Said { .. }) => Ok(Sent::Taken),
            // No event, an event that is blank, one that is no JSON, or fields that are none: of these alone is one event the cause.
            (_, Said { code: 6 | 12 | 13 | 15, invalid, .. }) => match invalid.or((part.len() == 1).then_some(0)) {
                Some(index) if index < part.len() => Err(Failure::Refused { index, why: reason(&answer) }),
                Some(_) | None => Ok(Sent::Halve(reason(&answer))),
            },
            (_, Said { .. }) => Err(answer.failure(&self.settings.event)),
        }
    }

    fn write(&self, body: &mut Vec<u8>, entry: &Entry<'_>, again: bool) {
        let time = entry.at.0 / 1_000_000;
        let mut line = json!({
            "time": format!("{}.{:03}", time / 1000, time % 1000),
            "source": "weir",
            // Fields that are searched: whoever wants one of each looks at the uid.
            "fields": { "weir_uid": entry.uid, "weir_number": entry.number.to_string(), "weir_again": (entry.again || again).to_string() },
        });
        for (key, value) in [("index", &self.settings.index), ("sourcetype", &self.settings.source_type)] {
            if let Some(value) = value {
                line[key] = Value::from(value.as_str());
            }
        }
        // A text that is JSON is the event itself, as it is.
        let event = if entry.text.starts_with('{') { Cow::from(entry.text) } else { Value::from(entry.text).to_string().into() };
        let line = line.to_string();
        body.extend_from_slice(line.get(..line.len() - 1).unwrap_or_default().as_bytes());
        body.extend_from_slice(b",\"event\":");
        body.extend_from_slice(event.as_bytes());
        body.extend_from_slice(b"}\n");
    }

    /// Looks until the indexer has it: 200 alone is said before it is safe.
    async fn acknowledged(&self, id: u64) -> Result<Sent, Failure> {
        let patience = self.settings.ack.unwrap_or_default();
        let (deadline, mut pause) = (Instant::now() + patience, FIRST_LOOK);
        loop {
            let answer =
                post(&self.client, &self.settings.acks, &self.headers, json!({ "acks": [id] }).to_string().into_bytes()).await?;
            let acks = serde_json::from_slice::<Acks>(&answer.body).ok().filter(|_| answer.status == StatusCode::OK);
            let acks = acks.ok_or_else(|| answer.failure(&self.settings.acks))?;
            if acks.acks.get(&id.to_string()) == Some(&true) {
                return Ok(Sent::Taken);
            }
            if Instant::now() + pause > deadline {
                let (place, seconds) = (self.settings.event.place(), patience.as_secs());
                return Err(Failure::again(format!(
                    "{place} took the batch, and did not say within {seconds} s that it is indexed"
                )));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }
}

fn reason(answer: &Answer) -> String {
    foreign(&String::from_utf8_lossy(answer.body.get(..300).unwrap_or(&answer.body)))
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::checks::{Events, Secrets, send, survives, wrong};
    use super::*;
    use weir_tests::receivers::{Hec as Collector, HecManner, Receives as _};

    fn kind(collector: &Collector, more: &str) -> (Kind, Secrets) {
        let secrets = Secrets::with(&[("token", Collector::TOKEN), ("wrong", "hunter2-wrong-token")]);
        let text = format!("kind = \"splunk\"\nurl = \"http://127.0.0.1:{}\"\ntoken = \"file:token\"\n{more}", collector.port());
        let text = if more.contains("token") { text.replacen("token = \"file:token\"\n", "", 1) } else { text };
        (secrets.kind(&text), secrets)
    }

    #[test]
    fn nothing_is_lost_by_a_collector_that_dies_with_what_it_said_yes_to() {
        let mut collector = Collector::start(HecManner { busy_every: 11, lost_every: 7, ..HecManner::default() });
        let (kind, _secrets) = kind(&collector, "");
        assert!(survives(&kind, &mut collector, 4) > 0, "an answer that is lost has its events told twice");
    }

    #[tokio::test]
    async fn an_acknowledgement_that_never_comes_is_waited_for_in_bounds() {
        let collector = Collector::start(HecManner { lost_acks: 1, ..HecManner::default() });
        let (kind, _secrets) = kind(&collector, "ack_seconds = 1");
        let events = Events::new(0, 3);
        let failure = send(&kind, &events).await.unwrap_err().to_string();
        assert!(failure.contains("did not say within 1 s that it is indexed"), "{failure}");
        assert_eq!(send(&kind, &events).await, Ok(()));
        assert_eq!(collector.count(), 6);
    }

    #[tokio::test]
    async fn a_token_without_acknowledgement_is_told_of_and_goes_where_that_is_said() {
        let collector = Collector::start(HecManner { without_ack: true, ..HecManner::default() });
        let (asks, _one) = kind(&collector, "");
        let failure = send(&asks, &Events::new(0, 3)).await.unwrap_err().to_string();
        assert!(failure.contains("ack = false"), "{failure}");
        let (does_not, _two) = kind(&collector, "ack = false");
        assert_eq!(send(&does_not, &Events::new(3, 3)).await, Ok(()));
    }

    #[tokio::test]
    async fn one_event_that_is_none_is_refused_and_those_before_it_are_there() {
        let collector = Collector::start(HecManner::default());
        let (kind, _secrets) = kind(&collector, "index = \"weir\"\nsource_type = \"weir:ocsf\"");
        let events = Events::new(0, 5).with(1, "CEF:0|weir|a \"text\"").with(3, "{no json");
        let Err(Failure::Refused { index: 3, why }) = send(&kind, &events).await else { panic!("it is refused") };
        assert!(why.contains("Invalid data format"), "{why}");
        assert_eq!(collector.told().iter().map(|told| told.uid.clone()).collect::<Vec<_>>(), [0, 1, 2].map(|at| events.uid(at)));
    }

    #[tokio::test]
    async fn a_token_that_is_wrong_is_tried_again_and_not_shown() {
        let collector = Collector::start(HecManner::default());
        let (kind, _secrets) = kind(&collector, "token = \"file:wrong\"");
        let failure = send(&kind, &Events::new(0, 1)).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Again { taken: 0, why, .. } if why.contains("403") && !why.contains("hunter2")),
            "{failure}"
        );
    }

    #[test]
    fn what_is_written_wrongly_is_said() {
        let told = wrong("kind = \"splunk\"\nurl = \"http://splunk.example:8088\"\ntoken = \"hunter2\"\nack_seconds = 0");
        for part in ["`url` can't be", "no credential source", "`ack_seconds` can't be 0"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let id = channel().unwrap();
        assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");
    }
}
