//! `kind = "kafka"`: records of a topic.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::Table;
use crate::credential::Source;
use std::path::Path;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {}

/// A connection.
pub(super) struct KafkaLink {}

impl Kafka {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, _directory: &Path) -> Option<Self> {
        table.problem("this version has no sink of kind \"kafka\"", "");
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

    pub(super) async fn link(&self) -> Result<KafkaLink, Failure> {
        Ok(KafkaLink {})
    }
}

impl KafkaLink {
    pub(super) async fn send(&mut self, _batch: &[Entry<'_>]) -> Result<(), Failure> {
        Err(Failure::again("not written yet"))
    }
}
