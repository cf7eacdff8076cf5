//! `kind = "s3"`: objects of JSON lines in a bucket, whose names say what is in them, so that one that is sent again is there already.
//!
//! `object_store` finds the credentials and signs; the HTTP is weir's own. Requests are as the S3 API reference has them (`PutObject`,
//! `GetObjectLockConfiguration`): its own for an object has not the header that a bucket with object lock asks for.

mod bucket;
mod way;

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch, foreign};
use crate::https::Url;
use crate::telemetry::host_name;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bucket::Bucket;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use gateway_core::hex::hex;
use hyper::{Request, StatusCode};
use object_store::RetryConfig;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use way::Way;

/// Of an answer to a question about the bucket.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3 {
    bucket: String,
    region: String,
    /// Where it is not Amazon's.
    endpoint: Option<String>,
    /// What names begin with.
    prefix: String,
    /// An access key's id and its secret; without them, the credentials of the instance, the container or the pod.
    keys: Option<(Source, Source)>,
    compression: Compression,
    lock: Lock,
    /// How long an object waits to be full.
    linger: Duration,
    ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    Gzip,
    Zstd,
    None,
}

/// What the bucket has to do with each object of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    /// Nothing.
    None,
    /// To retain it.
    Required,
    /// To retain it even from the account's root.
    Compliance,
}

/// A bucket that was looked at.
pub(super) struct S3Link {
    bucket: Bucket,
    prefix: String,
    host: String,
    compression: Compression,
    place: String,
}

impl S3 {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let bucket = table.parsed("bucket", "a bucket's name", bucket);
        let bucket = table.required("bucket", bucket, "the bucket: bucket = \"acme-weir-events\"");
        let word = |text: &str| {
            (!text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')).then(|| text.to_owned())
        };
        let region = table.parsed("region", "a region: \"eu-central-1\"", word);
        let region = table.required("region", region, "the bucket's region: region = \"eu-central-1\"");
        let hint = "the address of a server that is not Amazon's: endpoint = \"https://s3.acme.example\"";
        let endpoint = table.parsed("endpoint", hint, |text| {
            let text = text.trim_end_matches('/');
            Url::read_local(text).ok().map(|_| text.to_owned())
        });
        let prefix = table.parsed("prefix", "letters, digits, dashes, underscores, dots and slashes: \"weir\"", prefix);
        let keys = keys(table, directory);
        let compression = table.parsed("compression", "\"gzip\", \"zstd\" or \"none\"", |text| match text {
            "gzip" => Some(Compression::Gzip),
            "zstd" => Some(Compression::Zstd),
            "none" => Some(Compression::None),
            _ => None,
        });
        let lock = table.parsed("object_lock", "\"required\", \"compliance\" or \"none\"", |text| match text {
            "none" => Some(Lock::None),
            "required" => Some(Lock::Required),
            "compliance" => Some(Lock::Compliance),
            _ => None,
        });
        let linger = table.number("every_seconds", 0, 900).unwrap_or(60);
        let ca = ca(table, directory);
        Some(Self {
            bucket: bucket?,
            region: region?,
            endpoint,
            prefix: prefix.unwrap_or_default(),
            keys: keys?,
            compression: compression.unwrap_or(Compression::Gzip),
            lock: lock.unwrap_or(Lock::None),
            linger: Duration::from_secs(linger),
            ca,
        })
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits { entries: 20_000, bytes: 16 << 20, linger: self.linger }
    }

    pub(super) fn place(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{}/{} of {endpoint}", self.bucket, self.prefix),
            None => format!("{}/{} in {}", self.bucket, self.prefix, self.region),
        }
    }

    pub(super) fn secrets(&self) -> Vec<&Source> {
        self.keys.iter().flat_map(|(id, secret)| [id, secret]).collect()
    }

    pub(super) async fn link(&self) -> Result<S3Link, Failure> {
        let place = self.place();
        let failed = |why: &dyn fmt::Display| Failure::again(foreign(&format!("{place}: {why}")));
        let way = Way::new(self.ca.clone());
        let builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(way.clone());
        let builder = match &self.keys {
            Some((id, secret)) => {
                let (id, secret) = (fetch(id)?.password, fetch(secret)?.password);
                builder.with_access_key_id(id.trim()).with_secret_access_key(secret.trim())
            }
            None => with_role(builder),
        };
        let credentials = Arc::clone(builder.build().map_err(|error| failed(&error))?.credentials());
        let base = self.endpoint.clone().unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", self.region));
        let address = format!("{base}/{}", self.bucket);
        let bucket = Bucket { address, region: self.region.clone(), credentials, service: way.service() };
        if self.lock != Lock::None {
            self.look_at_lock(&bucket).await.map_err(|why| failed(&why))?;
        }
        let host = prefix(&host_name()).filter(|host| !host.is_empty()).unwrap_or_else(|| "host".to_owned());
        Ok(S3Link { bucket, prefix: self.prefix.clone(), host, compression: self.compression, place })
    }

    /// Whether the bucket retains what is put into it, of itself.
    async fn look_at_lock(&self, bucket: &Bucket) -> Result<(), String> {
        let (status, body) = bucket.ask(Request::get(format!("{}?object-lock=", bucket.address)), Vec::new()).await?;
        if !status.is_success() && !body.contains("ObjectLockConfigurationNotFoundError") {
            return Err(format!("whether it locks objects can't be asked ({status}): {body}"));
        }
        match (retention(&body).as_deref(), self.lock) {
            (Some("COMPLIANCE"), _) | (Some("GOVERNANCE"), Lock::Required | Lock::None) => Ok(()),
            (Some(mode), _) => Err(format!("its default retention is in the mode {mode}, and object_lock wants compliance")),
            (None, _) => {
                Err("it has no default retention, and object_lock wants one: put-object-lock-configuration sets it".to_owned())
            }
        }
    }
}

/// The mode of a default retention, where there is one.
fn retention(answer: &str) -> Option<String> {
    let document = roxmltree::Document::parse(answer).ok()?;
    let child = |node: roxmltree::Node<'_, '_>, name: &str| {
        let named = |node: &roxmltree::Node<'_, '_>| {
            node.tag_name().name() == name && node.tag_name().namespace().is_none_or(|space| space == NAMESPACE)
        };
        node.children().find(named).map(|node| node.id())
    };
    let mut node = document.root_element();
    for name in ["Rule", "DefaultRetention", "Mode"] {
        node = document.get_node(child(node, name)?)?;
    }
    node.text().map(str::to_owned)
}

/// What the machine, the container or the pod was given by its platform.
fn with_role(mut builder: AmazonS3Builder) -> AmazonS3Builder {
    let given = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
        ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
    ];
    for (name, key) in given {
        if let Ok(value) = std::env::var(name) {
            builder = builder.with_config(key, value);
        }
    }
    builder
}

fn bucket(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    ((3..=63).contains(&text.len()) && text.bytes().all(legal)).then(|| text.to_owned())
}

/// Characters that are the same in a name, in an address and in what is signed; and no part that a path would obey.
fn prefix(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let fit = text.len() <= 512
        && text.bytes().all(legal)
        && !text.trim_matches('/').split('/').any(|part| matches!(part, "." | "..") || (part.is_empty() && text.len() > 1));
    fit.then(|| text.trim_matches('/').to_owned())
}

/// Both or none; `None` where only one was written.
fn keys(table: &mut Table<'_, '_>, directory: &Path) -> Option<Option<(Source, Source)>> {
    match (secret(table, "access_key", directory), secret(table, "secret_key", directory)) {
        (Some(id), Some(secret)) => Some(Some((id, secret))),
        (None, None) => Some(None),
        (Some(_), None) | (None, Some(_)) => {
            table.problem("one of `access_key` and `secret_key` is there without the other", "give both, or none");
            None
        }
    }
}

impl S3Link {
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(()) };
        let mut lines = Vec::with_capacity(batch.iter().map(|entry| entry.text.len() + 80).sum());
        let mut hash = Sha256::new();
        for entry in batch {
            lines.extend_from_slice(entry.numbered().as_bytes());
            lines.push(b'\n');
            // Without the mark of what may come twice: it is the same event.
            hash.update(format!("{} {}\n", entry.number, entry.text));
        }
        let name = self.name(first, last, &hash.finalize());
        let again = batch.iter().filter(|entry| entry.again).count();
        let compression = self.compression;
        let body = tokio::task::spawn_blocking(move || packed(compression, lines)).await.map_err(Failure::again)?;
        let body = body.map_err(Failure::again)?;
        let request = Request::put(format!("{}/{name}", self.bucket.address))
            .header("content-type", "application/x-ndjson")
            .header("if-none-match", "*")
            .header("x-amz-sdk-checksum-algorithm", "SHA256")
            .header("x-amz-checksum-sha256", STANDARD.encode(Sha256::digest(&body)))
            .header("x-amz-meta-weir-first", first.number)
            .header("x-amz-meta-weir-last", last.number)
            // So many of them may be in other objects, too.
            .header("x-amz-meta-weir-again", again);
        let why = match self.bucket.ask(request, body).await {
            // By its name it has these events.
            Ok((status, _)) if status.is_success() || status == StatusCode::PRECONDITION_FAILED => return Ok(()),
            Ok((status, said)) => format!("it answered {status}: {said}"),
            Err(why) => why,
        };
        Err(Failure::again(foreign(&format!("{}: {why}", self.place))))
    }

    /// By host, day and numbers, for people; and by a hash of the events, so that an object of this name has these.
    fn name(&self, first: &Entry<'_>, last: &Entry<'_>, hash: &[u8]) -> String {
        let day = jiff::Timestamp::from_second(i64::try_from(first.at.0 / 1_000_000_000).unwrap_or_default());
        let day = day.unwrap_or_default().strftime("%Y/%m/%d").to_string();
        let hash = hex(hash.get(..8).unwrap_or_default());
        let kind = match self.compression {
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
            Compression::None => "",
        };
        let before = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        format!("{before}{}/{day}/{:016}-{:016}-{hash}.jsonl{kind}", self.host, first.number, last.number)
    }
}

fn packed(compression: Compression, lines: Vec<u8>) -> std::io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(lines),
        Compression::Zstd => zstd::encode_all(&*lines, 3),
        Compression::Gzip => {
            let mut gzip = GzEncoder::new(Vec::with_capacity(lines.len() / 4), Level::default());
            gzip.write_all(&lines)?;
            gzip.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::checks::{Events, Secrets, send, survives, wrong};
    use super::*;
    use weir_tests::receivers::S3 as Server;

    fn kind(server: &Server, bucket: &str, more: &str) -> (Kind, Secrets) {
        let secrets = Secrets::with(&[("id", "test"), ("secret", "hunter2-secret")]);
        let text = format!(
            "kind = \"s3\"\nbucket = \"{bucket}\"\nregion = \"eu-central-1\"\nendpoint = \"http://127.0.0.1:{}\"\nprefix = \"weir/\"\n\
             access_key = \"file:id\"\nsecret_key = \"file:secret\"\n{more}",
            server.port()
        );
        (secrets.kind(&text), secrets)
    }

    #[test]
    fn nothing_is_lost_by_a_server_that_can_not_be_reached() {
        let mut server = Server::start();
        let (kind, _secrets) = kind(&server, "locked", "object_lock = \"compliance\"");
        survives(&kind, &mut server, 3);
        assert!(server.objects("locked").iter().all(|object| object["versions"] == 1), "none was put twice");
    }

    #[tokio::test]
    async fn an_object_says_what_it_has_is_checked_and_is_retained() {
        let server = Server::start();
        let (kind, _secrets) = kind(&server, "locked", "object_lock = \"required\"");
        let events = Events::new(0, 40);
        for _twice in 0..2 {
            assert_eq!(send(&kind, &events).await, Ok(()));
        }
        let objects = server.objects("locked");
        let [object] = &objects[..] else { panic!("one, though it was sent twice: {objects:?}") };
        let key = object["key"].as_str().unwrap();
        assert!(key.starts_with("weir/") && key.contains("/2025/11/24/0000000000000001-0000000000000040-"), "{key}");
        assert_eq!((object["meta"]["weir-first"].as_str(), object["meta"]["weir-last"].as_str()), (Some("1"), Some("40")));
        let lines: Vec<_> = object["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        assert_eq!(lines, events.entries(false).iter().map(|entry| entry.numbered().into_owned()).collect::<Vec<_>>());
        let body = packed(Compression::Gzip, (lines.join("\n") + "\n").into_bytes()).unwrap();
        let checksum = STANDARD.encode(Sha256::digest(&body));
        assert_eq!(object["sha256"].as_str(), Some(&*checksum));
        assert_eq!((object["retained"].as_str(), &*server.remove("locked", key)), (Some("COMPLIANCE"), "AccessDenied"));
    }

    #[tokio::test]
    async fn a_bucket_without_a_lock_is_refused_where_one_is_wanted() {
        let server = Server::start();
        let (strict, _one) = kind(&server, "open", "object_lock = \"required\"");
        let (loose, _two) = kind(&server, "open", "compression = \"none\"");
        let (nowhere, _three) = kind(&server, "nowhere", "");
        let failure = send(&strict, &Events::new(0, 1)).await.unwrap_err().to_string();
        assert!(failure.contains("no default retention"), "{failure}");
        assert!(server.objects("open").is_empty());
        assert_eq!(send(&loose, &Events::new(0, 1)).await, Ok(()));
        let failure = send(&nowhere, &Events::new(0, 1)).await.unwrap_err().to_string();
        assert!(failure.contains("nowhere") && !failure.contains("hunter2"), "{failure}");
    }

    #[test]
    fn a_retention_is_read_from_where_it_stands() {
        let answer = |inner: &str| format!("<ObjectLockConfiguration xmlns=\"{NAMESPACE}\">{inner}</ObjectLockConfiguration>");
        let rule = "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>";
        assert_eq!(retention(&answer(rule)).as_deref(), Some("GOVERNANCE"));
        for none in ["", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>", "<Mode>COMPLIANCE</Mode>"] {
            assert_eq!(retention(&answer(none)), None, "{none}");
        }
    }

    #[test]
    fn what_is_written_wrongly_is_said() {
        let good = "bucket = \"acme-weir\"\nregion = \"eu-central-1\"";
        for (text, told) in [
            ("region = \"eu-central-1\"".to_owned(), "`bucket` is missing"),
            (format!("{good}\nendpoint = \"http://s3.example\""), "`endpoint` can't be"),
            (format!("{good}\nprefix = \"a/../b\""), "`prefix` can't be"),
            (format!("{good}\naccess_key = \"env:A\""), "one of `access_key` and `secret_key`"),
            (format!("{good}\nobject_lock = \"yes\""), "`object_lock` can't be"),
        ] {
            let problems = wrong(&format!("kind = \"s3\"\n{text}"));
            assert!(problems.contains(told), "{told}: {problems}");
        }
    }
}
