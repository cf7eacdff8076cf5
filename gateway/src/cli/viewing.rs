//! Whoever looks at records by the command line is in the log, before anything is shown.

use super::{CliError, Result};
use crate::control::login;
use crate::evidence::{EvidenceError, How, enter_beside, files, is_at_rest, now, view_beside};
use gateway_core::model::ids::SessionId;
use gateway_core::record::log::Entry;
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;

/// Enters that these records are looked at. Those that are not there are left out: that they are not is told by whoever reads them.
pub(super) fn viewed(state_dir: &Path, sessions: &[SessionId], how: How) -> Result<()> {
    let there = |session: &SessionId| files::segment(state_dir, *session, 0).exists();
    let there: Vec<_> = sessions.iter().copied().filter(there).collect();
    if there.is_empty() {
        return Ok(());
    }
    allowed(view_beside(state_dir, &who(), &there, how))
}

/// Enters that something was made of many records: which is in `details`.
pub(super) fn noted(state_dir: &Path, kind: &str, details: Value) -> Result<()> {
    if !files::sessions(state_dir).exists() {
        return Ok(());
    }
    allowed(enter_beside(state_dir, &Entry::Note { at: now().0, by: who(), kind: kind.to_owned(), details }))
}

/// Who logged in and started this command; the user that it runs as, where nobody did.
pub(super) fn who() -> String {
    let user = || nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name);
    login(std::process::id()).or_else(user).unwrap_or_else(|| format!("uid {}", nix::unistd::geteuid()))
}

/// A store that nobody can write may be read all the same, with a warning.
fn allowed(entered: std::result::Result<(), EvidenceError>) -> Result<()> {
    match entered {
        Err(error) if is_at_rest(&error) => {
            let said = writeln!(std::io::stderr(), "weir: warning: that this was looked at is not in the log: {error}");
            // Where not even that can be said, nobody reads.
            said.map_err(CliError::new)
        }
        entered => entered.map_err(|error| CliError::new(format!("what can't be noted is not shown: {error}"))),
    }
}
