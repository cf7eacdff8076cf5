//! Events leave the host: each sink is a file here and a variant of its kind, with a cursor of its own in one spool.

mod batch;
#[cfg(test)]
mod checks;
mod deliver;
mod ear;
mod elastic;
mod failure;
mod feed;
mod file;
mod filter;
mod format;
mod halves;
mod hec;
mod http;
mod kafka;
mod kind;
mod nats;
mod otlp;
mod own;
mod refused;
mod s3;
mod settings;
pub mod spool;
mod standing;
mod start;
mod syslog;
mod webhook;

pub use ear::Ear;
pub use failure::Failure;
pub use feed::Feed;
pub use filter::Filter;
pub use format::Format;
pub use kind::{Kind, Limits};
pub use settings::SinkSettings;
pub(crate) use settings::{read, read_spool};
pub use spool::{OnFull, Reader, Spool, SpoolError, SpoolSettings, Spooled};
pub use standing::{ListedSink, TriedSink};
pub use start::{Sinks, StartError};

use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use std::borrow::Cow;

/// An event as a sink gets it: rendered in the sink's format, on one line.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its number in the spool: from 1, without a gap but where events were dropped; 0 for a test.
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

impl Entry<'_> {
    /// The text with its number in it, and the mark of what may come twice: for what has no other place for them. In JSON as the
    /// first attribute, `weir`; in CEF and LEEF as the last ones, `weirNumber` and `weirAgain`.
    #[must_use]
    pub fn numbered(&self) -> Cow<'_, str> {
        let number = self.number;
        if let Some(rest) = self.text.strip_prefix('{') {
            let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
            let again = if self.again { ",\"again\":true" } else { "" };
            return Cow::Owned(format!("{{\"weir\":{{\"number\":{number}{again}}}{comma}{rest}"));
        }
        // LEEF has tabs between its attributes, CEF blanks.
        let between = if self.text.starts_with("LEEF:") { '\t' } else { ' ' };
        let again = if self.again { format!("{between}weirAgain=1") } else { String::new() };
        Cow::Owned(format!("{}{between}weirNumber={number}{again}", self.text))
    }
}

#[cfg(test)]
mod tests;
