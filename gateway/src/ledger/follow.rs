//! Follows what other gateways write, ends what is over, and does for sessions what they can't wait for.

use super::{FOLLOW, Ledger, LedgerError};
use crate::evidence::now;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often things are looked at that end, or are left behind, without anyone writing.
const TIDY: Duration = Duration::from_secs(2);
/// Chores that may wait at once. One more is dropped: a hold that nobody withdraws expires by itself.
const CHORES: usize = 65_536;

/// Something to be done on the ledger's own thread.
type Chore = Box<dyn FnOnce(&Ledger) -> Result<(), LedgerError> + Send>;

/// The thread that follows the ledger. It ends with the last of its handles.
pub struct Follower {
    chores: Option<mpsc::SyncSender<Chore>>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where there is none to be had.
    pub fn start(ledger: Arc<Ledger>) -> std::io::Result<Self> {
        let (chores, wanted) = mpsc::sync_channel(CHORES);
        let thread = std::thread::Builder::new().name("weir-ledger".to_owned()).spawn(move || follow(&ledger, &wanted))?;
        Ok(Self { chores: Some(chores), thread: Some(thread) })
    }

    /// Has `chore` done soon, by the one thread that may wait for the disk.
    pub fn soon(&self, chore: impl FnOnce(&Ledger) -> Result<(), LedgerError> + Send + 'static) {
        let told = self.chores.as_ref().map(|chores| chores.try_send(Box::new(chore)).is_ok());
        if told != Some(true) {
            tracing::error!("too much waits for the ledger: what was to be written is left to time");
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.chores.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the ledger's thread has panicked");
        }
    }
}

fn follow(ledger: &Ledger, wanted: &mpsc::Receiver<Chore>) {
    let (mut version, mut tidied) = (None, now());
    loop {
        let due = ledger.next_end().map(|end| Duration::from_nanos(end.0.saturating_sub(now().0)));
        let pause = due.map_or(FOLLOW, |due| due.min(FOLLOW));
        match wanted.recv_timeout(pause) {
            Ok(chore) => told(chore(ledger)),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        let at = now();
        let over = ledger.next_end().is_some_and(|end| end <= at);
        if over || at.0.saturating_sub(tidied.0) > u64::try_from(TIDY.as_nanos()).unwrap_or(u64::MAX) {
            tidied = at;
            told(ledger.tidy());
        }
        match ledger.data_version() {
            Ok(current) if version != Some(current) => {
                version = Some(current);
                told(ledger.refresh());
            }
            Ok(_) => {}
            Err(error) => told(Err(error)),
        }
    }
}

fn told(done: Result<(), LedgerError>) {
    if let Err(error) = done {
        tracing::error!(%error, "the ledger");
    }
}

impl Ledger {
    /// Another number than before where another process has written (SQLite docs, `PRAGMA data_version`).
    fn data_version(&self) -> Result<i64, LedgerError> {
        let version = self.lock().pragma_query_value(None, "data_version", |row| row.get(0));
        version.map_err(|error| self.failed(error))
    }
}
