//! The catalogs that all sessions share: read when asked for, one reader at a time, never old.

use super::columns::Definitions;
use super::load::{BuiltIn, load};
use super::{CatalogError, SideConnection};
use crate::credential::{CredentialError, Secret};
use crate::tls::UpstreamTls;
use gateway_core::inspect::catalog::Catalog;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How old a catalog may be. One that took long to read may be as old as [`PATIENCE`] times that,
/// so that reading it is not all that the server does.
const FRESH: Duration = Duration::from_secs(5);
const PATIENCE: u32 = 10;
/// How old one may be that can't be read again.
const KEPT: Duration = Duration::from_secs(60);
/// After a failure, until the next attempt.
const PAUSE: Duration = Duration::from_secs(1);
/// To read one.
const LOADING: Duration = Duration::from_secs(30);
/// How long the connection that reads it stays open behind its last use,
const IDLE: Duration = Duration::from_secs(10);
/// and how old it may become: the credential may have been taken back.
const OLDEST: Duration = Duration::from_secs(60);
/// How many databases' are kept; the one not used for longest goes.
const DATABASES: usize = 256;

/// Whose catalog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The server.
    pub address: SocketAddr,
    /// The database; not empty.
    pub database: Box<str>,
    /// Whether the columns of relations, and what views are made of, are wanted, too.
    pub columns: bool,
}

/// The catalogs of the databases that sessions are in.
#[derive(Debug, Default)]
pub struct Catalogs {
    entries: Mutex<BTreeMap<Place, Used>>,
    /// Counts uses, to know which is the oldest.
    uses: AtomicU64,
}

#[derive(Debug)]
struct Used {
    entry: Arc<Entry>,
    last: u64,
}

/// One database's.
#[derive(Debug, Default)]
struct Entry {
    /// Counts what has made it old before its time.
    changes: AtomicU64,
    /// Whoever holds it reads; the others wait for what it finds.
    state: tokio::sync::Mutex<State>,
}

/// One database's catalog, if it is there.
#[derive(Debug)]
pub struct Handle(Arc<Entry>);

impl Handle {
    /// It, where [`Catalogs::of`] would give it at once.
    pub fn now(&self) -> Option<Arc<Catalog>> {
        let state = self.0.state.try_lock().ok()?;
        state.usable(self.0.changes.load(Ordering::Acquire), Read::lifetime)
    }
}

#[derive(Debug, Default)]
struct State {
    read: Option<Read>,
    failure: Option<Failure>,
    /// What the server brings itself, for the next time.
    built_in: Option<BuiltIn>,
    /// What users' views say, for the next time.
    definitions: Definitions,
    reader: Option<Reader>,
    /// Somebody will see to it that an idle reader ends.
    watched: bool,
}

/// The connection that reads.
struct Reader {
    side: SideConnection,
    opened: Instant,
    used: Instant,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("opened", &self.opened).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Read {
    catalog: Arc<Catalog>,
    /// When reading began.
    began: Instant,
    took: Duration,
    changes: u64,
}

#[derive(Debug)]
struct Failure {
    error: Arc<CatalogError>,
    at: Instant,
}

impl Catalogs {
    /// The catalog of `place`, at most 5 s old (ten times as old as reading it took, where that is
    /// more), and never from before an [`Self::invalidate`] that the caller has seen return.
    ///
    /// `credential` is called for each attempt to read it.
    ///
    /// While it can't be read again, the one before stays for 60 s, unless it was invalidated.
    ///
    /// # Errors
    /// When it can't be read. A statement that needs it is then refused.
    pub async fn of(
        &self,
        place: &Place,
        tls: &UpstreamTls,
        credential: impl FnOnce() -> Result<Secret, CredentialError> + Send,
    ) -> Result<Arc<Catalog>, CatalogError> {
        let entry = self.entry(place);
        let asked = Instant::now();
        let mut state = entry.state.lock().await;
        let changes = entry.changes.load(Ordering::Acquire);
        if let Some(catalog) = state.usable(changes, Read::lifetime) {
            return Ok(catalog);
        }
        let error = match state.recent_failure(asked) {
            Some(error) => error,
            None => match state.renew(place, tls, credential, changes).await {
                Ok(catalog) => {
                    watch(&entry, &mut state);
                    return Ok(catalog);
                }
                Err(error) => error,
            },
        };
        state.usable(changes, |_| KEPT).ok_or(CatalogError::Shared(error))
    }

    /// A way to the catalog of `place` without looking for it each time.
    pub fn handle(&self, place: &Place) -> Handle {
        Handle(self.entry(place))
    }

    /// Says that something of the database has changed: what was read until now is not used again.
    pub fn invalidate(&self, place: &Place) {
        if let Some(used) = self.locked().get(place) {
            used.entry.changes.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn entry(&self, place: &Place) -> Arc<Entry> {
        let last = self.uses.fetch_add(1, Ordering::Relaxed);
        let mut entries = self.locked();
        if let Some(used) = entries.get_mut(place) {
            used.last = last;
            return Arc::clone(&used.entry);
        }
        if entries.len() >= DATABASES {
            let oldest = entries.iter().min_by_key(|(_, used)| used.last).map(|(place, _)| place.clone());
            if let Some(gone) = oldest.and_then(|place| entries.remove(&place)) {
                // Nobody tells it of changes any more.
                gone.entry.changes.fetch_add(1, Ordering::AcqRel);
            }
        }
        let entry = Arc::new(Entry::default());
        entries.insert(place.clone(), Used { entry: Arc::clone(&entry), last });
        entry
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Place, Used>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn usable(&self, changes: u64, lifetime: impl Fn(&Read) -> Duration) -> Option<Arc<Catalog>> {
        let read = self.read.as_ref().filter(|read| read.changes == changes && read.began.elapsed() < lifetime(read))?;
        Some(Arc::clone(&read.catalog))
    }

    /// Those who waited while reading failed share the failure, and so do those who come shortly after.
    fn recent_failure(&self, asked: Instant) -> Option<Arc<CatalogError>> {
        let failure = self.failure.as_ref()?;
        (failure.at >= asked || failure.at.elapsed() < PAUSE).then(|| Arc::clone(&failure.error))
    }

    async fn renew(
        &mut self,
        place: &Place,
        tls: &UpstreamTls,
        credential: impl FnOnce() -> Result<Secret, CredentialError> + Send,
        changes: u64,
    ) -> Result<Arc<Catalog>, Arc<CatalogError>> {
        let began = Instant::now();
        match self.read(place, tls, credential).await {
            Ok(catalog) => {
                let catalog = Arc::new(catalog);
                self.read = Some(Read { catalog: Arc::clone(&catalog), began, took: began.elapsed(), changes });
                self.failure = None;
                Ok(catalog)
            }
            Err(error) => {
                let error = Arc::new(error);
                self.failure = Some(Failure { error: Arc::clone(&error), at: Instant::now() });
                Err(error)
            }
        }
    }
}

impl State {
    /// Reads by the connection that is open, or by a new one where that fails or there is none.
    async fn read(
        &mut self,
        place: &Place,
        tls: &UpstreamTls,
        credential: impl FnOnce() -> Result<Secret, CredentialError> + Send,
    ) -> Result<Catalog, CatalogError> {
        let open = |reader: &Reader| !reader.side.is_over() && reader.opened.elapsed() < OLDEST;
        if let Some(reader) = self.reader.take().filter(open)
            && let Ok(catalog) = self.read_by(place, reader).await
        {
            return Ok(catalog);
        }
        let secret = credential()?;
        let opening = Box::pin(SideConnection::open(place.address, tls, &secret, &place.database));
        let side = timeout(LOADING, opening).await.map_err(|_| late(place))??;
        let now = Instant::now();
        self.read_by(place, Reader { side, opened: now, used: now }).await
    }

    /// Reads by `reader`, which stays open where that went well.
    async fn read_by(&mut self, place: &Place, reader: Reader) -> Result<Catalog, CatalogError> {
        let reading = Box::pin(load(&reader.side, &mut self.built_in, &mut self.definitions, place.columns));
        let catalog = timeout(LOADING, reading).await.map_err(|_| late(place))??;
        self.reader = Some(Reader { used: Instant::now(), ..reader });
        Ok(catalog)
    }
}

/// Ends the reader when it has been idle for long enough.
fn watch(entry: &Arc<Entry>, state: &mut State) {
    if std::mem::replace(&mut state.watched, true) {
        return;
    }
    let entry = Arc::downgrade(entry);
    tokio::spawn(async move {
        loop {
            sleep(IDLE).await;
            let Some(entry) = entry.upgrade() else { return };
            let mut state = entry.state.lock().await;
            if state.reader.as_ref().is_none_or(|reader| reader.used.elapsed() >= IDLE) {
                state.reader = None;
                state.watched = false;
                return;
            }
        }
    });
}

impl Read {
    fn lifetime(&self) -> Duration {
        FRESH.max(self.took.saturating_mul(PATIENCE)).min(KEPT)
    }
}

const fn late(place: &Place) -> CatalogError {
    super::late(place.address, LOADING, "reading the catalog")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state with a catalog of this age that took this long, and whether it is used as it is,
    /// and after a failure.
    fn check(age: u64, took: u64, changes: u64, used: bool, kept: bool) {
        let began = Instant::now().checked_sub(Duration::from_secs(age)).unwrap();
        let read = Read { catalog: Arc::default(), began, took: Duration::from_secs(took), changes: 7 };
        let state = State { read: Some(read), ..State::default() };
        let found = (state.usable(changes, Read::lifetime).is_some(), state.usable(changes, |_| KEPT).is_some());
        assert_eq!(found, (used, kept), "{age} s old, {took} s to read, change {changes}");
    }

    #[test]
    fn a_catalog_is_used_while_fresh_and_kept_for_a_minute() {
        check(4, 0, 7, true, true);
        check(6, 0, 7, false, true);
        check(19, 2, 7, true, true);
        check(21, 2, 7, false, true);
        check(61, 20, 7, false, false);
        check(0, 0, 8, false, false);
    }

    #[test]
    fn the_store_is_bounded_and_the_oldest_goes() {
        let catalogs = Catalogs::default();
        let place =
            |n: usize| Place { address: ([127, 0, 0, 1], 5432).into(), database: format!("d{n:03}").into(), columns: false };
        let first = catalogs.entry(&place(0));
        let second = catalogs.entry(&place(1));
        (2..DATABASES).for_each(|n| drop(catalogs.entry(&place(n))));
        assert!(Arc::ptr_eq(&first, &catalogs.entry(&place(0))));
        drop(catalogs.entry(&place(DATABASES)));
        assert_eq!(catalogs.locked().len(), DATABASES);
        assert!(catalogs.locked().contains_key(&place(0)) && !catalogs.locked().contains_key(&place(1)));
        assert_eq!(second.changes.load(Ordering::Relaxed), 1, "whoever still has it asks anew");
    }
}
