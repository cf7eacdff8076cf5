//! Checks a store as `weir audit verify` does, and says of each thing that it finds where it is.

use crate::place::{Finding, Place};
use crate::store::Base;
use gateway_core::model::ids::SessionId;
use gateway_core::record::log::VerifierKey;
use gateway_core::record::verify::{Problem, Span};
use std::path::Path;
use weir::evidence::{self, Trusted, log};
use weir::ledger;

/// All that is found in the store at `state`, which was `base`; `outside` are checkpoints that left the host.
pub(crate) fn findings(state: &Path, base: &Base, keys: &[VerifierKey], outside: &[Vec<u8>]) -> Vec<Finding> {
    let mut all = Vec::new();
    let trusted = Trusted { keys: keys.to_vec(), checkpoints: outside.to_vec() };
    match evidence::verify(state, None, &trusted) {
        Ok(found) => {
            all.extend(found.log.iter().map(|problem| logged(state, problem)));
            let policy = |hash: &String| finding(Place::Policy(hash.clone()), &"not there, or another text");
            all.extend(found.policies.iter().map(policy));
            all.extend(found.strangers.iter().map(|stranger| finding(Place::File(below(state, stranger)), &"no record")));
            for checked in &found.sessions {
                all.extend(checked.report.problems.iter().map(|problem| record(base, checked.session, problem)));
            }
        }
        Err(error) => all.push(finding(Place::File(state.display().to_string()), &error)),
    }
    match ledger::check(state) {
        Ok(checked) => all.extend(checked.iter().flat_map(|checked| &checked.problems).flat_map(|problem| events(problem))),
        Err(error) => {
            let file = if error.to_string().contains("ledger.pub") { "ledger.pub" } else { "ledger.db" };
            all.push(finding(Place::File(file.to_owned()), &error));
        }
    }
    all
}

fn finding(place: Place, what: &dyn std::fmt::Display) -> Finding {
    Finding { place, what: what.to_string() }
}

fn record(base: &Base, session: SessionId, problem: &Problem) -> Finding {
    let blocks = base.records.get(&session).map(Vec::as_slice).unwrap_or_default();
    let last = blocks.len().saturating_sub(1) as u64;
    let of = |span: &Span| Place::Blocks(session, span.block, span.last_block);
    let place = match problem {
        Problem::Changed { blocks, .. }
        | Problem::Removed { blocks }
        | Problem::Reordered { blocks, .. }
        | Problem::Duplicated { blocks, .. }
        | Problem::Misdated { blocks, .. } => of(blocks),
        Problem::Inserted { block, .. } => Place::Blocks(session, block.saturating_sub(1), *block),
        Problem::Torn { block, .. } => Place::Blocks(session, *block, last.max(*block)),
        Problem::AfterEnd { block } => Place::Blocks(session, *block, *block),
        Problem::NoEnd => Place::Blocks(session, last, last),
        Problem::Cut { have, .. } => {
            let from = blocks.iter().find(|block| block.first_frame + block.frames > *have).map_or(last, |block| block.number);
            Place::Blocks(session, from, last)
        }
        Problem::Header { segment } => Place::Segment(session, *segment),
        Problem::Replaced { .. }
        | Problem::Damaged
        | Problem::Missing
        | Problem::Unlisted
        | Problem::Returned
        | Problem::ListedTwice { .. } => Place::Record(session),
    };
    finding(place, problem)
}

/// The events that a line of the ledger's check names.
fn events(problem: &str) -> Vec<Finding> {
    let numbers: Vec<u64> =
        problem.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok()).take(2).collect();
    let range = match numbers[..] {
        [from, to] if problem.starts_with("events ") => from..=to,
        [number, ..] => number..=number,
        [] => 0..=0,
    };
    range.map(|number| finding(Place::Event(number), &problem)).collect()
}

/// A path below the state directory.
fn below(state: &Path, path: &str) -> String {
    Path::new(path).strip_prefix(state).ok().and_then(Path::to_str).unwrap_or(path).to_owned()
}

fn logged(state: &Path, problem: &log::Problem) -> Finding {
    use log::Problem;
    let place = match problem {
        Problem::Changed { entry }
        | Problem::Unreadable { entry, .. }
        | Problem::Torn { entry }
        | Problem::Backwards { entry, .. } => Place::Entries(*entry, *entry),
        Problem::Missing { from, to } => Place::Entries(*from, to.saturating_sub(1)),
        Problem::TileChanged { tile } | Problem::TileMissing { tile } => Place::File(format!("log/{tile}")),
        Problem::Extra { path } if path.starts_with("tile/") => Place::File(format!("log/{path}")),
        Problem::Extra { path } => Place::File(below(state, path)),
        Problem::NoCheckpoint { .. } => Place::File("log/checkpoint".to_owned()),
        Problem::PublicKey { .. } => Place::File("log.pub".to_owned()),
        Problem::Older { .. } => Place::File("log/checkpoint".to_owned()),
        Problem::NoJournal { .. } => Place::File("log/journal".to_owned()),
        Problem::Forged { size, .. } | Problem::Rewritten { size } | Problem::RolledBack { size } => Place::Checkpoint(*size),
    };
    finding(place, problem)
}
