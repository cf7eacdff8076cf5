//! The ledger of what people decided: holds, grants, blocks, broken glass, and an event for each step of them, signed.
//!
//! One file of the state directory, shared by all gateways that run on it: what one of them writes, the others follow within
//! [`FOLLOW`]. Nothing here decides; who may do what is `control`'s, what a session makes of it `session`'s. What is on disk
//! holds: an answer counts once it is written, and what could not be written was not answered.

mod alerts;
mod binding;
mod check;
mod delivery;
mod directory;
mod entry;
mod event;
mod follow;
mod leaving;
mod legal;
mod once;
mod people;
mod reading;
mod schema;
mod signer;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_directory;
mod unseal;

pub use alerts::{Alert, Done, Snoozed};
pub use binding::Binding;
pub use check::{Checked, check};
pub use delivery::{Deliveries, Next, Progress};
pub use directory::{Account, AccountGroup};
pub use entry::{
    Answer, Asked, Code, Glass, Hold, HoldState, Holder, Lease, LeaseState, Lift, Parameter, Review, Scope, Standing,
};
pub use event::{Event, Kind};
pub use follow::Follower;
pub use leaving::{Departure, How, Left, Takeover};
pub use legal::{HeldFor, LegalHold, Recorded};
pub use once::Once;
pub use people::{SignIn, Token};
pub use reading::Events;
pub use signer::{Signer, verify};
pub use unseal::{UnsealState, Unsealing};

use crate::evidence::now;
use arc_swap::ArcSwap;
pub use entry::Entry;
use gateway_core::control::block::Block;
use gateway_core::control::grant::Grant;
use gateway_core::model::ids::{HoldId, RunId};
use gateway_core::model::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::collections::HashMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, oneshot, watch};

/// How soon a gateway knows what another one has written.
pub const FOLLOW: Duration = Duration::from_millis(100);
/// Events that a listener may be behind before it misses some, and has to read them from the ledger.
const HEARD: usize = 1024;
/// Events that are read from the ledger at once.
const PAGE: usize = 1000;

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Its file.
    #[error("the ledger {path}: {error}")]
    Database {
        /// Where it is.
        path: PathBuf,
        /// What failed.
        error: rusqlite::Error,
    },
    /// The state directory.
    #[error("the state directory {path}: {error}")]
    Directory {
        /// Where it is.
        path: PathBuf,
        /// What failed.
        error: std::io::Error,
    },
    /// It was written by a later version.
    #[error("the ledger {path} is of format {found}, and this version reads up to {known}: use the version that wrote it")]
    Newer {
        /// Where it is.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest known.
        known: u32,
    },
    /// An entry does not read as one.
    #[error("the ledger {path} holds an entry that can't be read: {error}")]
    Entry {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// There is no such entry.
    #[error("there is no {what}")]
    Missing {
        /// Its id.
        what: String,
    },
    /// The key that signs events.
    #[error("the key that signs decisions, {path}: {why}")]
    Key {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// What is in force at a moment. It never changes: another takes its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Refusals by name.
    pub blocks: Vec<Block>,
    /// Permissions that end by themselves.
    pub grants: Vec<Grant>,
    /// Broken glass.
    pub glasses: Vec<Glass>,
    /// Who has left.
    pub left: Arc<Left>,
    /// What others have taken over, the oldest first.
    pub takeovers: Vec<Takeover>,
    /// Shells in which somebody has signed in.
    pub bindings: HashMap<RunId, Binding>,
    /// What is snoozed.
    pub snoozes: Vec<Snoozed>,
}

/// The ledger of one state directory, as this gateway has it open.
pub struct Ledger {
    path: PathBuf,
    connection: Mutex<Connection>,
    signer: Signer,
    holder: Holder,
    in_force: ArcSwap<InForce>,
    /// Counts what has come into force.
    changes: watch::Sender<u64>,
    events: broadcast::Sender<Event>,
    /// Who waits in this process for a hold's end.
    waiting: Mutex<HashMap<HoldId, oneshot::Sender<Hold>>>,
}

impl Ledger {
    /// Opens the ledger below `state_dir`, makes it where it is missing, and closes the holds of gateways that are gone.
    ///
    /// # Errors
    /// Where it can't be read or written: without it nobody knows who is blocked.
    pub fn open(state_dir: &Path) -> Result<Self, LedgerError> {
        let path = state_dir.join("ledger.db");
        // A gateway may be about to start there for the first time.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(state_dir);
        made.map_err(|error| LedgerError::Directory { path: state_dir.to_owned(), error })?;
        let failed = |error| LedgerError::Database { path: path.clone(), error };
        let mut connection = Connection::open(&path).map_err(failed)?;
        schema::prepare(&mut connection, &path)?;
        let ledger = Self {
            signer: Signer::open(state_dir)?,
            connection: Mutex::new(connection),
            holder: Holder::own(),
            in_force: ArcSwap::default(),
            changes: watch::Sender::new(0),
            events: broadcast::Sender::new(HEARD),
            waiting: Mutex::default(),
            path,
        };
        ledger.refresh()?;
        ledger.tidy()?;
        Ok(ledger)
    }

    /// What is in force now: one load.
    #[must_use]
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// Whether this is still what is in force: one load.
    #[must_use]
    pub fn has(&self, in_force: &Arc<InForce>) -> bool {
        Arc::ptr_eq(&self.in_force.load(), in_force)
    }

    /// Hears when anything comes into force or goes out of it.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Hears the events that this process writes, from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// What signs the events.
    #[must_use]
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Who this process is to the others.
    #[must_use]
    pub const fn holder(&self) -> Holder {
        self.holder
    }

    /// Does all of `work` or nothing of it, on disk before this comes back; then it is in force, and who waits is told.
    ///
    /// # Errors
    /// Where `work` fails, or the disk does.
    pub fn change<T, E: From<LedgerError>>(&self, work: impl FnOnce(&mut Change<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut connection = self.lock();
        let (done, events, ended, touched) = {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let transaction = transaction.map_err(|error| self.failed(error))?;
            let mut change =
                Change { ledger: self, transaction, at: now(), events: Vec::new(), ended: Vec::new(), touched: false };
            let done = work(&mut change)?;
            change.transaction.commit().map_err(|error| self.failed(error))?;
            (done, change.events, change.ended, change.touched)
        };
        if touched {
            self.read_in_force(&connection)?;
        }
        drop(connection);
        for hold in ended {
            self.release(hold);
        }
        for event in events {
            // Nobody has to listen.
            let _heard = self.events.send(event).is_ok();
        }
        Ok(done)
    }

    /// Looks without changing anything.
    ///
    /// # Errors
    /// Where `work` fails.
    pub fn look<T, E: From<LedgerError>>(&self, work: impl FnOnce(&Change<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(|error| self.failed(error))?;
        work(&Change { ledger: self, transaction, at: now(), events: Vec::new(), ended: Vec::new(), touched: false })
    }

    /// The end of a hold that is asked in this process, whenever it comes.
    #[must_use]
    pub fn end_of(&self, hold: HoldId) -> oneshot::Receiver<Hold> {
        let (told, hears) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(hold, told);
        hears
    }

    /// Nobody here waits for that any more.
    pub fn forget(&self, hold: HoldId) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&hold);
    }

    /// Up to 1 000 events behind the one of this number, the oldest first.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn events_since(&self, number: u64) -> Result<Vec<Event>, LedgerError> {
        event::since(&self.lock(), number, PAGE).map_err(|error| self.failed(error))
    }

    /// The number of the last event; 0 where there is none.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn last_event(&self) -> Result<u64, LedgerError> {
        event::last(&self.lock()).map_err(|error| self.failed(error))
    }

    /// Up to `most` events of that kind, the newest first.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn events_of(&self, kind: Kind, most: usize) -> Result<Vec<Event>, LedgerError> {
        event::of(&self.lock(), kind, most).map_err(|error| self.failed(error))
    }

    /// Events that are in no record yet, of this gateway or of one that is gone, the oldest first.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn unrecorded(&self) -> Result<Vec<Event>, LedgerError> {
        let connection = self.lock();
        let events = event::unrecorded(&connection, PAGE).map_err(|error| self.failed(error))?;
        let of_nobody_else = |event: &Event| event.holder == self.holder || !event.holder.lives();
        Ok(events.into_iter().filter(of_nobody_else).collect())
    }

    /// These events are in a record.
    ///
    /// # Errors
    /// Where that can't be noted: they will be recorded again.
    pub fn recorded(&self, events: &[u64]) -> Result<(), LedgerError> {
        event::recorded(&mut self.lock(), events).map_err(|error| self.failed(error))
    }

    /// What notifiers have been told, by a connection of its own: nobody waits for it who decides.
    ///
    /// # Errors
    /// Where the file can't be opened again.
    pub fn deliveries(&self) -> Result<Deliveries, LedgerError> {
        Deliveries::open(&self.path, self.holder)
    }

    /// Reads what is in force, and what has become of the holds that are waited for here.
    fn refresh(&self) -> Result<(), LedgerError> {
        let waited: Vec<HoldId> = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        let connection = self.lock();
        self.read_in_force(&connection)?;
        drop(connection);
        for id in waited {
            let hold = self.look(|look| look.find::<Hold>(id.number()))?;
            if let Some(hold) = hold.filter(|hold| hold.state != HoldState::Waiting) {
                self.release(hold);
            }
        }
        Ok(())
    }

    /// Ends what is over by now, and what a gateway that is gone has left open.
    fn tidy(&self) -> Result<(), LedgerError> {
        let at = now();
        let over = self.look(|look| {
            let holds = look.open::<Hold>()?.into_iter().any(|hold| !hold.holder.lives());
            let leases = look.open::<Lease>()?.iter().any(|lease| lease.is_over(at));
            let blocks = look.open::<Standing>()?.iter().any(|block| !block.block.holds(at));
            let glasses = look.open::<Glass>()?.iter().any(|glass| glass.just_ended(at));
            let snoozes = look.open::<Snoozed>()?.iter().any(|snoozed| snoozed.just_ended(at));
            Ok::<_, LedgerError>(
                holds || leases || blocks || glasses || snoozes || look.any_unsealing_is_over()? || look.anybody_is_over()?,
            )
        })?;
        if over { self.change(|change| change.end_what_is_over()) } else { Ok(()) }
    }

    /// When the next thing ends by itself.
    fn next_end(&self) -> Option<Timestamp> {
        let in_force = self.in_force.load();
        let blocks = in_force.blocks.iter().filter_map(|block| block.until);
        let grants = in_force.grants.iter().map(|grant| grant.until);
        let snoozes = in_force.snoozes.iter().map(|snoozed| snoozed.until);
        blocks.chain(grants).chain(in_force.glasses.iter().map(|glass| glass.until)).chain(snoozes).min()
    }

    fn read_in_force(&self, connection: &Connection) -> Result<(), LedgerError> {
        let at = now();
        let leases = self.open_entries::<Lease>(connection)?;
        let fresh = InForce {
            blocks: self.open_entries::<Standing>(connection)?.into_iter().map(|standing| standing.block).collect(),
            grants: leases.into_iter().filter_map(Lease::grant).collect(),
            glasses: self.open_entries::<Glass>(connection)?.into_iter().filter(|glass| glass.holds(at)).collect(),
            left: self.read_left(connection, &self.in_force.load().left)?,
            takeovers: self.open_entries(connection)?,
            bindings: self.read_bindings(connection, at)?,
            snoozes: self.open_entries(connection)?,
        };
        if **self.in_force.load() != fresh {
            self.in_force.store(Arc::new(fresh));
            self.changes.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    fn open_entries<E: Entry>(&self, connection: &Connection) -> Result<Vec<E>, LedgerError> {
        let text = format!("SELECT body FROM {} WHERE open ORDER BY id", E::TABLE);
        self.entries(connection, &text, [])
    }

    fn entries<E: Entry>(
        &self,
        connection: &Connection,
        query: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<E>, LedgerError> {
        let mut statement = connection.prepare_cached(query).map_err(|error| self.failed(error))?;
        let rows = statement.query_map(parameters, |row| row.get::<_, String>(0)).map_err(|error| self.failed(error))?;
        rows.map(|row| self.read(&row.map_err(|error| self.failed(error))?)).collect()
    }

    fn read<E: Entry>(&self, body: &str) -> Result<E, LedgerError> {
        serde_json::from_str(body).map_err(|error| LedgerError::Entry { path: self.path.clone(), error })
    }

    fn release(&self, hold: Hold) {
        let told = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&hold.id);
        if let Some(told) = told {
            // Whoever waited may have left.
            let _heard = told.send(hold).is_ok();
        }
    }

    fn failed(&self, error: rusqlite::Error) -> LedgerError {
        LedgerError::Database { path: self.path.clone(), error }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change in the making.
pub struct Change<'l> {
    ledger: &'l Ledger,
    transaction: rusqlite::Transaction<'l>,
    /// When it is made.
    pub at: Timestamp,
    events: Vec<Event>,
    /// Holds that end by it.
    ended: Vec<Hold>,
    /// Whether what is in force may be another after it.
    touched: bool,
}

impl Change<'_> {
    /// The gateway that makes it.
    #[must_use]
    pub const fn holder(&self) -> Holder {
        self.ledger.holder
    }

    /// The entry of this number.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn find<E: Entry>(&self, id: u64) -> Result<Option<E>, LedgerError> {
        let text = format!("SELECT body FROM {} WHERE id = ?1", E::TABLE);
        let found = self
            .transaction
            .prepare_cached(&text)
            .and_then(|mut statement| statement.query_row([id.cast_signed()], |row| row.get::<_, String>(0)).optional());
        let body = found.map_err(|error| self.ledger.failed(error))?;
        body.map(|body| self.ledger.read(&body)).transpose()
    }

    /// All that are not over, the oldest first.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn open<E: Entry>(&self) -> Result<Vec<E>, LedgerError> {
        self.ledger.open_entries(&self.transaction)
    }

    /// All that are not over, and of the newest `past` those that are; only the latter where they are to be older than
    /// `before`. The newest first, and the number of the last that was looked at, where there may be more.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn latest<E: Entry>(&self, past: usize, before: Option<u64>) -> Result<(Vec<E>, Option<u64>), LedgerError> {
        let mut all = if before.is_none() { self.open::<E>()? } else { Vec::new() };
        let mut next = None;
        if past > 0 {
            let newest = self.newest::<E>(before, past)?;
            next = newest.last().filter(|_| newest.len() == past).map(Entry::number);
            all.extend(newest.into_iter().filter(|entry| !entry.is_open()));
        }
        all.sort_by_key(|entry| std::cmp::Reverse(entry.number()));
        Ok((all, next))
    }

    /// The newest `most`, over or not, the newest first; those before `before`, where that is given.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn newest<E: Entry>(&self, before: Option<u64>, most: usize) -> Result<Vec<E>, LedgerError> {
        let text = format!("SELECT body FROM {} WHERE id < ?1 ORDER BY id DESC LIMIT ?2", E::TABLE);
        let before = before.map_or(i64::MAX, u64::cast_signed);
        self.ledger.entries(&self.transaction, &text, params![before, i64::try_from(most).unwrap_or(i64::MAX)])
    }

    /// Writes an entry, new or changed.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn put<E: Entry>(&mut self, entry: &E) -> Result<(), LedgerError> {
        let body = serde_json::to_string(entry).map_err(|error| LedgerError::Entry { path: self.ledger.path.clone(), error })?;
        let text = format!("INSERT OR REPLACE INTO {} (id, open, body) VALUES (?1, ?2, ?3)", E::TABLE);
        let row = params![entry.number().cast_signed(), entry.is_open(), body];
        let written = self.transaction.prepare_cached(&text).and_then(|mut statement| statement.execute(row));
        written.map_err(|error| self.ledger.failed(error))?;
        self.touched |= E::IN_FORCE;
        if let Some(hold) = entry.as_ended_hold() {
            self.ended.push(hold.clone());
        }
        Ok(())
    }

    /// Removes an entry: nothing of it is kept.
    ///
    /// # Errors
    /// Where it can't be removed.
    pub fn remove<E: Entry>(&mut self, entry: &E) -> Result<(), LedgerError> {
        let text = format!("DELETE FROM {} WHERE id = ?1", E::TABLE);
        let removed =
            self.transaction.prepare_cached(&text).and_then(|mut statement| statement.execute([entry.number().cast_signed()]));
        removed.map_err(|error| self.ledger.failed(error))?;
        self.touched |= E::IN_FORCE;
        Ok(())
    }

    /// Tells of a step, signed, as part of this change.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn tell(&mut self, kind: Kind, by: &str, subject: &str, details: &serde_json::Value) -> Result<(), LedgerError> {
        self.event(kind, by, subject, details).map(drop)
    }

    /// The same, and what is told.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn event(&mut self, kind: Kind, by: &str, subject: &str, details: &serde_json::Value) -> Result<Event, LedgerError> {
        let Self { ledger, transaction, at, events, .. } = self;
        let event = event::append(transaction, &ledger.signer, ledger.holder, (*at, kind, by, subject, details));
        let event = event.map_err(|error| ledger.failed(error))?;
        events.push(event.clone());
        Ok(event)
    }
}
