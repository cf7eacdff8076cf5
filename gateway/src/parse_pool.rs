//! Reads statements' texts away from the data plane: threads with large stacks, and a cache of what they read.

mod cache;

use cache::Cache;
use gateway_core::inspect::postgres::{self, Bounds, Reading, alike, fits, inspect};
use gateway_core::inspect::{Inspection, Statement};
use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// A text up to this many bytes takes little time, and is read where it is asked about if it fits that thread's stack.
const INLINE: usize = 4 << 10;
/// Stack of a parsing thread, in bytes. Memory that was used once stays with it.
const STACK: usize = 16 << 20;
/// Stack of a thread for one deep text, in bytes, which ends with it: enough for any, and some for what is below.
const DEEP: usize = postgres::STACK + (1 << 20);
/// Texts that wait for a thread. Whoever brings one more waits for room.
const WAITING: usize = 64;

/// The threads and the cache, shared by all sessions of a gateway. The threads end when it is dropped.
pub struct ParsePool {
    jobs: mpsc::Sender<Job>,
    cache: Cache,
    bounds: Bounds,
}

/// A text to be read.
struct Job {
    text: Arc<str>,
    reading: Reading,
    done: oneshot::Sender<Inspection>,
}

impl ParsePool {
    /// Starts `threads` threads, at least one. A text of more than `bytes` bytes is not understood.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize, bytes: usize) -> io::Result<Self> {
        let bounds = Bounds { bytes, ..Bounds::default() };
        let (jobs, waiting) = mpsc::channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..threads.max(1) {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name(format!("weir-parse-{number}"))
                .stack_size(STACK)
                .spawn(move || while work(&waiting, bounds) {})?;
        }
        Ok(Self { jobs, cache: Cache::default(), bounds })
    }

    /// What `text` does, if that is known already, or of one that differs from it in numbers alone:
    /// nothing is copied, and nothing waited for.
    pub fn known(&self, text: &str, reading: Reading) -> Option<Arc<Inspection>> {
        like(text, reading, |like| like.and_then(|like| self.cache.find(like, reading)).filter(|known| is_understood(known)))
            .or_else(|| self.cache.find(text, reading))
    }

    /// Says what `text` does: from the cache, at once where it is short, else by one of the threads.
    pub async fn inspect(&self, text: Arc<str>, reading: Reading) -> Arc<Inspection> {
        // What differs from it in numbers alone does the same, and is known then.
        if let Some(like) = like(&text, reading, |like| like.map(Arc::from)) {
            let inspection = self.read(like, reading).await;
            if is_understood(&inspection) {
                return inspection;
            }
        }
        self.read(text, reading).await
    }

    /// Of this very text.
    async fn read(&self, text: Arc<str>, reading: Reading) -> Arc<Inspection> {
        if let Some(known) = self.cache.find(&text, reading) {
            return known;
        }
        let inspection = Arc::new(if text.len() <= INLINE && fits(&text) {
            read(&text, reading, self.bounds)
        } else {
            self.elsewhere(Arc::clone(&text), reading).await
        });
        self.cache.keep(text, reading, Arc::clone(&inspection));
        inspection
    }

    async fn elsewhere(&self, text: Arc<str>, reading: Reading) -> Inspection {
        let length = text.len();
        let (done, result) = oneshot::channel();
        let sent = self.jobs.send(Job { text, reading, done }).await.is_ok();
        match result.await {
            Ok(inspection) if sent => inspection,
            _ => unread(length),
        }
    }
}

thread_local! {
    static LIKE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Has `use_it` on what stands for `text` and all that is like it. What is read exactly is like nothing but itself.
fn like<T>(text: &str, reading: Reading, use_it: impl FnOnce(Option<&str>) -> T) -> T {
    if reading.exact {
        return use_it(None);
    }
    LIKE.with_borrow_mut(|like| use_it(alike(text, like)))
}

/// Of a text that is not understood, another of its kind may be: numbers can be wrong by their value.
fn is_understood(inspection: &Inspection) -> bool {
    inspection.statements.iter().all(|statement| statement.facts.unparsed.is_none())
}

/// Reads one text; false once no more will come.
fn work(waiting: &Mutex<mpsc::Receiver<Job>>, bounds: Bounds) -> bool {
    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
    let Some(Job { text, reading, done }) = job else { return false };
    // The session may have ended meanwhile.
    let _heard = done.is_closed() || done.send(read_apart(&text, reading, bounds)).is_ok();
    true
}

/// Reads a text here if it fits this thread's stack, else on a thread of its own.
fn read_apart(text: &str, reading: Reading, bounds: Bounds) -> Inspection {
    if text.len() > bounds.bytes || fits(text) {
        return read(text, reading, bounds);
    }
    let deep = std::thread::Builder::new().name("weir-parse-deep".to_owned()).stack_size(DEEP);
    let read = std::thread::scope(|scope| {
        let thread = deep.spawn_scoped(scope, || read(text, reading, bounds)).inspect_err(|error| {
            tracing::error!(%error, "no thread for a deep statement");
        });
        thread.ok().and_then(|thread| thread.join().ok())
    });
    read.unwrap_or_else(|| unread(text.len()))
}

/// A fault of ours in reading must cost one statement, not the thread.
fn read(text: &str, reading: Reading, bounds: Bounds) -> Inspection {
    catch_unwind(AssertUnwindSafe(|| inspect(text, reading, bounds))).unwrap_or_else(|_fault| {
        tracing::error!(bytes = text.len(), "a statement could not be read by a fault of ours");
        unread(text.len())
    })
}

fn unread(length: usize) -> Inspection {
    let statement = Statement::unparsed(length, "it could not be read by a fault of weir's");
    Inspection { statements: vec![Arc::new(statement)], cross_checked: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: Reading = Reading { standard_conforming_strings: Some(true), exact: false };

    #[tokio::test]
    async fn short_and_long_texts_are_read_once_and_then_known() {
        let pool = ParsePool::start(2, 1 << 20).unwrap();
        for length in [9, INLINE, INLINE + 1, 200_000] {
            let text: Arc<str> = format!("SELECT {}", "1".repeat(length - 7)).into();
            let first = pool.inspect(Arc::clone(&text), READING).await;
            assert!(!first.statements.is_empty(), "{length}");
            let second = pool.inspect(text, READING).await;
            assert!(Arc::ptr_eq(&first, &second), "{length}: read twice");
        }
    }

    #[tokio::test]
    async fn texts_that_differ_in_their_numbers_are_read_once_and_wrong_ones_by_themselves() {
        let pool = ParsePool::start(1, 1 << 20).unwrap();
        let read = async |text: &str| pool.inspect(text.into(), READING).await;
        let first = read("SELECT a FROM t WHERE b = 17").await;
        assert!(Arc::ptr_eq(&first, &read("SELECT a FROM t WHERE b = 42").await));
        assert!(pool.known("SELECT a FROM t WHERE b = 99", READING).is_some_and(|known| Arc::ptr_eq(&first, &known)));
        assert!(!Arc::ptr_eq(&first, &read("SELECT a FROM u WHERE b = 17").await));
        assert!(pool.known("SELECT a FROM t WHERE b = 117", READING).is_none(), "its places are others");
        // 11 is a precision of a float, 111 is none, and so is not 999.
        for text in ["SELECT 1::float(999)", "SELECT 1::float(998)", "SELECT 1::float(999)"] {
            let wrong = read(text).await;
            let why = wrong.statements[0].facts.unparsed.as_deref();
            assert_eq!(why, Some("precision for type float must be less than 54 bits"));
            assert!(pool.known(text, READING).is_some_and(|known| Arc::ptr_eq(&wrong, &known)));
        }
    }

    #[tokio::test]
    async fn a_deep_text_is_read_however_short_and_leaves_the_others_alone() {
        let pool = ParsePool::start(1, 1 << 20).unwrap();
        let deep = |times: usize| -> Arc<str> { format!("SELECT 1{}", "+1".repeat(times)).into() };
        for (times, understood) in [(100, true), (1_000, true), (4_900, true), (20_000, false), (200_000, false), (3, true)] {
            let read = pool.inspect(deep(times), READING).await;
            assert_eq!(
                read.statements[0].facts.unparsed.is_none(),
                understood,
                "{times}: {:?}",
                read.statements[0].facts.unparsed
            );
        }
    }

    #[tokio::test]
    async fn more_texts_than_may_wait_are_all_read() {
        let pool = Arc::new(ParsePool::start(1, 1 << 20).unwrap());
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..3 * WAITING {
            let pool = Arc::clone(&pool);
            let text: Arc<str> = format!("SELECT {number}, '{}'", "x".repeat(INLINE)).into();
            tasks.spawn(async move { pool.inspect(text, READING).await.statements.len() });
        }
        assert_eq!(tasks.join_all().await.len(), 3 * WAITING);
    }
}
