//! A door of the gateway in each network namespace that a job's processes come to.
//!
//! A connect is rewritten to a loopback address, and each network namespace has a loopback device of its
//! own. So each has a listener, which a thread of its own makes there; and what belongs to that namespace
//! is asked and dialled there: the client's socket, and whatever the job dialled that no target names.

mod door;
mod residents;
mod standing;
mod visit;
mod watch;

pub use door::Door;
pub use standing::Standing;
pub use visit::{Namespace, Visitor};
pub use watch::{Opened, Watch, release};

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// How many network namespaces besides the host's may have a door at once.
pub const DOORS_MAX: usize = 512;

/// The doors that stand open, by the kernel's cookie of their network namespace.
///
/// The host's own namespace is not among them: its listener is there for as long as the gateway is.
#[derive(Debug, Default)]
pub struct Doors {
    open: RwLock<HashMap<u64, Arc<Door>>>,
}

impl Doors {
    /// The door in the network namespace with this cookie.
    #[must_use]
    pub fn of(&self, netns_cookie: u64) -> Option<Arc<Door>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&netns_cookie).map(Arc::clone)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Remembers a door; not one more than [`DOORS_MAX`].
    fn add(&self, door: Arc<Door>) -> bool {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let room = open.len() < DOORS_MAX;
        if room {
            open.insert(door.cookie(), door);
        }
        room
    }

    fn remove(&self, netns_cookie: u64) -> Option<Arc<Door>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&netns_cookie)
    }

    fn all(&self) -> Vec<Arc<Door>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect()
    }
}
