//! The check that each sink stands: told under load to a receiver that is killed and started again, nothing is lost, and what is there
//! twice says so.

use super::kind::Kind;
use super::{Entry, Failure};
use crate::config::in_table;
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use weir_tests::receivers::Receives;
use weir_tests::wait_until;

/// Events that a receiver has to keep between two kills, so that each hits a stream that flows.
const BETWEEN: usize = 200;
/// Entries of a batch here.
const BATCH: usize = 50;
/// Between two batches.
const PACE: Duration = Duration::from_millis(50);

/// A place for secrets.
pub(super) struct Secrets(tempfile::TempDir);

impl Secrets {
    /// With files of these names and texts.
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self(folder)
    }

    /// The kind as the configuration `text` has it, whose references are relative to here.
    pub(super) fn kind(&self, text: &str) -> Kind {
        in_table(text, |table| Kind::read(table, self.0.path())).unwrap()
    }
}

/// What is wrong with the configuration `text`.
pub(super) fn wrong(text: &str) -> String {
    in_table(text, |table| Kind::read(table, Path::new("/etc/weir"))).unwrap_err().join("\n")
}

/// What comes of one batch, without any secret.
pub(super) async fn send(kind: &Kind, events: &Events) -> Result<(), Failure> {
    let told = async { kind.link().await?.send(&events.entries(false)).await };
    told.await.map_err(|failure| failure.without(&kind.secrets()))
}

/// Events in their order, owned, to make entries of.
pub(super) struct Events(Vec<Event>);

struct Event {
    number: u64,
    session: SessionId,
    uid: String,
    text: String,
}

impl Event {
    fn entry(&self, again: bool) -> Entry<'_> {
        Entry {
            number: self.number,
            uid: &self.uid,
            at: Timestamp(1_764_000_000_000_000_000 + self.number * 1_000_000),
            session: self.session,
            again,
            severity: (self.number % 4) as u8,
            text: &self.text,
        }
    }
}

impl Events {
    pub(super) fn new(from: usize, count: usize) -> Self {
        let one = |n: usize| {
            let session = SessionId::from_number(n as u64 % 7 + 1);
            let uid = format!("{session}-{n}");
            let text = format!("{{\"n\":{n},\"uid\":\"{uid}\",\"text\":\"SELECT {n} -- \\\"ä\\\"\"}}");
            Event { number: n as u64 + 1, session, uid, text }
        };
        Self((from..from + count).map(one).collect())
    }

    /// With this text instead, at one place.
    pub(super) fn with(mut self, at: usize, text: &str) -> Self {
        self.0[at].text = text.to_owned();
        self
    }

    pub(super) fn uid(&self, at: usize) -> String {
        self.0[at].uid.clone()
    }

    pub(super) fn entries(&self, again: bool) -> Vec<Entry<'_>> {
        self.0.iter().map(|event| event.entry(again)).collect()
    }
}

/// Kills the receiver `kills` times while it is told, or for `WEIR_SINK_SECONDS` where that is set; then nothing may be missing, and each
/// second copy be marked, and no more of them than a batch for each failure. How many those are.
pub(super) fn survives(kind: &Kind, receiver: &mut (impl Receives + Send), kills: u64) -> usize {
    let lasting = std::env::var("WEIR_SINK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let (course, begun) = (Course::default(), Instant::now());
    let mut sent = 0;
    std::thread::scope(|scope| {
        let (course, receiver) = (&course, &mut *receiver);
        // However this ends: whoever tells is waited for.
        let over = Over(course);
        let telling = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(tell(kind, course))
        });
        let mut killed = 0;
        while lasting.map_or(killed < kills, |lasting| begun.elapsed() < lasting) {
            let before = receiver.count();
            wait_until("the receiver to keep some", 60, || (receiver.count() >= before + BETWEEN).then_some(()));
            let failed = course.failures();
            receiver.kill();
            wait_until("that to be noticed", 60, || (course.failures() > failed).then_some(()));
            receiver.start();
            killed += 1;
        }
        drop(over);
        sent = telling.join().unwrap();
    });
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for told in receiver.told() {
        let copy = copies.entry(told.uid.clone()).or_default();
        *copy += 1;
        assert!(*copy == 1 || told.again, "{} is there again, and not marked", told.uid);
    }
    let missing: Vec<_> =
        Events::new(0, sent).0.into_iter().map(|event| event.uid).filter(|uid| !copies.contains_key(uid)).collect();
    assert!(missing.is_empty(), "{} of {sent} are lost, the first {:?}", missing.len(), missing.first());
    assert_eq!(copies.len(), sent, "and nothing is there that was not sent");
    let failures = course.failures();
    let duplicates = copies.values().sum::<usize>() - sent;
    assert!(duplicates as u64 <= failures * BATCH as u64, "{duplicates} duplicates of {failures} failures");
    assert!(failures >= kills, "each kill is noticed");
    duplicates
}

/// How it goes.
#[derive(Debug, Default)]
struct Course {
    failures: AtomicU64,
    over: AtomicBool,
    given_up: AtomicBool,
}

impl Course {
    fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    /// Is shown where the test fails.
    fn failed(&self, why: &str) {
        if self.failures.fetch_add(1, Ordering::AcqRel) < 100 {
            println!("{why}");
        }
    }
}

/// Ends the telling when it goes; at once, where that is by a panic.
struct Over<'c>(&'c Course);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.given_up.store(std::thread::panicking(), Ordering::Release);
        self.0.over.store(true, Ordering::Release);
    }
}

/// As the driver does: batches in their order, again and marked after a failure, on a new link.
async fn tell(kind: &Kind, course: &Course) -> usize {
    let (mut sent, mut link) = (0, None);
    while !course.over.load(Ordering::Acquire) {
        let events = Events::new(sent, BATCH);
        let (fresh, again) = (events.entries(false), events.entries(true));
        let (mut taken, mut tried) = (0, false);
        while taken < BATCH && !course.given_up.load(Ordering::Acquire) {
            let told = async {
                if link.is_none() {
                    link = Some(kind.link().await?);
                }
                let batch = if tried { &again } else { &fresh };
                link.as_mut().unwrap().send(&batch[taken..]).await
            };
            match tokio::time::timeout(Duration::from_secs(20), told).await {
                Ok(Ok(())) => taken = BATCH,
                Ok(Err(Failure::Again { taken: some, why, .. })) => {
                    (taken, tried, link) = (taken + some, true, None);
                    course.failed(&why);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(Err(refused @ Failure::Refused { .. })) => panic!("{refused}"),
                Err(_late) => {
                    (tried, link) = (true, None);
                    course.failed("no answer in time");
                }
            }
        }
        sent += BATCH;
        // No more than a few thousand are told while it is killed: the receiver is read whole at the end.
        tokio::time::sleep(PACE).await;
    }
    sent
}
