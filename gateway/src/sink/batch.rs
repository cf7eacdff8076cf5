//! What is sent at once: events that were read from the spool, those that the sink wants, in its words.

use super::Entry;
use super::format::render;
use super::kind::Limits;
use super::settings::SinkSettings;
use super::spool::{SpoolError, Spooled, Tail};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use tokio::time::Instant;

/// Events that are looked at in one go, however few of them are wanted.
const MOST_READ: usize = 20_000;

/// Events on their way to a receiver.
#[derive(Debug, Default)]
pub(super) struct Batch {
    items: Vec<Item>,
    bytes: usize,
    /// Events that were read and are not wanted.
    pub(super) unwanted: u64,
    /// Events that can't be told, each with its reason.
    pub(super) unfit: Vec<(Item, String)>,
    /// All up to this number are in it, or need not be.
    pub(super) upto: u64,
    /// Since when it waits to be full.
    begun: Option<Instant>,
}

/// One event of a batch.
#[derive(Debug)]
pub(super) struct Item {
    number: u64,
    uid: String,
    at: Timestamp,
    session: SessionId,
    severity: u8,
    text: String,
}

/// Where reading has stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There is no more yet.
    All,
    /// There is more.
    More,
    /// The events from `upto + 1` up to this number are gone: they were dropped.
    Gap(u64),
}

impl Batch {
    /// An empty one, of what is behind `number`.
    pub(super) fn behind(number: u64) -> Self {
        Self { upto: number, ..Self::default() }
    }

    /// Reads on until it is full or there is no more.
    pub(super) fn read(&mut self, tail: &mut Tail, settings: &SinkSettings, limits: Limits) -> Result<Read, SpoolError> {
        for _ in 0..MOST_READ {
            if self.is_full(limits) {
                return Ok(Read::More);
            }
            let Some(spooled) = tail.next()? else { return Ok(Read::All) };
            if spooled.number > self.upto + 1 {
                let last = spooled.number - 1;
                tail.seek(self.upto);
                return Ok(Read::Gap(last));
            }
            self.upto = spooled.number;
            self.take(spooled, settings);
        }
        Ok(Read::More)
    }

    fn take(&mut self, spooled: Spooled, settings: &SinkSettings) {
        let number = spooled.number;
        let (item, problem) = match spooled.event {
            Ok(event) if !settings.filter.wants(&event, &settings.name) => {
                self.unwanted += 1;
                return;
            }
            Ok(event) => {
                let severity = event.severity().number();
                let text = render(settings.format, &event);
                (Item { number, uid: event.uid, at: event.at, session: event.session, severity, text }, None)
            }
            Err(why) => {
                let (uid, text) = Default::default();
                (Item { number, uid, at: Timestamp(0), session: SessionId::from_number(0), severity: 0, text }, Some(why))
            }
        };
        match problem {
            Some(why) => self.unfit.push((item, why)),
            None => {
                self.bytes += item.text.len();
                self.begun.get_or_insert_with(Instant::now);
                self.items.push(item);
            }
        }
    }

    fn is_full(&self, limits: Limits) -> bool {
        self.items.len() >= limits.entries || self.bytes >= limits.bytes
    }

    /// When it is sent, full or not; nothing where there is nothing to send.
    pub(super) fn due(&self, limits: Limits) -> Option<Instant> {
        let begun = self.begun?;
        Some(if self.is_full(limits) { begun } else { begun + limits.linger })
    }

    /// How many there are to send.
    pub(super) const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing was read.
    pub(super) const fn is_empty(&self) -> bool {
        self.items.is_empty() && self.unfit.is_empty() && self.unwanted == 0
    }

    /// The number of an item.
    pub(super) fn number(&self, index: usize) -> Option<u64> {
        self.items.get(index).map(|item| item.number)
    }

    /// As a link takes it: what has a number up to `again` may have been sent before.
    pub(super) fn entries(&self, again: u64) -> Vec<Entry<'_>> {
        self.items.iter().map(|item| item.entry(again)).collect()
    }
}

impl Item {
    /// As a link takes it.
    pub(super) fn entry(&self, again: u64) -> Entry<'_> {
        let Self { number, uid, at, session, severity, text } = self;
        Entry { number: *number, uid, at: *at, session: *session, again: *number <= again, severity: *severity, text }
    }
}
