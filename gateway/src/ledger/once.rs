//! What was asked with a key of its own, so that asking again does not do it again.

use super::{Change, LedgerError};
use rusqlite::{OptionalExtension as _, params};
use std::time::Duration;

/// How long a key is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What came of a request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// Nobody has used the key: it is taken now.
    Fresh,
    /// It was used for something else.
    Other,
    /// It was used, and what came of it is not known: it is under way, its gateway has died, or it is told to nobody twice.
    Unknown,
    /// It was used, and this was the answer.
    Answered {
        /// Its status.
        status: u16,
        /// Its body.
        body: String,
    },
}

impl Change<'_> {
    /// Takes a key for this request, unless it is taken. Both are hashes, in hex.
    ///
    /// # Errors
    /// Where that can't be read or written.
    pub fn once(&mut self, key: &str, request: &str) -> Result<Once, LedgerError> {
        let (at, failed) = (self.at, |error| self.ledger.failed(error));
        let old = at.before(REMEMBERED);
        let forget = self.transaction.prepare_cached("DELETE FROM once WHERE at < ?1");
        forget.and_then(|mut forget| forget.execute([old.0.cast_signed()])).map_err(failed)?;
        let found = self.transaction.prepare_cached("SELECT request, status, body FROM once WHERE key = ?1");
        let found: Option<(String, Option<u16>, Option<String>)> = found
            .and_then(|mut found| found.query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional())
            .map_err(failed)?;
        match found {
            None => {
                let take = self.transaction.prepare_cached("INSERT INTO once (key, request, at) VALUES (?1, ?2, ?3)");
                take.and_then(|mut take| take.execute(params![key, request, at.0.cast_signed()])).map_err(failed)?;
                Ok(Once::Fresh)
            }
            Some((of, ..)) if of != request => Ok(Once::Other),
            Some((_, Some(status), Some(body))) => Ok(Once::Answered { status, body }),
            Some(_) => Ok(Once::Unknown),
        }
    }

    /// Remembers what the request with this key was answered with.
    ///
    /// # Errors
    /// Where that can't be written.
    pub fn answered(&mut self, key: &str, status: u16, body: &str) -> Result<(), LedgerError> {
        let put = self.transaction.prepare_cached("UPDATE once SET status = ?2, body = ?3 WHERE key = ?1");
        put.and_then(|mut put| put.execute(params![key, status, body])).map_err(|error| self.ledger.failed(error))?;
        Ok(())
    }

    /// Forgets a key: nothing was done.
    ///
    /// # Errors
    /// Where that can't be written.
    pub fn not_done(&mut self, key: &str) -> Result<(), LedgerError> {
        let forget = self.transaction.prepare_cached("DELETE FROM once WHERE key = ?1");
        forget.and_then(|mut forget| forget.execute([key])).map_err(|error| self.ledger.failed(error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;

    #[test]
    fn a_key_is_for_one_request_and_its_answer_stays() {
        let state = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(state.path()).unwrap();
        let once = |key: &str, request: &str| ledger.change(|change| change.once(key, request)).unwrap();
        let change = |work: &dyn Fn(&mut Change<'_>) -> Result<(), LedgerError>| ledger.change(|change| work(change)).unwrap();
        assert_eq!(once("a", "1"), Once::Fresh);
        assert_eq!(once("a", "1"), Once::Unknown);
        assert_eq!(once("a", "2"), Once::Other);
        change(&|change| change.answered("a", 200, "{}"));
        assert_eq!(once("a", "1"), Once::Answered { status: 200, body: "{}".to_owned() });
        assert_eq!(once("b", "1"), Once::Fresh);
        change(&|change| change.not_done("b"));
        assert_eq!(once("b", "1"), Once::Fresh);
        // After a day it is as if it had never been.
        change(&|change| {
            change.at = change.at.after(REMEMBERED + Duration::from_secs(1));
            assert_eq!(change.once("a", "9")?, Once::Fresh);
            Ok(())
        });
    }
}
