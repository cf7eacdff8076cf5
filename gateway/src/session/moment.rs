//! The moment of a session's turn: its clocks are read once for all that is done in it, and not for each thing that is counted.

use crate::evidence;
use gateway_core::model::time::Timestamp;
use std::cell::Cell;
use tokio::time::Instant;

thread_local! {
    static MOMENT: Cell<Option<(Instant, Timestamp)>> = const { Cell::new(None) };
}

/// A turn on this thread, from its beginning until it is dropped. It never waits for anything.
#[derive(Debug)]
pub struct Turn(());

impl Turn {
    /// Begins one.
    #[must_use]
    pub fn begin() -> Self {
        MOMENT.set(Some((Instant::now(), evidence::now())));
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        MOMENT.set(None);
    }
}

/// When the thread's turn began; now where it has none.
#[must_use]
pub fn instant() -> Instant {
    MOMENT.get().map_or_else(Instant::now, |(instant, _)| instant)
}

/// The same by the host's wall clock.
#[must_use]
pub fn wall() -> Timestamp {
    MOMENT.get().map_or_else(evidence::now, |(_, wall)| wall)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;
    use std::time::Duration;

    #[test]
    fn a_turn_is_one_moment_and_ends() {
        let turn = Turn::begin();
        let (one, other) = (instant(), wall());
        sleep(Duration::from_millis(2));
        assert_eq!((instant(), wall()), (one, other));
        drop(turn);
        assert!(instant() > one && wall() > other);
    }
}
