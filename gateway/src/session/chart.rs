//! What the gateway did over the last hour, sampled: what a chart is drawn of.

use super::live::{Live, Sums};
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How far samples are apart.
pub const STEP: Duration = Duration::from_secs(10);
/// Samples that are kept: an hour's.
const KEPT: usize = 360;

/// What was done in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Sample {
    /// The step's end.
    pub at: Timestamp,
    /// Sessions live then.
    pub live: u64,
    /// Of them those of which something waits for people.
    pub waiting: u64,
    /// Statements completed in it.
    pub statements: u64,
    /// Rows sent to jobs.
    pub rows: u64,
    /// Bytes from both sides.
    pub bytes: u64,
    /// Statements and connections refused.
    pub refused: u64,
}

/// The samples of one gateway.
#[derive(Debug, Default)]
pub struct Chart(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Sums,
    samples: VecDeque<Sample>,
}

impl Chart {
    /// Takes a sample. `refused` counts what was refused without a session, or before it had a statement, since the beginning.
    pub fn sample(&self, live: &Live, refused: u64, at: Timestamp) -> Sample {
        let mut sums = live.sums();
        sums.refused += refused;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |now: u64, before: u64| now.saturating_sub(before);
        let sample = Sample {
            at,
            live: sums.live,
            waiting: sums.waiting,
            statements: since(sums.statements, state.last.statements),
            rows: since(sums.rows, state.last.rows),
            bytes: since(sums.bytes, state.last.bytes),
            refused: since(sums.refused, state.last.refused),
        };
        if state.samples.len() == KEPT {
            state.samples.pop_front();
        }
        state.samples.push_back(sample);
        state.last = sums;
        sample
    }

    /// The newest.
    #[must_use]
    pub fn last(&self) -> Option<Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).samples.back().copied()
    }

    /// All that are kept, the oldest first.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).samples.iter().copied().collect()
    }
}
