//! `kind = "s3"`: objects in a bucket.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::Table;
use crate::credential::Source;
use std::path::Path;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3 {}

/// A connection.
pub(super) struct S3Link {}

impl S3 {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, _directory: &Path) -> Option<Self> {
        table.problem("this version has no sink of kind \"s3\"", "");
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

    pub(super) async fn link(&self) -> Result<S3Link, Failure> {
        Ok(S3Link {})
    }
}

impl S3Link {
    pub(super) async fn send(&mut self, _batch: &[Entry<'_>]) -> Result<(), Failure> {
        Err(Failure::again("not written yet"))
    }
}
