//! One text in two readings: what either does counts.

use super::Read;
use crate::inspect::Statement;
use std::collections::BTreeSet;

/// The statements of both; an error where they are not the same statements.
pub(super) fn merge(first: Read, second: Read) -> Result<Read, String> {
    if first.statements.len() != second.statements.len() {
        return Err("backslashes in strings: the two readings have different statements".to_owned());
    }
    let cross_checked = first.cross_checked && second.cross_checked;
    let statements = first.statements.into_iter().zip(second.statements).map(|(a, b)| one(a, b)).collect::<Result<_, _>>()?;
    Ok(Read { statements, cross_checked })
}

fn one(mut first: Statement, second: Statement) -> Result<Statement, String> {
    let same = first.span == second.span
        && first.command == second.command
        && first.transaction == second.transaction
        && first.facts.copy == second.facts.copy
        && same_names(&first, &second);
    if !same {
        return Err("backslashes in strings: the two readings are different statements".to_owned());
    }
    let accesses: BTreeSet<_> = first.accesses.into_iter().chain(second.accesses).collect();
    first.accesses = accesses.into_iter().collect();
    first.changes = first.changes.or(second.changes);
    first.facts.no_where |= second.facts.no_where;
    first.facts.opaque |= second.facts.opaque;
    first.facts.explain |= second.facts.explain;
    first.facts.locking |= second.facts.locking;
    first.facts.constant &= second.facts.constant;
    Ok(first)
}

/// Bodies may differ only where nothing else does, and then one of them would be forgotten.
fn same_names(first: &Statement, second: &Statement) -> bool {
    first.names == second.names
}
