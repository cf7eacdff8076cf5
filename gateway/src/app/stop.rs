//! How a gateway stops: with its jobs refused, or with everything left to the one that has taken over.

use super::Gateway;
use crate::netns::{self, Watch};
use crate::session::kernel;
use crate::session::live::KillOrder;
use crate::telemetry::count;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long sessions that were ended by force may take to say so.
const AFTER_FORCE: Duration = Duration::from_secs(15);
/// How often an heir is told what its predecessor goes on counting.
const TELL: Duration = Duration::from_secs(1);

impl Gateway {
    /// Accepts nothing more, lets sessions end within `drain`, then ends them. Says what was done.
    pub fn stop(mut self, drain: Duration) -> String {
        self.refuse_all();
        self.wind_up(drain, "the gateway stopped", || {})
    }

    /// The same, but that the kernel side stays as it is: whoever is in a job is refused until another gateway comes.
    pub(super) fn stop_closed(mut self, drain: Duration) -> String {
        self.refuse_all();
        self.shared.capture.hand_over();
        self.wind_up(drain, "the gateway stopped", || {})
    }

    /// Leaves everything to the gateway that has taken over, but for the sessions that are here.
    pub(super) fn retire(mut self, drain: Duration, tell: impl Fn()) -> String {
        self.shared.capture.hand_over();
        if let Some(trust) = self.trust.take() {
            trust.leave();
        }
        self.wind_up(drain, "taken over, drain time over", tell)
    }

    /// Ends without a trace, after a take-over that came to nothing: what is in the kernel is the running gateway's.
    pub(super) fn give_up(mut self) {
        self.shared.capture.hand_over();
        if let Some(trust) = self.trust.take() {
            trust.leave();
        }
        self.wind_up(Duration::ZERO, "the take-over came to nothing", || {});
    }

    fn wind_up(mut self, drain: Duration, why: &str, tell: impl Fn()) -> String {
        drop(self.containers.take());
        if let Some(strays) = self.strays.take() {
            strays.end();
        }
        self.pause();
        let begun = Instant::now();
        while self.shared.live.count() > 0 && begun.elapsed() < drain {
            wait_until(TELL.min(drain.saturating_sub(begun.elapsed())), || self.shared.live.count() == 0);
            tell();
        }
        for session in self.shared.live.all() {
            session.kill(KillOrder { by: "weir".to_owned(), reason: why.to_owned() });
        }
        wait_until(AFTER_FORCE, || self.shared.live.count() == 0);
        tell();
        self.record_the_end();
        if let Some(run) = self.run.get() {
            self.shared.ledger.run_is_over(*run);
        }
        // What it finds is told by those who end after it.
        if let Some(detecting) = self.detecting.take() {
            self.shared.store.settle(AFTER_FORCE);
            detecting.end();
        }
        if let Some(controlling) = self.controlling.take() {
            controlling.end();
        }
        if let Some(retention) = self.retention.take() {
            retention.end();
        }
        // After what is written last: it is told where that takes no time.
        if let Some(notifying) = self.notifying.take() {
            notifying.end();
        }
        if let Some(witnessing) = self.witnessing.take() {
            witnessing.end();
        }
        self.diary.close();
        // After the last record: what is told of it is in the spool.
        if let Some(sinks) = self.sinks.take() {
            self.shared.store.settle(AFTER_FORCE);
            sinks.stop();
        }
        if let Some(indexing) = self.indexing.take() {
            indexing.end();
        }
        // It may be gone where the control thread never came up.
        let _removed = std::fs::remove_file(&self.socket).is_ok();
        if let Ok(workers) = Arc::try_unwrap(self.workers) {
            workers.join();
        }
        let reached = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let statements = match self.shared.totals.statements_refused() {
            0 => String::new(),
            refused => format!(", {} refused", count(refused, "statement", "statements")),
        };
        let sessions = count(reached(&self.shared.begun), "session", "sessions");
        format!("{sessions}, {} refused{statements}", reached(&self.shared.refused))
    }

    /// Refuses whoever connects from here on, at once, and has everyone go on who was stopped until there is a door.
    fn refuse_all(&mut self) {
        self.shared.capture.refuse_connects();
        self.shared.capture.remove_listener(self.listeners.netns_cookie);
        if let Some(side) = self.watch.take().and_then(Watch::end) {
            self.side = Some(side);
        }
        // Where it was not watched, or not any more.
        if let Some(side) = &mut self.side {
            netns::release(side);
        }
    }

    /// Ends the records of names, and writes what the kernel side refused.
    fn record_the_end(&self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "the records of names can't be ended"),
        };
        runtime.block_on(async {
            self.shared.names.stop().await;
            // A private gateway has one run: what was refused, was refused to it.
            let run = self.run.get().copied();
            if let Some(run) = run
                && let Err(error) = kernel::record(&self.shared, run).await
            {
                tracing::error!(%error, "what the kernel side refused can't be recorded");
            }
        });
    }
}

fn wait_until(patience: Duration, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() && start.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(2));
    }
}
