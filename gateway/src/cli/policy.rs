//! `weir policy …`: check a set, run its cases, show it, write the starter set.

mod cases;
mod init;
mod show;

pub(super) use cases::test;
pub(super) use init::{Arguments as Init, init};
pub(super) use show::show;

use super::{CliError, Common, Format, Result, print};
use crate::config::{PolicyTexts, load_policy};
use clap::Args;
use gateway_core::policy::PolicySet;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which set is meant.
#[derive(Args, Clone)]
pub(super) struct Which {
    /// The folder of policies [default: the configuration's]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Which {
    /// The folder, which has to be named somewhere.
    fn dir(&self) -> Result<PathBuf> {
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => super::load(self.common.config.as_deref())?.policy.dir,
        };
        if dir.as_os_str().is_empty() {
            let what =
                "no policy folder is named, so nothing is permitted: set [policy] dir in the configuration, or give --dir DIR";
            return Err(CliError::new(what));
        }
        Ok(dir)
    }

    const fn format(&self) -> Format {
        self.common.format
    }
}

/// Parses, validates, lints and runs the cases; what is wrong is told at once.
pub(super) fn check(which: &Which) -> Result {
    let dir = which.dir()?;
    let set = load_policy(&dir).map_err(|error| CliError::new(format!("{error:#}")))?;
    let texts = PolicyTexts::read(&dir).map_err(|error| CliError::new(format!("{error:#}")))?;
    let cases = texts.run(&set).map_err(|problems| CliError::new(crate::config::problems(problems)))?.len();
    print(&match which.format() {
        Format::Text => format!("{}: {} policies, {cases} cases, set {}", dir.display(), set.len(), set.hash()),
        Format::Json => json!({ "dir": dir, "policies": set.len(), "cases": cases, "hash": set.hash() }).to_string(),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn schema() -> Result {
    print(gateway_core::policy::schema_text())?;
    Ok(ExitCode::SUCCESS)
}

/// The set of a folder, its cases apart.
fn set(texts: &PolicyTexts) -> Result<PolicySet> {
    texts.load().map_err(|problems| CliError::new(crate::config::problems(problems)))
}
