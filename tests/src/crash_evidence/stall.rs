//! How late this machine is: a window that is stated in milliseconds holds on a machine that runs its threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(5);

/// Sleeps over and over, and remembers the latest it woke.
#[derive(Debug)]
pub(super) struct Stall {
    stop: Arc<AtomicBool>,
    late_us: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Stall {
    pub(super) fn watch() -> Self {
        let (stop, late_us) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, late) = (Arc::clone(&stop), Arc::clone(&late_us));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let before = Instant::now();
                thread::sleep(EVERY);
                let over = before.elapsed().saturating_sub(EVERY);
                late.fetch_max(u64::try_from(over.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { stop, late_us, thread: Some(thread) }
    }

    /// The latest so far.
    pub(super) fn late(&self) -> Duration {
        Duration::from_micros(self.late_us.load(Ordering::Relaxed))
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
