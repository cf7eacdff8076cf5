//! Removing a record: what is left of it is in the signed log before the first of its files goes.
//!
//! A file of `removing/` marks each record that is about to be removed. Whoever is killed between the two leaves it, and the
//! next start goes on: a record has its files or its tombstone, and one that has both is marked.

use super::log::{self, KeyReference, Log, LogError, Signer, read_log};
use super::marks::Marks;
use super::walk::{is_live, last_hash};
use super::{EvidenceError, EvidenceSettings, Store, files, now};
use crate::durable;
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::Hash;
use gateway_core::record::log::Entry;
use nix::fcntl::Flock;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long the log may take to be signed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A record that may go: it is closed, and the signed log says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its session.
    pub session: SessionId,
    /// When it was closed.
    pub closed_at: Timestamp,
    frames: u64,
    bytes: u64,
    chain: Hash,
}

impl Candidate {
    /// How many bytes its files have.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What log and files have of old records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Those that were closed before then, the oldest first.
    pub candidates: Vec<Candidate>,
    /// How many were closed before then, and no checkpoint says so yet.
    pub unsigned: u64,
    /// Those that have a tombstone, and files: a backup brought them back.
    pub returned: Vec<SessionId>,
}

/// What is left of a record that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tombstone {
    /// When it was removed.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Looks for records that were closed before `before`, and what is in the way of removing them.
///
/// # Errors
/// Where files or log can't be read, or the log is damaged: then nothing may be removed.
pub fn due(state_dir: &Path, before: Timestamp) -> Result<Due, EvidenceError> {
    let old = |session: &SessionId| session.made_at() < before;
    let there = files::all(state_dir)?.into_iter().filter_map(|(_, name)| Some(name?.0));
    let there: BTreeSet<SessionId> = there.filter(old).collect();
    if there.is_empty() {
        return Ok(Due::default());
    }
    // What is signed by now, before anything more is read.
    let covered = log::covered(state_dir)?;
    let (mut closed, mut removed) = (BTreeMap::new(), BTreeSet::new());
    for (index, entry) in read_log(state_dir)? {
        match entry {
            Ok(Entry::Closed { at, session, frames, bytes, chain, .. }) if there.contains(&session) => {
                closed.insert(session, (index, Candidate { session, closed_at: Timestamp(at), frames, bytes, chain }));
            }
            Ok(Entry::Removed { session, .. }) if there.contains(&session) => {
                removed.insert(session);
            }
            Ok(_) => {}
            Err(problem) => return Err(LogError::Damaged { directory: state_dir.join("log"), problem }.into()),
        }
    }
    let closed: Vec<_> =
        closed.into_values().filter(|(_, one)| one.closed_at < before && !removed.contains(&one.session)).collect();
    let unsigned = closed.iter().filter(|(index, _)| *index >= covered).count() as u64;
    let candidates = closed.into_iter().filter(|(index, _)| *index < covered).map(|(_, candidate)| candidate).collect();
    Ok(Due { candidates, unsigned, returned: removed.into_iter().collect() })
}

impl Tombstone {
    /// What an entry of the log says was removed, and what is left of it.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<(SessionId, Self)> {
        match entry {
            Entry::Removed { at, session, by, why, .. } => {
                Some((*session, Self { at: Timestamp(*at), by: by.clone(), why: why.clone() }))
            }
            _ => None,
        }
    }
}

/// The tombstone of a session; none where its record was not removed.
///
/// # Errors
/// Where the log can't be read.
pub fn tombstone(state_dir: &Path, wanted: SessionId) -> Result<Option<Tombstone>, EvidenceError> {
    let stones = read_log(state_dir)?.filter_map(|(_, entry)| Tombstone::of(&entry.ok()?));
    Ok(stones.filter(|(session, _)| *session == wanted).map(|(_, stone)| stone).next())
}

/// Whether a removal of it has begun that is not over.
pub(super) fn is_marked(state_dir: &Path, session: SessionId) -> bool {
    directory(state_dir).join(session.to_string()).exists()
}

/// Goes on with what a process that is gone has begun: files of records that have a tombstone are removed.
pub(super) fn mend(state_dir: &Path, log: &Log) -> Result<(), EvidenceError> {
    let directory = directory(state_dir);
    if !directory.exists() {
        return Ok(());
    }
    // Somebody who removes at this moment goes on with it.
    let Some(_lock) = turn(&directory)? else { return Ok(()) };
    let marks = Marks::removing(state_dir)?;
    let marked = marks.all()?;
    if marked.is_empty() {
        return Ok(());
    }
    let mut entombed = BTreeSet::new();
    for entry in log.entries(0) {
        if let (_, Entry::Removed { session, .. }) = entry? {
            entombed.insert(session);
        }
    }
    let (begun, only_marked): (Vec<_>, Vec<_>) = marked.into_iter().partition(|session| entombed.contains(session));
    only_marked.into_iter().for_each(|session| marks.remove(session));
    if begun.is_empty() {
        return Ok(());
    }
    log.sync()?;
    log.checkpoint_now()?;
    let begun = begun.into_iter().collect();
    take_away(state_dir, &begun)?;
    tracing::info!(records = begun.len(), "removals that were begun are done");
    settle(state_dir, &marks, &begun)
}

/// The right to remove, for one process at a time.
pub struct Remover<'s> {
    state_dir: PathBuf,
    log: Book<'s>,
    marks: Marks,
    #[expect(dead_code, reason = "the lock goes with it")]
    lock: Flock<fs::File>,
}

/// The log, as whoever removes has it.
enum Book<'s> {
    /// A gateway's that runs.
    Gateway(&'s Store),
    /// Where none does.
    AtRest(Arc<Log>),
}

impl<'s> Remover<'s> {
    /// With the log of a gateway that runs. None where somebody else removes at this moment.
    ///
    /// # Errors
    /// Where the state directory can't be written.
    pub fn of(store: &'s Store) -> Result<Option<Self>, EvidenceError> {
        Self::with(store.state_dir(), || Ok(Book::Gateway(store)))
    }

    /// Where no gateway runs.
    ///
    /// # Errors
    /// The same, and where the log can't be opened with its key.
    pub fn at_rest(state_dir: &Path, settings: &EvidenceSettings) -> Result<Option<Remover<'static>>, EvidenceError> {
        Remover::with(state_dir, || {
            let key = settings.key.clone().unwrap_or_else(|| KeyReference::beside(state_dir));
            let signer = Signer::open(state_dir, &key, &settings.origin)?;
            Ok(Book::AtRest(Arc::new(Log::open(state_dir, signer)?)))
        })
    }

    fn with(state_dir: &Path, log: impl FnOnce() -> Result<Book<'s>, EvidenceError>) -> Result<Option<Self>, EvidenceError> {
        let marks = Marks::removing(state_dir)?;
        let Some(lock) = turn(&directory(state_dir))? else { return Ok(None) };
        Ok(Some(Self { state_dir: state_dir.to_owned(), log: log()?, marks, lock }))
    }

    /// Whether it is what the log says was closed, as far as its length and its last hash tell, and nobody writes it. What was
    /// changed is kept: it is evidence of that.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn is_as_closed(&self, candidate: &Candidate) -> Result<bool, EvidenceError> {
        let segments = files::segments(&self.state_dir, candidate.session)?;
        let bytes: u64 = segments.iter().map(|(_, bytes)| bytes).sum();
        let Some((last, _)) = segments.last() else { return Ok(false) };
        Ok(bytes == candidate.bytes && last_hash(last)? == Some(candidate.chain) && !is_live(&self.state_dir, candidate.session))
    }

    /// Enters the tombstones of these records; no file is touched yet. `why` is for people.
    ///
    /// # Errors
    /// Where they can't be entered: then none is.
    pub fn entomb(&self, records: &[Candidate], by: &str, why: &str) -> Result<(), EvidenceError> {
        let at = now().0;
        for record in records {
            self.marks.add(record.session)?;
        }
        let path = directory(&self.state_dir);
        self.marks.sync().map_err(EvidenceError::io("sync", &path))?;
        let tombstones = records.iter().map(|&Candidate { session, frames, bytes, chain, .. }| Entry::Removed {
            at,
            session,
            frames,
            bytes,
            chain,
            by: by.to_owned(),
            why: why.to_owned(),
        });
        let tombstones: Vec<_> = tombstones.collect();
        match &self.log {
            Book::Gateway(store) => store.enter_now(&tombstones),
            Book::AtRest(log) => {
                log.locked(|log| log.append(&tombstones))?;
                Ok(log.sync()?)
            }
        }
    }

    /// Removes the files of records whose tombstones were entered, once a checkpoint covers these.
    ///
    /// # Errors
    /// Where the log can't be signed, or a file can't be removed: the next start goes on with it.
    pub fn bury(&self, sessions: &[SessionId]) -> Result<(), EvidenceError> {
        if sessions.is_empty() {
            return Ok(());
        }
        self.sign()?;
        // One that a backup brought back has no mark yet.
        sessions.iter().try_for_each(|session| self.marks.add(*session))?;
        let sessions = sessions.iter().copied().collect();
        take_away(&self.state_dir, &sessions)?;
        settle(&self.state_dir, &self.marks, &sessions)
    }

    /// Has a checkpoint cover all that is in the log by now.
    fn sign(&self) -> Result<(), EvidenceError> {
        let log = match &self.log {
            Book::Gateway(store) => store.log(),
            Book::AtRest(log) => Arc::clone(log),
        };
        let size = log.size()?;
        let covers = || Ok::<_, EvidenceError>(log.checkpoint()?.is_some_and(|signed| signed.checkpoint().size >= size));
        if let Book::Gateway(store) = &self.log {
            // By the writer, so that the checkpoint goes where all others go.
            store.settle(PATIENCE);
        }
        if !covers()? {
            log.checkpoint_now()?;
        }
        if covers()? { Ok(()) } else { Err(EvidenceError::Unsigned) }
    }
}

/// Removes all files of these records, the first of each last: as long as it is there, the others are known to be missing.
fn take_away(state_dir: &Path, sessions: &BTreeSet<SessionId>) -> Result<(), EvidenceError> {
    let files = files::all(state_dir)?.into_iter();
    let mut own: Vec<_> = files.filter_map(|(path, name)| Some((name?, path))).collect();
    own.retain(|((session, _), _)| sessions.contains(session));
    own.sort();
    for (_, path) in own.into_iter().rev() {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(EvidenceError::io("remove", &path)(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// The files are gone for good: nothing has to be mended any more.
fn settle(state_dir: &Path, marks: &Marks, sessions: &BTreeSet<SessionId>) -> Result<(), EvidenceError> {
    let directory = files::sessions(state_dir);
    durable::sync_names(&directory).map_err(EvidenceError::io("sync", &directory))?;
    sessions.iter().for_each(|session| marks.remove(*session));
    Ok(())
}

fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("removing")
}

/// One process removes at a time; none where another does.
fn turn(directory: &Path) -> Result<Option<Flock<fs::File>>, EvidenceError> {
    let path = directory.join("lock");
    durable::try_lock(&path).map_err(EvidenceError::io("lock", &path))
}

#[cfg(test)]
mod tests {
    use super::super::{Trusted, verify};
    use super::*;
    use gateway_core::model::ids::RunId;
    use serde_json::json;

    async fn recorded(store: &Store, number: u64) -> SessionId {
        let session = SessionId::from_number(number);
        let recorder = store.begin(session, RunId::from_number(1), &json!({ "session": session })).unwrap();
        recorder.close(&json!({"reason": "client_done"})).await.unwrap();
        session
    }

    fn state_of(state: &Path, session: SessionId) -> (String, usize) {
        let found = verify(state, None, &Trusted::default()).unwrap();
        assert_eq!((&found.log, &found.strangers), (&Vec::new(), &Vec::new()));
        let one = found.sessions.into_iter().find(|one| one.session == session).unwrap();
        (one.state.to_owned(), one.report.problems.len())
    }

    fn later() -> Timestamp {
        now().after(Duration::from_secs(60))
    }

    /// Record, tombstone, or both with a mark: whatever a crash leaves is mended by the next start and is no false alarm.
    #[tokio::test]
    async fn whenever_it_stops_there_is_a_record_or_a_tombstone_and_the_next_start_goes_on() {
        for stop in 0..4 {
            let state = tempfile::tempdir().unwrap();
            let session = {
                let store =
                    Store::open(state.path(), EvidenceSettings { segment_bytes: 200, ..EvidenceSettings::default() }).unwrap();
                let session = recorded(&store, 7).await;
                let unsigned = due(state.path(), later()).unwrap();
                assert!(unsigned.unsigned == 1 || unsigned.candidates.len() == 1, "{unsigned:?}");
                store.settle(PATIENCE);
                let found = due(state.path(), later()).unwrap();
                assert_eq!((found.candidates.len(), found.unsigned), (1, 0));
                assert_eq!(due(state.path(), Timestamp(1)).unwrap(), Due::default());
                let remover = Remover::of(&store).unwrap().unwrap();
                assert!(Remover::of(&store).unwrap().is_none(), "one at a time");
                assert!(remover.is_as_closed(&found.candidates[0]).unwrap());
                match stop {
                    0 => remover.marks.add(session).unwrap(),
                    1 => remover.entomb(&found.candidates, "weir", "x").unwrap(),
                    2 => {
                        remover.entomb(&found.candidates, "weir", "x").unwrap();
                        let (last, _) = files::segments(state.path(), session).unwrap().pop().unwrap();
                        fs::remove_file(last).unwrap();
                    }
                    _ => {
                        remover.entomb(&found.candidates, "weir", "x").unwrap();
                        remover.bury(&[session]).unwrap();
                    }
                }
                session
            };
            let expected = [
                "closed",
                "removing",
                if files::segments(state.path(), session).unwrap().is_empty() { "removed" } else { "removing" },
                "removed",
            ];
            assert_eq!(state_of(state.path(), session), (expected[stop].to_owned(), 0), "{stop}");
            drop(Store::open(state.path(), EvidenceSettings::default()).unwrap());
            let after = if stop == 0 { "closed" } else { "removed" };
            assert_eq!(state_of(state.path(), session), (after.to_owned(), 0), "{stop}");
            assert_eq!(Marks::removing(state.path()).unwrap().all().unwrap(), BTreeSet::new(), "{stop}");
            assert_eq!(tombstone(state.path(), session).unwrap().map(|stone| stone.by), (stop > 0).then(|| "weir".to_owned()));
        }
    }

    #[tokio::test]
    async fn what_came_back_is_told_and_removed_again_and_what_was_changed_is_kept() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path(), EvidenceSettings::default()).unwrap();
        let (one, other) = (recorded(&store, 7).await, recorded(&store, 8).await);
        store.settle(PATIENCE);
        let file = files::segment(state.path(), one, 0);
        let kept = fs::read(&file).unwrap();
        let found = due(state.path(), later()).unwrap();
        {
            let remover = Remover::of(&store).unwrap().unwrap();
            let changed = files::segment(state.path(), other, 0);
            let mut bytes = fs::read(&changed).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&changed, bytes).unwrap();
            let whole: Vec<_> = found.candidates.iter().map(|one| remover.is_as_closed(one).unwrap()).collect();
            assert_eq!(whole, [true, false]);
            remover.entomb(&found.candidates[..1], "ana", "older than 90d").unwrap();
            remover.bury(&[one]).unwrap();
        }
        assert!(!file.exists());
        fs::write(&file, kept).unwrap();
        assert_eq!(state_of(state.path(), one).1, 1, "it was put back");
        assert_eq!(due(state.path(), later()).unwrap().returned, [one]);
        Remover::of(&store).unwrap().unwrap().bury(&[one]).unwrap();
        assert_eq!(state_of(state.path(), one), ("removed".to_owned(), 0));
        drop(store);
        let at_rest = Remover::at_rest(state.path(), &EvidenceSettings::default()).unwrap().unwrap();
        at_rest.entomb(&found.candidates[1..], "ana", "by hand").unwrap();
        at_rest.bury(&[other]).unwrap();
        assert_eq!(state_of(state.path(), other), ("removed".to_owned(), 0));
    }
}
