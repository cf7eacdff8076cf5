//! Who looked at a record: an entry of the log for each view, made before anything is shown.

use super::log::{LogError, beside, read_log};
use super::{EvidenceError, Store, now};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::log::Entry;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The same person's looking at the same record in the same way within this time is one view.
const ONE_VIEW: Duration = Duration::from_mins(10);
/// Views that are remembered; beyond that one may be entered twice.
const REMEMBERED: usize = 10_000;
/// Entries that are made at once.
const AT_ONCE: usize = 1_000;

/// How somebody looked at a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// In a few words, or statement by statement.
    Shown,
    /// Frame by frame.
    Played,
    /// Frame by frame, as they came.
    Followed,
    /// What was refused in it.
    Explained,
    /// Its statements were run again.
    Rerun,
    /// It was written into a file.
    Exported,
    /// Its sealed layer was opened.
    Unsealed,
}

impl How {
    /// Its name, as the log has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Played => "played",
            Self::Followed => "followed",
            Self::Explained => "explained",
            Self::Rerun => "rerun",
            Self::Exported => "exported",
            Self::Unsealed => "unsealed",
        }
    }
}

/// A view, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// The number of the log's entry.
    pub entry: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// How.
    pub how: String,
}

/// The views of a record, the oldest first, whether it is still there or not.
///
/// # Errors
/// Where the log can't be read.
pub fn views(state_dir: &Path, session: SessionId) -> Result<Vec<View>, EvidenceError> {
    let mut found = Vec::new();
    for (entry, said) in read_log(state_dir)? {
        if let Ok(Entry::Viewed { at, by, session: viewed, how }) = said
            && viewed == session
        {
            found.push(View { entry, at: Timestamp(at), by, how });
        }
    }
    Ok(found)
}

/// Enters views where no gateway is asked, beside whoever writes the log.
///
/// # Errors
/// Where they can't be entered: [`is_at_rest`] says whether that may be so.
pub fn view_beside(state_dir: &Path, by: &str, sessions: &[SessionId], how: How) -> Result<(), EvidenceError> {
    let at = now();
    Ok(beside(state_dir, |log| {
        let since = at.before(ONE_VIEW);
        let lately: HashSet<SessionId> = log.lately(since.0)?.iter().filter_map(|entry| viewed(entry, by, how)).collect();
        let fresh: Vec<_> = sessions.iter().copied().filter(|session| !lately.contains(session)).collect();
        fresh.chunks(AT_ONCE).try_for_each(|some| log.append(&entries(at, by, some, how)).map(drop))
    })?)
}

/// Enters something else where no gateway is asked.
///
/// # Errors
/// The same.
pub fn enter_beside(state_dir: &Path, entry: &Entry) -> Result<(), EvidenceError> {
    Ok(beside(state_dir, |log| log.append(std::slice::from_ref(entry)).map(drop))?)
}

/// Whether nothing can be entered because the store is a copy that nobody writes, can't be written by who reads it, or is
/// damaged and has to be looked into: then it may be read all the same.
#[must_use]
pub fn is_at_rest(error: &EvidenceError) -> bool {
    use std::io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};
    match error {
        EvidenceError::Log(LogError::Io { error, .. }) => {
            matches!(error.kind(), NotFound | PermissionDenied | ReadOnlyFilesystem)
        }
        EvidenceError::Log(LogError::Damaged { .. }) => true,
        _ => false,
    }
}

/// The views that this gateway has entered lately.
#[derive(Default)]
pub(super) struct Lately(Mutex<HashMap<(String, SessionId, How), Timestamp>>);

impl Store {
    /// Enters views of records in the log, on the disk before this comes back. Nothing is to be shown where that fails.
    ///
    /// # Errors
    /// Where they can't be entered.
    pub fn viewed(&self, by: &str, sessions: &[SessionId], how: How) -> Result<(), EvidenceError> {
        let at = now();
        let fresh = self.lately().fresh(at, by, sessions, how);
        for some in fresh.chunks(AT_ONCE) {
            self.enter_now(&entries(at, by, some, how))?;
        }
        self.lately().remember(at, by, &fresh, how);
        Ok(())
    }
}

impl Lately {
    fn fresh(&self, at: Timestamp, by: &str, sessions: &[SessionId], how: How) -> Vec<SessionId> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = at.before(ONE_VIEW);
        let lately = |session: SessionId| known.get(&(by.to_owned(), session, how)).is_some_and(|at| *at >= since);
        sessions.iter().copied().filter(|session| !lately(*session)).collect()
    }

    fn remember(&self, at: Timestamp, by: &str, sessions: &[SessionId], how: How) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + sessions.len() > REMEMBERED {
            let since = at.before(ONE_VIEW);
            known.retain(|_, at| *at >= since);
        }
        if known.len() + sessions.len() > REMEMBERED {
            known.clear();
        }
        known.extend(sessions.iter().take(REMEMBERED).map(|session| ((by.to_owned(), *session, how), at)));
    }
}

fn entries(at: Timestamp, by: &str, sessions: &[SessionId], how: How) -> Vec<Entry> {
    let one = |session: &SessionId| Entry::Viewed { at: at.0, by: by.to_owned(), session: *session, how: how.name().to_owned() };
    sessions.iter().map(one).collect()
}

/// The session, where that is this person's view in this way.
fn viewed(entry: &Entry, who: &str, way: How) -> Option<SessionId> {
    match entry {
        Entry::Viewed { by, session, how, .. } if by == who && how == way.name() => Some(*session),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EvidenceSettings, Trusted, verify};
    use super::*;
    use serde_json::json;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn told(state: &Path, session: SessionId) -> Vec<(String, String)> {
        views(state, session).unwrap().into_iter().map(|view| (view.by, view.how)).collect()
    }

    #[tokio::test]
    async fn who_looks_twice_in_ten_minutes_is_entered_once_whether_a_gateway_is_asked_or_not() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path(), EvidenceSettings::default()).unwrap();
        let (session, other) = (SessionId::from_number(7), SessionId::from_number(8));
        let recorder = store.begin(session, gateway_core::model::ids::RunId::from_number(1), &json!({})).unwrap();
        recorder.close(&json!({"reason": "client_done"})).await.unwrap();
        for _ in 0..3 {
            store.viewed("ana", &[session], How::Played).unwrap();
        }
        store.viewed("ana", &[session, other], How::Shown).unwrap();
        store.viewed("bo", &[session], How::Played).unwrap();
        // By hand, beside the gateway: what that has entered counts.
        view_beside(state.path(), "ana", &[session], How::Played).unwrap();
        view_beside(state.path(), "cy", &[session], How::Exported).unwrap();
        view_beside(state.path(), "cy", &[session], How::Exported).unwrap();
        let expected = [("ana", "played"), ("ana", "shown"), ("bo", "played"), ("cy", "exported")];
        assert_eq!(told(state.path(), session), expected.map(|(by, how)| (by.to_owned(), how.to_owned())));
        assert_eq!(told(state.path(), other).len(), 1);
        // What was appended beside it is signed by the gateway.
        store.settle(Duration::from_secs(10));
        let found = verify(state.path(), Some(session), &Trusted::default()).unwrap();
        assert_eq!((found.log_entries, found.problems()), (found.log_signed, 0));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_over_after_ten_minutes() {
        let (lately, at) = (Lately::default(), Timestamp(1 << 60));
        let session = SessionId::from_number;
        lately.remember(at, "ana", &[session(1)], How::Shown);
        assert!(lately.fresh(at.after(ONE_VIEW), "ana", &[session(1)], How::Shown).is_empty());
        let later = at.after(ONE_VIEW + Duration::from_secs(1));
        assert_eq!(lately.fresh(later, "ana", &[session(1)], How::Shown), [session(1)]);
        for number in 0..3 * REMEMBERED as u64 {
            lately.remember(at, "ana", &[session(number)], How::Shown);
        }
        assert!(lately.0.lock().unwrap().len() <= REMEMBERED);
    }

    #[test]
    fn a_store_that_is_a_copy_or_damaged_may_be_read_and_a_full_disk_may_not() {
        let state = tempfile::tempdir().unwrap();
        let none = view_beside(state.path(), "ana", &[SessionId::from_number(1)], How::Shown).unwrap_err();
        assert!(is_at_rest(&none), "{none}");
        drop(Store::open(state.path(), EvidenceSettings::default()).unwrap());
        fs::set_permissions(state.path().join("log"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::remove_file(state.path().join("log/journal")).unwrap();
        let damaged = view_beside(state.path(), "ana", &[SessionId::from_number(1)], How::Shown).unwrap_err();
        assert!(is_at_rest(&damaged), "{damaged}");
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert!(!is_at_rest(&EvidenceError::Log(LogError::Io { what: "append to", path: "x".into(), error: full })));
    }
}
