//! Where a canary's connection comes out: it proves that the hook intercepts, and goes no further.

use crate::origin::Origin;
use gateway_core::model::ids::RunId;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

/// What the accept path and the canary share.
#[derive(Debug, Default)]
pub struct CanaryDoor {
    /// The number of the run that is the canary's; no run has the number 0.
    run: AtomicU64,
    arrivals: Mutex<Option<mpsc::Sender<Arrival>>>,
    state: Mutex<CanaryState>,
}

/// A connection that came out of the accept loop as a canary's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it meant to go.
    pub original: SocketAddr,
    /// Who made it.
    pub pid: u32,
    /// In which cgroup.
    pub cgroup_id: u64,
}

/// What the last canary said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CanaryState {
    /// None was sent.
    #[default]
    Off,
    /// It came out where it had to.
    Well {
        /// How long it took, in microseconds.
        microseconds: u64,
    },
    /// It did not.
    Failed {
        /// What was seen instead.
        why: String,
    },
}

impl CanaryDoor {
    /// The connections of this run are canaries from here on; where each comes out is told to the receiver.
    pub fn open(&self, run: RunId) -> mpsc::Receiver<Arrival> {
        let (arrived, arrivals) = mpsc::channel();
        *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrived);
        self.run.store(run.number(), Ordering::Release);
        arrivals
    }

    /// Whether the connection was a canary's. It is over then.
    pub fn takes(&self, origin: &Origin) -> bool {
        let run = self.run.load(Ordering::Acquire);
        if run == 0 || origin.run.number() != run {
            return false;
        }
        let arrival = Arrival { original: origin.original.0, pid: origin.pid, cgroup_id: origin.cgroup_id };
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody may wait for it any more.
        let _heard = arrivals.as_ref().is_some_and(|arrivals| arrivals.send(arrival).is_ok());
        true
    }

    /// Notes what the last canary said.
    pub fn note(&self, state: CanaryState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// What the last canary said.
    pub fn state(&self) -> CanaryState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
