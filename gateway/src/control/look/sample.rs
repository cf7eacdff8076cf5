//! The samples of which charts are drawn.

use crate::evidence::now;
use crate::session::chart::STEP;
use crate::session::context::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// Takes a sample at each step until it is told to stop.
pub async fn sample(shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let mut steps = tokio::time::interval(STEP);
    steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    // The first one comes at once: there is something to look at.
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return,
            _ = steps.tick() => shared.chart.sample(&shared.live, shared.refused.load(Ordering::Relaxed), now()),
        };
    }
}
