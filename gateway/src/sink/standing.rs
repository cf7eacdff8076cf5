//! How each sink stands, for people and machines; and a test of one.

use super::failure::Failure;
use super::format::render;
use super::settings::SinkSettings;
use super::spool::{self, SpoolError};
use super::{Entry, own};
use crate::evidence::now;
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// A sink as others see it: no secret is in it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct ListedSink {
    pub name: String,
    pub kind: &'static str,
    pub to: String,
    pub format: &'static str,
    /// `well`, `retrying` or `behind`; `idle` where no gateway delivers to it.
    pub state: &'static str,
    /// Events up to this number are over.
    pub number: u64,
    pub delivered: u64,
    /// Events behind that number, wanted or not.
    pub waiting: u64,
    /// How old the oldest of them is.
    pub lag_seconds: u64,
    pub unwanted: u64,
    pub dropped: u64,
    pub refused: u64,
    pub delivered_at: Option<Timestamp>,
    pub error: Option<String>,
    pub error_at: Option<Timestamp>,
    pub attempts: u32,
    pub next_at: Option<Timestamp>,
}

/// What came of a test.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct TriedSink {
    pub name: String,
    pub kind: &'static str,
    pub to: String,
    pub format: &'static str,
    /// Whether the receiver says that it has taken it: by syslog, none does.
    pub acknowledged: bool,
    pub milliseconds: u64,
}

/// A sink that waits for longer is behind.
const BEHIND_SECONDS: u64 = 60;

impl SinkSettings {
    /// How it stands in this state directory.
    ///
    /// # Errors
    /// Where the spool can't be read.
    pub fn standing(&self, state_dir: &Path) -> Result<ListedSink, SpoolError> {
        let extent = spool::extent(state_dir)?;
        let known = spool::progress(state_dir, &self.name)?;
        let fresh = known.is_none();
        let progress = known.unwrap_or_default();
        let number = if fresh { extent.last } else { progress.number };
        let waiting = extent.last.saturating_sub(number);
        let oldest = if waiting == 0 { None } else { spool::behind(state_dir, number)? };
        let since = oldest.and_then(|oldest| oldest.event.ok()).map_or_else(now, |event| event.at);
        let lag_seconds = now().0.saturating_sub(since.0) / 1_000_000_000;
        let state = match (spool::is_held(state_dir, &self.name), progress.attempts, lag_seconds) {
            (false, ..) => "idle",
            (true, 1.., _) => "retrying",
            (true, 0, BEHIND_SECONDS..) => "behind",
            (true, 0, _) => "well",
        };
        Ok(ListedSink {
            name: self.name.clone(),
            kind: self.kind.name(),
            to: self.kind.place(),
            format: self.format.name(),
            state,
            number,
            delivered: progress.delivered,
            waiting,
            lag_seconds,
            unwanted: progress.unwanted,
            dropped: progress.dropped,
            refused: progress.refused,
            delivered_at: progress.delivered_at,
            error: progress.error,
            error_at: progress.error_at,
            attempts: progress.attempts,
            next_at: progress.next_at,
        })
    }

    /// Sends a test, past the spool, once.
    ///
    /// # Errors
    /// Where that could not be done, or not in time; the text holds no secret.
    pub async fn test(&self, by: &str) -> Result<TriedSink, Failure> {
        let begun = Instant::now();
        let late = |_elapsed| Err(Failure::again(format!("no answer within {} s", self.timeout.as_secs())));
        let sent = tokio::time::timeout(self.timeout, self.send_test(by)).await.unwrap_or_else(late);
        sent.map_err(|failure| failure.without(&self.kind.secrets()))?;
        Ok(TriedSink {
            name: self.name.clone(),
            kind: self.kind.name(),
            to: self.kind.place(),
            format: self.format.name(),
            acknowledged: self.kind.hold().is_zero(),
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    async fn send_test(&self, by: &str) -> Result<(), Failure> {
        let event = own::test(&self.name, by);
        let text = render(self.format, &event);
        let severity = event.severity().number();
        let entry =
            Entry { number: 0, uid: &event.uid, at: event.at, session: event.session, again: false, severity, text: &text };
        let mut link = self.kind.link().await?;
        link.send(&[entry]).await?;
        link.finish().await
    }
}
