//! Detection: hears the events that are to leave the host, finds what is unusual by rules that are data, tells it and acts.
//!
//! The engine is `gateway_core::finding`; here it gets its events, from the spool by a cursor of its own, its memory across
//! restarts, and its effects: a finding in the gateway's own record, a step in the ledger, a block or a kill as a person's.

mod act;
mod detector;
mod kept;
mod settings;
mod teller;

pub use detector::{Detector, EAR};
pub(crate) use settings::read;
pub use settings::{DetectionSettings, RulesError, SHIPPED, text};
