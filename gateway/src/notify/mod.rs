//! People hear of holds, grants, blocks and broken glass: the ledger's events, told by webhook, Slack, e-mail or a command.
//!
//! A kind is a file and a variant of [`Kind`]. What is told, and how far each notifier has come, is the ledger's: nothing is
//! kept here, so that nothing is lost with a gateway.

mod command;
mod deliver;
mod email;
mod failure;
mod filter;
mod http;
mod kind;
mod message;
mod settings;
mod slack;
mod told;
mod webhook;

pub use deliver::{Courier, begin};
pub use failure::Failure;
pub use filter::Filter;
pub use kind::Kind;
pub use settings::NotifierSettings;
pub(crate) use settings::read;
pub use told::Told;
