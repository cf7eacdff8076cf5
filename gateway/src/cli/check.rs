//! `weir policy check|schema`, `weir config check`: everything that is wrong, at once.

use super::{CliError, Common, Format, Result, print};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn policy(common: &Common) -> Result {
    let config = super::load(common.config.as_deref())?;
    let set = crate::config::load_policy(&config.policy.dir).map_err(CliError::new)?;
    let line = match common.format {
        Format::Text => format!("{}: {} policies, set {}", config.policy.dir.display(), set.len(), set.hash()),
        Format::Json => serde_json::json!({ "dir": config.policy.dir, "policies": set.len(), "hash": set.hash() }).to_string(),
    };
    print(&line)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn schema() -> Result {
    print(gateway_core::policy::schema_text())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn config(file: &Path) -> Result {
    let config = crate::config::Config::load(file).map_err(CliError::new)?;
    print(&format!("{}: {} targets, {} workloads, no problems", file.display(), config.targets.len(), config.workloads.len()))?;
    Ok(ExitCode::SUCCESS)
}
