//! `weir policy …`: check a set, run its cases, show it, write the starter set.

mod backtest;
mod cases;
mod init;
mod looks_back;
mod readiness;
mod show;
mod suggest;

pub(super) use backtest::{Arguments as Backtest, backtest};
pub(super) use cases::test;
pub(super) use init::{Arguments as Init, init};
pub(super) use readiness::{Arguments as Readiness, readiness, shadow};
pub(super) use show::{At, show};
pub(super) use suggest::{Arguments as Suggest, suggest};

use super::{CliError, Common, Format, Result, count, print};
use crate::config::PolicyTexts;
use clap::Args;
use gateway_core::policy::cases::Outcome;
use gateway_core::policy::{PolicyProblem, PolicySet};
use serde_json::{Value, json};
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
    let texts = PolicyTexts::read(&dir).map_err(|error| CliError::new(format!("{error:#}")))?;
    let checked = whole(&texts);
    let status = if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) };
    let text = match (checked, which.format()) {
        (Ok((set, cases)), Format::Text) => {
            let (policies, cases) = (count(set.len(), "policy", "policies"), count(cases, "case", "cases"));
            format!("{}: {policies}, {cases}, set {}", dir.display(), set.hash())
        }
        (Err(problems), Format::Text) => return Err(CliError::new(crate::config::problems(problems))),
        (Ok((set, cases)), Format::Json) => {
            json!({ "dir": dir, "policies": set.len(), "cases": cases, "hash": set.hash(), "problems": [] }).to_string()
        }
        (Err(problems), Format::Json) => {
            let problems: Value = problems.into_iter().map(row_json).collect();
            json!({ "dir": dir, "policies": null, "cases": null, "hash": null, "problems": problems }).to_string()
        }
    };
    print(&text)?;
    Ok(status)
}

/// The set, and how many cases it passes; a set that fails one is a bad set.
fn whole(texts: &PolicyTexts) -> std::result::Result<(PolicySet, usize), Vec<PolicyProblem>> {
    let set = texts.load()?;
    let outcomes = texts.run(&set)?;
    let failed: Vec<_> = outcomes.iter().filter_map(Outcome::problem).collect();
    if failed.is_empty() { Ok((set, outcomes.len())) } else { Err(failed) }
}

fn row_json(problem: PolicyProblem) -> Value {
    let PolicyProblem { file, line, what } = problem;
    json!({ "file": file, "line": line, "problem": what })
}

pub(super) fn schema() -> Result {
    print(gateway_core::policy::schema_text())?;
    Ok(ExitCode::SUCCESS)
}

/// The set of a folder, its cases apart.
fn set(texts: &PolicyTexts) -> Result<PolicySet> {
    texts.load().map_err(|problems| CliError::new(crate::config::problems(problems)))
}
