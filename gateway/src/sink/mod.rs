//! Events leave the host: each sink is a file here and a variant of its kind, with a cursor of its own in one spool.

#[cfg(test)]
mod checks;
mod elastic;
mod failure;
mod file;
mod format;
mod halves;
mod hec;
mod http;
mod kafka;
mod kind;
mod nats;
mod otlp;
mod s3;
mod syslog;
mod webhook;

pub use failure::Failure;
pub use format::Format;
pub use kind::{Kind, Limits};

use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;

/// An event as a sink gets it: rendered in the sink's format, on one line.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its number in the spool: from 1, without a gap but where events were dropped.
    pub number: u64,
    /// The event's own id: the same whenever it is told again.
    pub uid: &'a str,
    /// When it happened.
    pub at: Timestamp,
    /// The session whose order is kept.
    pub session: SessionId,
    /// Whether it may have been sent before.
    pub again: bool,
    /// 0 informational, 1 low, 2 medium, 3 high.
    pub severity: u8,
    /// The text in the sink's format.
    pub text: &'a str,
}
