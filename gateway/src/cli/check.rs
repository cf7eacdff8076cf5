//! `weir config check`: everything that is wrong, at once.

use super::{CliError, Result, print};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn config(file: &Path) -> Result {
    let config = crate::config::Config::load(file).map_err(CliError::new)?;
    print(&format!("{}: {} targets, {} workloads, no problems", file.display(), config.targets.len(), config.workloads.len()))?;
    Ok(ExitCode::SUCCESS)
}
