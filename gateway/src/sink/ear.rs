//! Hears all events of a state directory for a part of weir that is no sink: from the spool, by a cursor of its own, one at a time.

use super::spool::{Cursor, Spool, SpoolError, Spooled, Tail};
use std::sync::Arc;
use tokio::sync::watch;

/// Whoever hears. While it is there, no other process hears by its name.
pub struct Ear {
    cursor: Cursor,
    tail: Tail,
    /// The spool's last number when it was opened.
    last: u64,
    newest: watch::Receiver<u64>,
}

impl Ear {
    /// The ear of this name, which the spool was opened with as a reader; nothing where another process has it.
    ///
    /// # Errors
    /// Where its cursor can't be read.
    pub fn open(spool: &Arc<Spool>, name: &str) -> Result<Option<Self>, SpoolError> {
        // Whoever waits for it does not ask for the spool's lock each time.
        if spool.is_read(name) {
            return Ok(None);
        }
        let Some(cursor) = spool.cursor(name)? else { return Ok(None) };
        let tail = spool.tail(cursor.progress.number);
        Ok(Some(Self { cursor, tail, last: spool.last()?, newest: spool.newest() }))
    }

    /// The number of the last event that was heard.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.tail.position()
    }

    /// Goes on behind this number, for whoever keeps it beside what came of it. One that no event has is of another spool.
    pub fn go_behind(&mut self, number: u64) {
        if number <= self.last {
            self.tail.seek(number);
        }
    }

    /// The next event, where there is one yet. Its number is the next, but where events were dropped.
    ///
    /// # Errors
    /// Where the spool can't be read.
    pub fn hear(&mut self) -> Result<Option<Spooled>, SpoolError> {
        self.tail.next()
    }

    /// All up to this number is heard for good: the spool need not keep it for this ear any more.
    ///
    /// # Errors
    /// Where that can't be written.
    pub fn release(&mut self, number: u64) -> Result<(), SpoolError> {
        self.cursor.progress.number = number;
        self.cursor.progress.sent = number;
        self.cursor.write()
    }

    /// Waits until this process has appended something. What other processes append has to be looked for.
    pub async fn more(&mut self) {
        if self.newest.changed().await.is_err() {
            // Nothing is appended any more.
            std::future::pending::<()>().await;
        }
    }
}
