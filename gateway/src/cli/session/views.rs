//! `weir session views`: who looked at a session's record, as the log has it.

use super::{finish, tell, text};
use crate::cli::desk::table;
use crate::cli::{CliError, Format};
use crate::evidence::{self, utc};
use gateway_core::model::ids::SessionId;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Lists them, the oldest first; of a record that was removed, too.
pub(crate) fn views(state_dir: &Path, session: SessionId, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let found = evidence::views(state_dir, session).map_err(CliError::new)?;
    let printed = match format {
        Format::Json => tell(&found, out),
        Format::Text if found.is_empty() => writeln!(out, "nobody has looked at the record of {session}"),
        Format::Text => {
            let line = |field: &str| text::line(field.as_bytes());
            let rows = found.iter().map(|view| [utc(view.at), line(&view.by), line(&view.how), view.entry.to_string()]);
            writeln!(out, "{}", table(["WHEN (UTC)", "WHO", "HOW", "LOG ENTRY"], rows))
        }
    };
    finish(printed, ExitCode::SUCCESS)
}
