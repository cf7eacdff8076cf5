//! The store of one state directory: opened once, shared by all sessions of a gateway.

use super::log::{KeyReference, Log, Signer};
use super::marks::Marks;
use super::recorder::{Line, Recorder};
use super::recover::{self, Recovered};
use super::removal;
use super::sealed::Recipients;
use super::subscriber::Subscriber;
use super::tape::{Press, Tape};
use super::views::Lately;
use super::writer::{self, Queue};
use super::{EvidenceError, files, now};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::record::log::Entry;
use gateway_core::record::{FrameBuffer, FrameKind};
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How records are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSettings {
    /// How long frames may wait before they are written to the file: what a crash of the gateway
    /// can lose.
    pub flush: Duration,
    /// How long written frames may wait for the disk: what a crash of the host can lose. Zero: nothing of a
    /// statement goes to its server before its frames are on the disk.
    pub sync: Duration,
    /// What becomes of a session whose record can't be written.
    pub on_failure: OnFailure,
    /// A record goes on in a new file once its file has this many bytes.
    pub segment_bytes: u64,
    /// How many bytes of one session may wait to be written before its peers are held back.
    pub pending_bytes: usize,
    /// How often the log says how far open records are, and is signed.
    pub checkpoint: Duration,
    /// Who reads the sealed layer; without anybody there is none.
    pub seal_to: Option<Recipients>,
    /// The log's key; by default a file of the state directory.
    pub key: Option<KeyReference>,
    /// The log's name, where its key is made now.
    pub origin: String,
    /// The host's name.
    pub host: String,
    /// What the host's clock is set by, as far as the kernel says.
    pub clock: String,
}

impl Default for EvidenceSettings {
    fn default() -> Self {
        Self {
            flush: Duration::from_millis(100),
            sync: Duration::from_secs(1),
            on_failure: OnFailure::Stop,
            segment_bytes: 64 << 20,
            pending_bytes: 4 << 20,
            checkpoint: Duration::from_secs(5),
            seal_to: None,
            key: None,
            origin: "weir.invalid/log".to_owned(),
            host: String::new(),
            clock: String::new(),
        }
    }
}

/// What becomes of a session whose record can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It ends: nothing happens that isn't recorded.
    Stop,
    /// It goes on; what was lost is counted, and said in the record as soon as it can be written.
    Continue,
}

impl OnFailure {
    /// Its name, as the configuration has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Continue => "continue",
        }
    }
}

/// An open store. Clones are the same store; the writer ends with the last clone and recorder.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// What all clones of a store and all its recorders share.
pub(super) struct Inner {
    pub(super) queue: Arc<Queue>,
    settings: Arc<EvidenceSettings>,
    subscriber: Option<Arc<dyn Subscriber>>,
    state_dir: PathBuf,
    thread: Mutex<Option<JoinHandle<()>>>,
    recovered: Vec<Recovered>,
    /// For the first frames of records, which are not the writer's.
    pub(super) press: Mutex<Press>,
    lately: Lately,
}

impl Store {
    /// Opens the store below `state_dir`, makes what is missing, and closes the records that a
    /// gateway left open when it died.
    ///
    /// # Errors
    /// Where it can't be read or written, or its log is damaged.
    pub fn open(state_dir: &Path, settings: EvidenceSettings) -> Result<Self, EvidenceError> {
        Self::open_for(state_dir, settings, None)
    }

    /// The same; `subscriber` hears of all that is written.
    ///
    /// # Errors
    /// Where it can't be read or written, or its log is damaged.
    pub fn open_for(
        state_dir: &Path,
        settings: EvidenceSettings,
        subscriber: Option<Arc<dyn Subscriber>>,
    ) -> Result<Self, EvidenceError> {
        make_directories(state_dir)?;
        let open = Marks::open(state_dir)?;
        let key = settings.key.clone().unwrap_or_else(|| KeyReference::beside(state_dir));
        let signer = Signer::open(state_dir, &key, &settings.origin)?;
        let log = Log::open(state_dir, signer)?;
        let started = Entry::Started {
            at: now().0,
            host: settings.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock: settings.clock.clone(),
        };
        let (presence, died) = log.locked(|log| {
            log.append(&[started])?;
            open.begin()
        })?;
        let recovered = recover::recover(state_dir, &log, (&open, &died), subscriber.as_deref())?;
        for path in died.files {
            // Another start may have been faster; where it stays, the next one looks again.
            let _removed = fs::remove_file(path).is_ok();
        }
        removal::mend(state_dir, &log)?;
        let settings = Arc::new(settings);
        let queue = Arc::new(Queue::new(log, presence, files::sessions(state_dir)));
        let thread =
            writer::start(Arc::clone(&queue), Arc::clone(&settings), subscriber.clone()).map_err(EvidenceError::Thread)?;
        let thread = Mutex::new(Some(thread));
        let state_dir = state_dir.to_owned();
        let (press, lately) = (Mutex::default(), Lately::default());
        Ok(Self { inner: Arc::new(Inner { queue, settings, subscriber, state_dir, thread, recovered, press, lately }) })
    }

    /// Begins the record of a session. `opened` is its first frame. Blocks for a few writes.
    ///
    /// # Errors
    /// Where it can't be begun: the session must not begin either.
    pub fn begin(&self, session: SessionId, run: RunId, opened: &serde_json::Value) -> Result<Recorder, EvidenceError> {
        let (state_dir, settings) = (&self.inner.state_dir, &self.inner.settings);
        let queue = &self.inner.queue;
        let tape = queue.log().locked(|log| {
            // A name that is taken must not reach the log: its record would be closed twice.
            Tape::check_free(state_dir, session)?;
            // Out of descriptors or room, neither the file nor its name in the log may stay.
            let tape =
                queue.open_records().add(session).and_then(|()| Tape::create(state_dir, session, settings)).and_then(|tape| {
                    log.append(&[Entry::Opened { at: now().0, session, run }]).map(|_index| tape).map_err(EvidenceError::from)
                });
            if tape.is_err() {
                let _never_made = fs::remove_file(files::segment(state_dir, session, 0)).is_err();
                queue.open_records().remove(session);
            }
            tape
        })?;
        let mut first = FrameBuffer::default();
        first.push_json(now(), FrameKind::Opened, opened);
        let subscription = self.inner.subscriber.as_ref().map(|subscriber| subscriber.subscribe(session));
        let line = Arc::new(Line::new(session, tape, Arc::clone(settings), subscription));
        let recorder = Recorder::new(Arc::clone(&self.inner), line);
        recorder.write_first(&mut first)?;
        Ok(recorder)
    }

    /// What was found open and was closed when the store was opened.
    #[must_use]
    pub fn recovered(&self) -> &[Recovered] {
        &self.inner.recovered
    }

    /// Enters something in the log that is not of a record: a policy set, a look at a record, an admin's act.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn enter(&self, entry: &Entry) -> Result<(), EvidenceError> {
        self.append(std::slice::from_ref(entry))
    }

    /// The log, for who has it cosigned.
    #[must_use]
    pub fn log(&self) -> Arc<Log> {
        Arc::clone(self.inner.queue.log())
    }

    /// The same of several at once, on the disk before this comes back.
    ///
    /// # Errors
    /// Where they can't be written.
    pub fn enter_now(&self, entries: &[Entry]) -> Result<(), EvidenceError> {
        self.append(entries)?;
        Ok(self.inner.queue.log().sync()?)
    }

    fn append(&self, entries: &[Entry]) -> Result<(), EvidenceError> {
        self.inner.queue.log().locked(|log| log.append(entries))?;
        self.inner.queue.dirty();
        Ok(())
    }

    pub(super) fn state_dir(&self) -> &Path {
        &self.inner.state_dir
    }

    pub(super) fn lately(&self) -> &Lately {
        &self.inner.lately
    }

    /// Waits until all that was submitted is written and the log is signed, or `patience` is over.
    pub fn settle(&self, patience: Duration) {
        self.inner.queue.settle(patience);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the evidence writer ended by a panic: look at the records with `weir audit verify`");
        }
    }
}

/// Makes the state directory and the one for records; the latter is the gateway's alone.
fn make_directories(state_dir: &Path) -> Result<(), EvidenceError> {
    let sessions = files::sessions(state_dir);
    DirBuilder::new().recursive(true).mode(0o700).create(&sessions).map_err(EvidenceError::io("create", &sessions))?;
    fs::set_permissions(&sessions, Permissions::from_mode(0o700)).map_err(EvidenceError::io("protect", &sessions))
}
