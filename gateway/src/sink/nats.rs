//! `kind = "nats"`: messages of a JetStream stream.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::Table;
use crate::credential::Source;
use std::path::Path;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nats {}

/// A connection.
pub(super) struct NatsLink {}

impl Nats {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, _directory: &Path) -> Option<Self> {
        table.problem("this version has no sink of kind \"nats\"", "");
        None
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits::USUAL
    }

    pub(super) fn place(&self) -> String {
        String::new()
    }

    pub(super) fn secrets(&self) -> Vec<&Source> {
        Vec::new()
    }

    pub(super) async fn link(&self) -> Result<NatsLink, Failure> {
        Ok(NatsLink {})
    }
}

impl NatsLink {
    pub(super) async fn send(&mut self, _batch: &[Entry<'_>]) -> Result<(), Failure> {
        Err(Failure::again("not written yet"))
    }
}
