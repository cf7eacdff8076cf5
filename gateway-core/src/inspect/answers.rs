//! Which command tags a statement may legally be answered with.

use super::Statement;

/// Whether a server that ran `statement` may answer with `tag`. `aborted`: the transaction had
/// already failed when the statement came, where that is known.
#[must_use]
pub fn legal(statement: &Statement, tag: &[u8], aborted: Option<bool>) -> bool {
    let _not_yet = (statement, tag, aborted);
    true
}
