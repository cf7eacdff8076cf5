//! `weir audit reindex`: throws the index of the records away and makes it of them again.

use super::session::{finish, tell as tell_json};
use super::{CliError, Format, count};
use crate::index::{self, Progress};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Makes it, and says how many records are in it.
pub(super) fn reindex(state_dir: &Path, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let begun = Instant::now();
    let records = index::reindex(state_dir, &mut tell).map_err(CliError::new)?;
    let took = begun.elapsed();
    let printed = match format {
        Format::Json => {
            tell_json(&json!({ "records": records, "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX) }), out)
        }
        Format::Text => {
            writeln!(out, "{} indexed in {:.1} s", count(records, "record", "records"), took.as_secs_f64())
        }
    };
    finish(printed, ExitCode::SUCCESS)
}

/// Tells somebody who waits how far it is.
pub(super) fn tell(progress: Progress) {
    if progress.all > 0 {
        let Progress { done, all } = progress;
        let _told = writeln!(std::io::stderr(), "weir: {done} of {all} records are indexed").is_ok();
    }
}
