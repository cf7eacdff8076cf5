//! Whether the ledger's events are those that were written: numbers without a gap, signatures that hold, and every one that a
//! record has a copy of.

use super::event::{self, Event};
use super::{LedgerError, PAGE};
use crate::evidence::{self, Walk};
use gateway_core::record::FrameKind;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The target of the gateway's own record.
const OWN: &str = "weir";
/// So many problems are told.
const MOST: usize = 1000;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// How many events there are.
    pub events: u64,
    /// What is wrong, a line each.
    pub problems: Vec<String>,
}

/// Checks the events of a state directory against the public key that lies beside them; none where nothing was ever decided.
///
/// # Errors
/// Where they can't be read.
pub fn check(state_dir: &Path) -> Result<Option<Checked>, LedgerError> {
    let path = state_dir.join("ledger.db");
    if !path.exists() {
        return Ok(None);
    }
    let failed = |error| LedgerError::Database { path: path.clone(), error };
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let public = state_dir.join("ledger.pub");
    let unreadable = |why: String| LedgerError::Key { path: public.clone(), why };
    let key = std::fs::read_to_string(&public).map_err(|error| unreadable(error.to_string()))?;
    // As it was written, to the byte.
    let key = key.strip_suffix('\n').ok_or_else(|| unreadable("it was changed: its line has no end".to_owned()))?;
    let (mut checked, mut known, mut last) = (Checked::default(), BTreeMap::new(), 0);
    loop {
        let page = event::rows_since(&connection, last, PAGE).map_err(failed)?;
        if page.is_empty() {
            break;
        }
        for row in page {
            let number = row.as_ref().map_or_else(|(number, _)| *number, |event| event.number);
            if number != last + 1 {
                checked.problem(format!("events {} to {} are missing", last + 1, number - 1));
            }
            last = number;
            checked.events += 1;
            let signature = match row {
                Err((_, error)) => {
                    checked.problem(format!("event {number}: it can't be read, it was changed: {error}"));
                    continue;
                }
                Ok(event) if event.key != key => {
                    checked.problem(format!("event {number}: it is signed with another key than ledger.pub"));
                    event.signature
                }
                Ok(event) => {
                    if !event.is_genuine() {
                        checked.problem(format!("event {number}: its signature does not hold: it was changed"));
                    }
                    event.signature
                }
            };
            known.insert(number, signature);
        }
    }
    for (number, signature) in recorded(state_dir) {
        match known.get(&number) {
            Some(found) if *found == signature => {}
            Some(_) => checked.problem(format!("event {number}: a record has another one of that number")),
            None => checked.problem(format!("event {number}: a record has it, and the ledger has not")),
        }
    }
    Ok(Some(checked))
}

impl Checked {
    fn problem(&mut self, what: String) {
        if self.problems.len() < MOST {
            self.problems.push(what);
        }
    }
}

/// The number and the signature of each event that is in a record. What a damaged record has no more is told elsewhere.
fn recorded(state_dir: &Path) -> Vec<(u64, String)> {
    let records = evidence::index(state_dir).unwrap_or_default();
    let own = records.into_iter().filter(|record| record.target.as_deref() == Some(OWN));
    let mut events = Vec::new();
    for record in own {
        let Ok(mut walk) = Walk::open(state_dir, record.session) else { continue };
        while let Ok(Some(seen)) = walk.next(|kind| kind == FrameKind::Note) {
            if seen.kind != FrameKind::Note {
                continue;
            }
            let note: Value = serde_json::from_slice(seen.body).unwrap_or_default();
            if note.get("what").and_then(Value::as_str) != Some("control") {
                continue;
            }
            let event = note.get("event").cloned().map(serde_json::from_value::<Event>);
            events.extend(event.and_then(Result::ok).map(|event| (event.number, event.signature)));
        }
    }
    events
}
