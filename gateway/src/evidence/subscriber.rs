//! Who hears of what records hold, once it is written: the stream of events that leaves the host.

use gateway_core::model::ids::SessionId;
use gateway_core::record::FrameBuffer;
use std::time::Duration;

/// Hears of all records of a store, on the thread that writes them.
pub trait Subscriber: Send + Sync {
    /// A record begins.
    fn subscribe(&self, session: SessionId) -> Box<dyn Subscription>;

    /// A record was found open after a crash, and is closed now: not all of it may have been heard.
    fn recovered(&self, session: SessionId);

    /// A round of writing is over: what was heard can be handed on at once.
    fn round(&self);

    /// The log was signed: the note is the anchor that leaves the host.
    fn checkpoint(&self, note: &str);

    /// Whether more may be written; waits for it, so long at most. Until it may, the sessions wait.
    fn wait_for_room(&self, patience: Duration) -> bool;
}

/// Hears of one record.
pub trait Subscription: Send {
    /// These frames were written, the first plain one of them with this number.
    fn wrote(&mut self, first: u64, frames: &FrameBuffer);
}
