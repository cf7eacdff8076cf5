//! The policy directory: its files, as one checked set.

use anyhow::{Context as _, Result};
use gateway_core::policy::{PolicyProblem, PolicySet};
use std::path::Path;

/// Reads, parses and checks a policy directory.
pub fn load_policy(dir: &Path) -> Result<PolicySet> {
    let mut sources = Vec::new();
    if dir.as_os_str().is_empty() {
        return PolicySet::load(sources).map_err(problems);
    }
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read the policy directory {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            sources.push((path.display().to_string(), text));
        }
    }
    sources.sort();
    PolicySet::load(sources).map_err(problems)
}

fn problems(problems: Vec<PolicyProblem>) -> anyhow::Error {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("the policy set has {} problems:\n  {}", lines.len(), lines.join("\n  "))
}
