//! What each notifier has been told of the events: a cursor, and the events behind it that are not settled in its order.

mod look;
#[cfg(test)]
mod tests;

use super::entry::Holder;
use super::event::Event;
use super::{LedgerError, schema};
use crate::evidence::now;
use gateway_core::model::time::Timestamp;
use look::{Lives, Open, State};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Characters of an error that are kept.
const ERROR_LENGTH: usize = 400;

/// What a notifier is to be told next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This, now; so often it was tried.
    Due(Box<Event>, u32),
    /// Something, at this time.
    At(Timestamp),
    /// Nothing that is known yet.
    Nothing,
}

/// How far a notifier has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events that it has taken.
    pub delivered: u64,
    /// Events that it is still to be told of.
    pub waiting: u64,
    /// Holds that were over before it was told, and events that were too old.
    pub skipped: u64,
    /// Events that were given up.
    pub failed: u64,
    /// When it took the last one.
    pub delivered_at: Option<Timestamp>,
    /// What went wrong last, and when.
    pub error: Option<(String, Timestamp)>,
    /// So often the one that is under way has failed.
    pub attempts: u32,
    /// When that is tried again.
    pub next_at: Option<Timestamp>,
}

/// What notifiers were told, as the ledger keeps it.
pub struct Deliveries {
    connection: Mutex<Connection>,
    holder: Holder,
    path: PathBuf,
}

impl Deliveries {
    pub(super) fn open(path: &Path, holder: Holder) -> Result<Self, LedgerError> {
        Ok(Self { connection: Mutex::new(schema::beside(path)?), holder, path: path.to_owned() })
    }

    /// A notifier begins, where it is new, with what no gateway has recorded yet: what came before it is not told.
    ///
    /// # Errors
    /// Where that can't be written.
    pub fn begin(&self, notifier: &str) -> Result<(), LedgerError> {
        self.change(|transaction| {
            transaction.execute(
                "INSERT INTO notifier (name, settled) SELECT ?1, coalesce(
                   (SELECT min(number) - 1 FROM event WHERE NOT recorded), (SELECT max(number) FROM event), 0)
                 WHERE NOT EXISTS (SELECT 1 FROM notifier WHERE name = ?1)",
                [notifier],
            )
        })?;
        Ok(())
    }

    /// What `notifier` is to be told next by this gateway: of its own events and of those that a gateway wrote which is gone.
    /// What it does not want, and what nobody needs to hear any more, is passed over.
    ///
    /// # Errors
    /// Where the ledger can't be read or written.
    pub fn next(&self, notifier: &str, wants: impl Fn(&Event) -> bool) -> Result<Next, LedgerError> {
        let newer = "SELECT EXISTS (SELECT 1 FROM event WHERE number > (SELECT settled FROM notifier WHERE name = ?1))";
        if !self.lock().query_row(newer, [notifier], |row| row.get(0)).map_err(|error| self.failed(error))? {
            return Ok(Next::Nothing);
        }
        let (mut from, mut lives) = (None, Lives::new(self.holder));
        loop {
            let look = self.change(|transaction| {
                let look = look::look(transaction, notifier, from, &mut lives, &wants)?;
                look::settle(transaction, notifier, &look)?;
                if let Some(open) = look.found.as_ref().filter(|open| open.teller != self.holder) {
                    look::claim(transaction, notifier, open.event.number, self.holder)?;
                }
                Ok(look)
            })?;
            match look.found {
                // Another gateway's failures say nothing of this one's.
                Some(open) if open.next_at <= now() || open.teller != self.holder => {
                    return Ok(Next::Due(Box::new(open.event), open.attempts));
                }
                Some(open) => return Ok(Next::At(open.next_at)),
                None if look.last.is_none() => return Ok(Next::Nothing),
                None => from = look.last,
            }
        }
    }

    /// `notifier` has taken the event.
    ///
    /// # Errors
    /// Where that can't be written: it is told again.
    pub fn delivered(&self, notifier: &str, number: u64) -> Result<(), LedgerError> {
        self.change(|transaction| {
            mark(transaction, notifier, number, (State::Settled, 0, Timestamp(0)), self.holder)?;
            let text = "UPDATE notifier SET delivered = delivered + 1, delivered_at = ?2 WHERE name = ?1";
            transaction.prepare_cached(text)?.execute(params![notifier, now().0.cast_signed()])
        })?;
        Ok(())
    }

    /// It was tried so often without success, and is tried again at that time.
    ///
    /// # Errors
    /// Where that can't be written.
    pub fn put_off(
        &self,
        notifier: &str,
        number: u64,
        (attempts, next_at): (u32, Timestamp),
        error: &str,
    ) -> Result<(), LedgerError> {
        self.change(|transaction| {
            mark(transaction, notifier, number, (State::Waiting, attempts, next_at), self.holder)?;
            note(transaction, notifier, error, 0)
        })
    }

    /// It is not tried any more.
    ///
    /// # Errors
    /// Where that can't be written.
    pub fn given_up(&self, notifier: &str, number: u64, error: &str) -> Result<(), LedgerError> {
        self.change(|transaction| {
            mark(transaction, notifier, number, (State::Settled, 0, Timestamp(0)), self.holder)?;
            note(transaction, notifier, error, 1)
        })
    }

    /// How far `notifier` has come, whoever tells it.
    ///
    /// # Errors
    /// Where that can't be read.
    pub fn progress(&self, notifier: &str, wants: impl Fn(&Event) -> bool) -> Result<Progress, LedgerError> {
        let connection = self.lock();
        let count = |row: &Row<'_>, column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let time = |row: &Row<'_>, column| {
            row.get::<_, Option<i64>>(column).map(|time| time.map(|time| Timestamp(time.cast_unsigned())))
        };
        let read = |row: &Row<'_>| {
            let error = row.get::<_, Option<String>>(4)?.zip(time(row, 5)?);
            let (delivered, skipped, failed) = (count(row, 0)?, count(row, 1)?, count(row, 2)?);
            Ok(Progress { delivered, skipped, failed, delivered_at: time(row, 3)?, error, ..Progress::default() })
        };
        let text = "SELECT delivered, skipped, failed, delivered_at, error, error_at FROM notifier WHERE name = ?1";
        let known = connection.query_row(text, [notifier], read).optional();
        let Some(mut progress) = known.map_err(|error| self.failed(error))? else { return Ok(Progress::default()) };
        let each = |open: Open| {
            if wants(&open.event) {
                progress.waiting += 1;
                if open.attempts > 0 && progress.attempts == 0 {
                    (progress.attempts, progress.next_at) = (open.attempts, Some(open.next_at));
                }
            }
        };
        let mut statement = connection.prepare_cached(&look::open_events()).map_err(|error| self.failed(error))?;
        let rows = statement.query_map(params![notifier, None::<i64>, i64::MAX], look::read_open);
        rows.map_err(|error| self.failed(error))?.flatten().flatten().for_each(each);
        Ok(progress)
    }

    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, LedgerError> {
        let mut connection = self.lock();
        let done = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        done.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: rusqlite::Error) -> LedgerError {
        LedgerError::Database { path: self.path.clone(), error }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark(
    transaction: &Transaction<'_>,
    notifier: &str,
    number: u64,
    (state, attempts, next_at): (State, u32, Timestamp),
    holder: Holder,
) -> rusqlite::Result<usize> {
    let text =
        "INSERT OR REPLACE INTO delivery (notifier, number, attempts, next_at, state, holder) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let row = params![notifier, number.cast_signed(), attempts, next_at.0.cast_signed(), state.name(), holder.to_string()];
    transaction.prepare_cached(text)?.execute(row)
}

fn note(transaction: &Transaction<'_>, notifier: &str, error: &str, failed: i64) -> rusqlite::Result<()> {
    let cut: String = error.chars().take(ERROR_LENGTH).collect();
    let text = "UPDATE notifier SET error = ?2, error_at = ?3, failed = failed + ?4 WHERE name = ?1";
    transaction.prepare_cached(text)?.execute(params![notifier, cut, now().0.cast_signed(), failed])?;
    Ok(())
}
