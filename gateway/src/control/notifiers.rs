//! Who is notified: how far each is, and a test.

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use crate::ledger::{Event, Kind, Ledger};
use crate::notify::{NotifierSettings, Told};
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::time::Instant;

/// A notifier as others see it: no secret is in it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct ListedNotifier {
    pub name: String,
    pub kind: &'static str,
    pub to: String,
    /// `well`, `retrying` or `failing`.
    pub state: &'static str,
    pub delivered: u64,
    pub waiting: u64,
    pub skipped: u64,
    pub failed: u64,
    pub delivered_at: Option<Timestamp>,
    pub error: Option<String>,
    pub error_at: Option<Timestamp>,
    pub attempts: u32,
    pub next_at: Option<Timestamp>,
}

/// What came of a test.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct Tried {
    pub name: String,
    pub kind: &'static str,
    pub to: String,
    pub event: u64,
    pub milliseconds: u64,
}

/// A test that is on the record and not sent yet.
pub(super) struct Test {
    notifier: NotifierSettings,
    event: Event,
}

/// All that are configured, in the order of the file.
pub(super) fn list(ledger: &Ledger, actor: &Actor, all: &[NotifierSettings]) -> Result<Vec<ListedNotifier>, CommandError> {
    actor.must(Role::Operator, On::default(), "to see who is notified")?;
    let deliveries = ledger.deliveries()?;
    all.iter()
        .map(|notifier| {
            let progress = deliveries.progress(&notifier.name, |event| notifier.filter.wants(event, &notifier.name))?;
            let (error, error_at) = progress.error.unzip();
            let state = match (progress.attempts, error_at > progress.delivered_at) {
                (1.., _) => "retrying",
                (0, true) => "failing",
                (0, false) => "well",
            };
            Ok(ListedNotifier {
                name: notifier.name.clone(),
                kind: notifier.kind.name(),
                to: notifier.kind.place(),
                state,
                delivered: progress.delivered,
                waiting: progress.waiting,
                skipped: progress.skipped,
                failed: progress.failed,
                delivered_at: progress.delivered_at,
                error,
                error_at,
                attempts: progress.attempts,
                next_at: progress.next_at,
            })
        })
        .collect()
}

/// Writes down that somebody tries it: what is sent is an event like any other.
pub(super) fn begin_test(ledger: &Ledger, actor: &Actor, all: &[NotifierSettings], name: &str) -> Result<Test, CommandError> {
    actor.must(Role::Operator, On::default(), "to try a notifier")?;
    let missing = || CommandError::missing(format!("[[notify]] named {name:?} in this gateway's configuration"));
    let notifier = all.iter().find(|notifier| notifier.name == name).cloned().ok_or_else(missing)?;
    let details = json!({ "message": "this is a test: nothing waits, and there is nothing to do" });
    let event = ledger.change(|change| change.event(Kind::NotifyTested, actor.name(), name, &details))?;
    Ok(Test { notifier, event })
}

impl Test {
    /// Sends it, once.
    pub(super) async fn send(self) -> Result<Tried, CommandError> {
        let Self { notifier, event } = self;
        let begun = Instant::now();
        let sent = notifier.send(&Told { event: &event, base: notifier.link.as_deref() }).await;
        sent.map_err(|failure| CommandError::NotReached { name: notifier.name.clone(), failure })?;
        Ok(Tried {
            kind: notifier.kind.name(),
            to: notifier.kind.place(),
            name: notifier.name,
            event: event.number,
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}
