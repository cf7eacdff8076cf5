//! The thread that removes what is over, for as long as its gateway runs.

use super::{Order, RetentionError, remove};
use crate::evidence::{Remover, Store};
use crate::ledger::Ledger;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it looks: less where records are kept for less than ten times that.
const EVERY: Duration = Duration::from_hours(1);

/// The passes of a gateway. Of several that run, one removes at a time.
pub struct Pass {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Pass {
    /// Looks now, and then every hour.
    ///
    /// # Errors
    /// Where there can be no further thread.
    pub fn start(store: Store, ledger: Arc<Ledger>, state_dir: PathBuf, keep: Duration) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let every = (keep / 10).clamp(Duration::from_secs(1), EVERY);
        let work = move || {
            loop {
                let order = Order { older_than: keep, by: None, dry_run: false };
                let done = Remover::of(&store)
                    .map_err(RetentionError::from)
                    .and_then(|remover| remover.map(|remover| remove(&state_dir, &ledger, &remover, &order)).transpose());
                match done {
                    Ok(Some(done)) if done.removed + done.not_whole > 0 => tracing::info!(
                        removed = done.removed,
                        bytes = done.bytes,
                        held = done.held,
                        not_whole = done.not_whole,
                        "records whose time is over were removed"
                    ),
                    Ok(_) => {}
                    Err(error) => tracing::error!(%error, "records whose time is over are not removed"),
                }
                if !matches!(stopped.recv_timeout(every), Err(mpsc::RecvTimeoutError::Timeout)) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("weir-retention".to_owned()).spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Ends it, after what it is at.
    pub fn end(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that removes records has panicked");
        }
    }
}
