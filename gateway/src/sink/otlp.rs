//! `kind = "otlp"`: log records of OpenTelemetry, as protobuf over HTTP.
//!
//! The protocol is OTLP 1.x, "OTLP/HTTP"; the messages have the field numbers of opentelemetry-proto's `logs/v1`, `common/v1` and
//! `resource/v1`. The crate of that name is not used: it brings OpenTelemetry's SDK along, for six messages.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::halves::{Parts, Sent};
use super::http::{client, post};
use super::kind::Limits;
use crate::config::{Table, ca};
use crate::credential::{Source, fetch, foreign};
use crate::https::{Client, Url};
use crate::telemetry::host_name;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use prost::Message as _;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    logs: Url,
    /// Headers with their values: keys and tokens.
    headers: Vec<(String, Source)>,
    /// What the resource is said to be, besides its name and host.
    resource: BTreeMap<String, String>,
    gzip: bool,
    ca: Option<PathBuf>,
}

/// What asks.
pub(super) struct OtlpLink {
    client: Client,
    logs: Url,
    headers: Vec<(String, String)>,
    resource: Resource,
    gzip: bool,
}

impl Otlp {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let hint = "the collector's address for OTLP over HTTP: url = \"https://otel.acme.example:4318\"";
        let logs = table.parsed("url", hint, |text| {
            let base = text.trim_end_matches('/');
            Url::read_local(&if base.ends_with("/v1/logs") { base.to_owned() } else { format!("{base}/v1/logs") }).ok()
        });
        let logs = table.required("url", logs, hint);
        let headers = headers(table, directory);
        let resource = table.table("resource").map(Table::pairs).unwrap_or_default();
        let gzip = table.parsed("compression", "\"gzip\" or \"none\"", |text| match text {
            "gzip" => Some(true),
            "none" => Some(false),
            _ => None,
        });
        let ca = ca(table, directory);
        Some(Self { logs: logs?, headers: headers?, resource, gzip: gzip.unwrap_or(true), ca })
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits { entries: 1000, bytes: 2 << 20, linger: Duration::ZERO }
    }

    pub(super) fn place(&self) -> String {
        self.logs.place()
    }

    pub(super) fn secrets(&self) -> Vec<&Source> {
        self.headers.iter().map(|(_, source)| source).collect()
    }

    pub(super) async fn link(&self) -> Result<OtlpLink, Failure> {
        let mut headers = vec![("content-type".to_owned(), "application/x-protobuf".to_owned())];
        if self.gzip {
            headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
        }
        for (name, source) in &self.headers {
            let value = fetch(source)?.password;
            let unfit = |_| Failure::again(format!("the value of the header {name} can't stand in a request"));
            HeaderValue::from_str(value.trim()).map_err(unfit)?;
            headers.push((name.clone(), value.trim().to_owned()));
        }
        let host = host_name();
        let own = [("service.name", "weir"), ("service.version", env!("CARGO_PKG_VERSION")), ("host.name", &host)];
        let own = own.into_iter().filter(|(key, _)| !self.resource.contains_key(*key)).map(|(key, value)| pair(key, value));
        let attributes = own.chain(self.resource.iter().map(|(key, value)| pair(key, value))).collect();
        let (client, logs) = (client(self.ca.as_deref()), self.logs.clone());
        Ok(OtlpLink { client, logs, headers, resource: Resource { attributes }, gzip: self.gzip })
    }
}

/// `[sink.headers]`: names, and references to their values; `None` where one is wrong.
fn headers(table: &mut Table<'_, '_>, directory: &Path) -> Option<Vec<(String, Source)>> {
    let Some(written) = table.table("headers") else { return Some(Vec::new()) };
    let span = written.span.clone();
    let mut headers = Some(Vec::new());
    for (name, text) in written.pairs() {
        let full = match text.strip_prefix("file:") {
            Some(path) => format!("file:{}", directory.join(path).display()),
            None => text,
        };
        match (name.parse::<HeaderName>(), Source::parse(&full)) {
            (Ok(_), Ok(source)) => headers.iter_mut().for_each(|headers| headers.push((name.clone(), source.clone()))),
            (Err(_), _) => {
                table.problem_at(span.clone(), format!("`{name}` is no header's name"), "letters, digits and dashes");
                headers = None;
            }
            (Ok(_), Err(error)) => {
                let hint = "a header's value is a secret: name the variable or the file that holds it";
                table.problem_at(span.clone(), format!("`headers.{name}`: {error}"), hint);
                headers = None;
            }
        }
    }
    headers
}

impl OtlpLink {
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let mut parts = Parts::of(batch.len());
        while let Some(part) = parts.next() {
            let sent = self.offer(batch.get(part.range.clone()).unwrap_or_default(), part.again).await;
            parts.over(part, sent)?;
        }
        Ok(())
    }

    async fn offer(&self, part: &[Entry<'_>], again: bool) -> Result<Sent, Failure> {
        let scope = Scope { name: "weir".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let records = part.iter().map(|entry| record(entry, again)).collect();
        let logs = ResourceLogs { resource: Some(self.resource.clone()), scope: vec![ScopeLogs { scope: Some(scope), records }] };
        let body = self.packed(Request { logs: vec![logs] }.encode_to_vec())?;
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let answer = post(&self.client, &self.logs, &headers, body).await?;
        match answer.status {
            status if status.is_success() => {}
            StatusCode::PAYLOAD_TOO_LARGE => return Ok(Sent::Halve("it is larger than what the collector takes".to_owned())),
            // What can't be decoded or is not allowed: of the whole, or of one that is in it.
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                return Ok(Sent::Halve(foreign(&answer.failure(&self.logs).to_string())));
            }
            _ => return Err(answer.failure(&self.logs)),
        }
        // An answer that is none, of a proxy say, is no yes.
        let said = Answer::decode(&*answer.body).map_err(|_| answer.failure(&self.logs))?;
        match said.partial {
            // Which ones is not said, and one that is not taken has to be set aside by name.
            Some(Partial { rejected: 1.., message }) => {
                let place = self.logs.place();
                Ok(Sent::Halve(foreign(&format!("{place} rejected it: {message}"))))
            }
            Some(Partial { .. }) | None => Ok(Sent::Taken),
        }
    }

    fn packed(&self, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
        if !self.gzip {
            return Ok(body);
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&body).and_then(|()| gzip.finish()).map_err(Failure::again)
    }
}

fn record(entry: &Entry<'_>, again: bool) -> Record {
    // Of each severity, the first of its range: INFO, INFO2, WARN, ERROR.
    let (severity, name) = match entry.severity {
        0 => (9, "informational"),
        1 => (10, "low"),
        2 => (13, "medium"),
        _ => (17, "high"),
    };
    let mut attributes = vec![
        // OpenTelemetry's own name for what tells two copies apart from two events.
        pair("log.record.uid", entry.uid),
        pair("weir.session", &entry.session.to_string()),
        KeyValue { key: "weir.number".to_owned(), value: Some(number(entry.number)) },
    ];
    if entry.again || again {
        attributes.push(KeyValue { key: "weir.again".to_owned(), value: Some(AnyValue { value: Some(Value::Bool(true)) }) });
    }
    Record { time: entry.at.0, observed: entry.at.0, severity, name: name.to_owned(), body: Some(text(entry.text)), attributes }
}

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(Value::Text(text.to_owned())) }
}

fn number(number: u64) -> AnyValue {
    AnyValue { value: Some(Value::Int(i64::try_from(number).unwrap_or(i64::MAX))) }
}

fn pair(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(text(value)) }
}

/// `ExportLogsServiceRequest`
#[derive(Clone, PartialEq, prost::Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    logs: Vec<ResourceLogs>,
}

/// `ResourceLogs`
#[derive(Clone, PartialEq, prost::Message)]
struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope: Vec<ScopeLogs>,
}

/// `Resource`
#[derive(Clone, PartialEq, prost::Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

/// `ScopeLogs`
#[derive(Clone, PartialEq, prost::Message)]
struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    records: Vec<Record>,
}

/// `InstrumentationScope`
#[derive(Clone, PartialEq, prost::Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

/// `LogRecord`
#[derive(Clone, PartialEq, prost::Message)]
struct Record {
    #[prost(fixed64, tag = "1")]
    time: u64,
    #[prost(int32, tag = "2")]
    severity: i32,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "11")]
    observed: u64,
}

/// `KeyValue`
#[derive(Clone, PartialEq, prost::Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

/// `AnyValue`
#[derive(Clone, PartialEq, prost::Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
}

/// `ExportLogsServiceResponse`
#[derive(Clone, PartialEq, prost::Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    partial: Option<Partial>,
}

/// `ExportLogsPartialSuccess`
#[derive(Clone, PartialEq, prost::Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::checks::{Events, Secrets, send, survives, wrong};
    use super::*;
    use weir_tests::receivers::{Otlp as Collector, Receives as _};

    fn kind(collector: &Collector, key: &str, more: &str) -> (Kind, Secrets) {
        let secrets = Secrets::with(&[("key", Collector::KEY), ("wrong", "hunter2-wrong-key")]);
        let text = format!(
            "kind = \"otlp\"\nurl = \"http://127.0.0.1:{}\"\nheaders = {{ api-key = \"file:{key}\" }}\nresource = {{ \"deployment.environment\" = \"test\" }}\n{more}",
            collector.port
        );
        (secrets.kind(&text), secrets)
    }

    #[test]
    fn nothing_is_lost_by_a_collector_that_is_killed() {
        let mut collector = Collector::start();
        let (kind, _secrets) = kind(&collector, "key", "");
        survives(&kind, &mut collector, 3);
    }

    #[tokio::test]
    async fn opentelemetrys_own_code_reads_what_is_sent() {
        let collector = Collector::start();
        for (at, compression) in ["gzip", "none"].into_iter().enumerate() {
            let (kind, _secrets) = kind(&collector, "key", &format!("compression = \"{compression}\""));
            let events = Events::new(at * 4, 4);
            assert_eq!(send(&kind, &events).await, Ok(()));
            let record = &collector.records()[at * 4 + 3];
            let entries = events.entries(false);
            assert_eq!((record["body"].as_str(), record["time"].as_u64()), (Some(entries[3].text), Some(entries[3].at.0)));
            let attributes = &record["attributes"];
            assert_eq!(
                (attributes["weir.number"].as_u64(), attributes["weir.session"].as_str()),
                (Some(entries[3].number), Some(&*entries[3].session.to_string()))
            );
            let resource = &record["resource"];
            assert_eq!(
                (resource["service.name"].as_str(), resource["deployment.environment"].as_str()),
                (Some("weir"), Some("test"))
            );
            let severities: Vec<_> =
                collector.records()[at * 4..].iter().map(|record| record["severity"].as_u64().unwrap()).collect();
            assert_eq!(severities, [10, 13, 17, 9]);
        }
    }

    #[tokio::test]
    async fn of_a_partial_success_the_rejected_one_is_found_and_all_before_it_are_taken() {
        let collector = Collector::start();
        let (kind, _secrets) = kind(&collector, "key", "");
        let events = Events::new(0, 9).with(6, "{\"a\":\"poison\"}");
        let Err(Failure::Refused { index: 6, why }) = send(&kind, &events).await else { panic!("it is refused") };
        assert!(why.contains("rejected it: poison"), "{why}");
        let told = collector.told();
        for at in 0..6 {
            let copies: Vec<_> = told.iter().filter(|told| told.uid == events.uid(at)).collect();
            assert!(copies.iter().skip(1).all(|copy| copy.again) && !copies.is_empty(), "{at}: {copies:?}");
        }
    }

    #[tokio::test]
    async fn a_key_that_is_wrong_is_tried_again_and_not_shown() {
        let collector = Collector::start();
        let (kind, _secrets) = kind(&collector, "wrong", "");
        let failure = send(&kind, &Events::new(0, 1)).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Again { taken: 0, why, .. } if why.contains("401") && !why.contains("hunter2")),
            "{failure}"
        );
    }

    #[test]
    fn what_is_written_wrongly_is_said() {
        let told = wrong(
            "kind = \"otlp\"\nurl = \"http://a.example\"\nheaders = { \"a b\" = \"env:A\", b = \"hunter2\" }\ncompression = \"lz4\"",
        );
        for part in ["`url` can't be", "is no header's name", "`headers.b`: ", "`compression` can't be"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }
}
