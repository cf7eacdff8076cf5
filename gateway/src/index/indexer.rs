//! The thread that keeps the index: it catches up, then follows what the kernel tells of the folder of records.

use super::catchup::{Watch, catch_up, in_one};
use super::fresh::{Lock, lock_path, rebuild_path};
use super::reading::Reading;
use super::schema::{self, set_meta};
use super::{IndexError, write};
use crate::evidence::{files, now};
use gateway_core::model::ids::SessionId;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often records that are being written are looked at.
const LIVE: Duration = Duration::from_secs(2);
/// How often one looks whether it may lead, or where nothing tells it anything.
const IDLE: Duration = Duration::from_secs(5);
/// Notices that come together are worked off together.
const GATHER: Duration = Duration::from_millis(30);
/// Records that are kept open while they are written. Others are read once they are closed.
const OPEN: usize = 32;
/// How long to wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The indexer of a gateway: it leads, or waits until it may.
pub struct Indexer {
    stop: Arc<AtomicBool>,
    wake: UnixStream,
    thread: JoinHandle<()>,
}

impl Indexer {
    /// Starts it.
    ///
    /// # Errors
    /// Where there can be no further thread.
    pub fn start(state_dir: &Path) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work { state_dir: state_dir.to_owned(), stop: Arc::clone(&stop), woken };
        let thread = std::thread::Builder::new().name("weir-index".to_owned()).spawn(move || work.run())?;
        Ok(Self { stop, wake, thread })
    }

    /// Ends it. What was recorded by now is indexed before, where that takes no time.
    pub fn end(self) {
        self.stop.store(true, Ordering::Release);
        drop(self.wake);
        if self.thread.join().is_err() {
            tracing::error!("the index's thread has panicked");
        }
    }
}

struct Work {
    state_dir: PathBuf,
    stop: Arc<AtomicBool>,
    /// Readable once it is to stop.
    woken: UnixStream,
}

/// What the kernel tells of.
struct Notices {
    inotify: Inotify,
    lock: WatchDescriptor,
}

/// What is to be done about notices.
#[derive(Default)]
struct Heard {
    /// Records that were made or closed.
    touched: BTreeSet<SessionId>,
    /// Records that are gone.
    gone: BTreeSet<SessionId>,
    /// Somebody asks.
    asked: bool,
    /// Some were missed.
    missed: bool,
}

impl Work {
    fn run(self) {
        while !self.stops() {
            let pause = match self.lead() {
                Ok(()) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, "the index is not kept for now: records are read instead");
                    if error.is_damage()
                        && let Err(error) = schema::remove(&self.state_dir)
                    {
                        tracing::warn!(%error, "a damaged index can't be removed");
                    }
                    AFTER_FAILURE
                }
            };
            self.wait(None, pause);
        }
    }

    /// Keeps the index until it is to stop. Comes back at once where another process keeps it.
    fn lead(&self) -> Result<(), IndexError> {
        let Some(_lock) = Lock::take(&self.state_dir)? else { return Ok(()) };
        loop {
            // Before the records are listed: none is made unheard.
            let notices = self.notices()?;
            let connection = schema::write(&self.state_dir)?;
            let mark = rebuild_path(&self.state_dir);
            let _removed = std::fs::remove_file(mark).is_ok();
            if self.keep(&connection, &notices)? {
                return Ok(());
            }
            drop(connection);
            schema::remove(&self.state_dir)?;
        }
    }

    /// Catches up and follows. True where it is to stop, false where the index is to be made anew.
    fn keep(&self, connection: &Connection, notices: &Notices) -> Result<bool, IndexError> {
        let mut live = self.catch_up(connection)?;
        let mut looked = Instant::now();
        loop {
            let patience = if live.is_empty() { IDLE } else { LIVE.saturating_sub(looked.elapsed()) };
            self.wait(Some(notices), patience);
            let stops = self.stops();
            if rebuild_path(&self.state_dir).exists() {
                return Ok(stops);
            }
            let at = now();
            let mut heard = self.hear(notices)?;
            if !heard.asked && !stops && !heard.touched.is_empty() {
                std::thread::sleep(GATHER);
                heard.more(self.hear(notices)?);
            }
            if heard.missed {
                live = self.catch_up(connection)?;
            }
            let due = stops || looked.elapsed() >= LIVE || (heard.asked && live.len() <= OPEN);
            if due {
                looked = Instant::now();
                heard.touched.extend(live.iter().filter(|(_, reading)| reading.is_some()).map(|(session, _)| *session));
            }
            self.pass(connection, &mut live, &heard)?;
            if heard.asked || stops {
                in_one(connection, |connection| set_meta(connection, "at", at.0.cast_signed()))?;
            }
            if stops {
                return Ok(true);
            }
        }
    }

    fn catch_up(&self, connection: &Connection) -> Result<BTreeMap<SessionId, Option<Reading>>, IndexError> {
        let stop = || self.stops();
        let mut watch = Watch { stop: &stop, tell: &mut |_progress| {}, gentle: true };
        let open = catch_up(connection, &self.state_dir, &mut watch)?;
        let mut live = BTreeMap::new();
        for session in open {
            let reading = if live.len() < OPEN { Reading::open(&self.state_dir, session).ok().flatten() } else { None };
            live.insert(session, reading);
        }
        Ok(live)
    }

    /// Reads what has changed and keeps it.
    fn pass(
        &self,
        connection: &Connection,
        live: &mut BTreeMap<SessionId, Option<Reading>>,
        heard: &Heard,
    ) -> Result<(), IndexError> {
        let mut read = Vec::new();
        for session in heard.touched.difference(&heard.gone) {
            let held = live.remove(session).flatten();
            let opened = held.map_or_else(|| Reading::open(&self.state_dir, *session), |reading| Ok(Some(reading)));
            let reading = opened.and_then(|reading| {
                let Some(mut reading) = reading else { return Ok(None) };
                reading.go_on(&self.state_dir).map(|()| Some(reading))
            });
            match reading {
                Ok(Some(reading)) => read.push(reading),
                Ok(None) => {}
                Err(error) => tracing::warn!(%session, %error, "a record can't be indexed"),
            }
        }
        if !read.is_empty() || !heard.gone.is_empty() {
            in_one(connection, |connection| {
                // One that was only just made has nothing to tell yet.
                read.iter()
                    .filter(|reading| reading.tally.summary.frames > 0)
                    .try_for_each(|reading| write::put(connection, &reading.tally))?;
                heard.gone.iter().try_for_each(|session| write::remove(connection, *session))
            })?;
        }
        for session in &heard.gone {
            live.remove(session);
        }
        let mut open = live.values().flatten().count();
        for reading in read.into_iter().filter(|reading| reading.is_live()) {
            let session = reading.tally.summary.session;
            let kept = (open < OPEN).then_some(reading);
            open += usize::from(kept.is_some());
            live.insert(session, kept);
        }
        Ok(())
    }

    fn notices(&self) -> Result<Notices, IndexError> {
        let failed = |path: PathBuf| move |error: nix::Error| IndexError::File { path, error: error.into() };
        let (lock, sessions) = (lock_path(&self.state_dir), files::sessions(&self.state_dir));
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).map_err(failed(sessions.clone()))?;
        let of_records = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO;
        inotify.add_watch(&sessions, of_records).map_err(failed(sessions.clone()))?;
        let lock = inotify.add_watch(&lock, AddWatchFlags::IN_CLOSE_WRITE).map_err(failed(lock))?;
        Ok(Notices { inotify, lock })
    }

    fn hear(&self, notices: &Notices) -> Result<Heard, IndexError> {
        let mut heard = Heard::default();
        loop {
            match notices.inotify.read_events() {
                Ok(events) => events.into_iter().for_each(|event| heard.one(event, notices.lock)),
                Err(nix::Error::EAGAIN) => return Ok(heard),
                Err(nix::Error::EINTR) => {}
                Err(error) => {
                    return Err(IndexError::File { path: files::sessions(&self.state_dir), error: error.into() });
                }
            }
        }
    }

    /// Waits for a notice, or for the end.
    fn wait(&self, notices: Option<&Notices>, patience: Duration) {
        let mut waited = vec![PollFd::new(self.woken.as_fd(), PollFlags::POLLIN)];
        waited.extend(notices.map(|notices| PollFd::new(notices.inotify.as_fd(), PollFlags::POLLIN)));
        let timeout = PollTimeout::try_from(patience.max(Duration::from_millis(1))).unwrap_or(PollTimeout::MAX);
        // A signal ends it early, which does no harm.
        let _woken = poll(&mut waited, timeout).is_ok();
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

impl Heard {
    fn one(&mut self, event: InotifyEvent, lock: WatchDescriptor) {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            self.missed = true;
        } else if event.wd == lock {
            self.asked = true;
        } else if let Some((session, segment)) = event.name.as_deref().and_then(|name| name.to_str()).and_then(files::parse_name)
        {
            if event.mask.intersects(AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM) {
                if segment == 0 {
                    self.gone.insert(session);
                }
            } else {
                self.gone.remove(&session);
                self.touched.insert(session);
            }
        }
    }

    fn more(&mut self, more: Self) {
        self.gone.retain(|session| !more.touched.contains(session));
        self.touched.extend(more.touched);
        self.gone.extend(more.gone);
        self.asked |= more.asked;
        self.missed |= more.missed;
    }
}
