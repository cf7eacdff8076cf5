//! What somebody does who knows the format, and may hold a key: each with what has to be told.

pub(crate) mod ledger;
mod log;
mod records;

use crate::alter::Alteration;
use crate::store::{Base, Stores};

/// Alterations, each of the store that it is of.
pub(crate) fn all(stores: &Stores) -> anyhow::Result<Vec<(&Base, Alteration)>> {
    let mut all = Vec::new();
    all.extend(records::all(stores)?.into_iter().map(|alteration| (&stores.records, alteration)));
    all.extend(ledger::all(&stores.records)?.into_iter().map(|alteration| (&stores.records, alteration)));
    all.extend(log::of_records(stores)?.into_iter().map(|alteration| (&stores.records, alteration)));
    all.extend(log::of_long(&stores.log)?.into_iter().map(|alteration| (&stores.log, alteration)));
    Ok(all)
}
