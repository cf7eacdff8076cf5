//! What on the host is a job by a rule: the cgroups that match, found by looking around.

use super::jobs::{Job, Jobs};
use crate::capture::{self, CaptureError, JobTag};
use crate::config::host::{JobMatch, JobRule, matches};
use crate::identity::Claimant;
use crate::session::context::{Shared, new_run};
use std::fs;
use std::path::Path;

/// Cgroups that are looked at.
const SEARCHED: usize = 100_000;

/// A cgroup that a rule makes a job.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Match {
    /// The rule's number in the configuration.
    rule: usize,
    /// The path below the cgroup2 mount.
    path: String,
}

/// The rule that makes a cgroup of this path a job: the first that matches.
fn rule_of(rules: &[JobRule], path: &str) -> Option<usize> {
    rules.iter().position(|rule| match &rule.matches {
        JobMatch::Cgroup(patterns) => patterns.iter().any(|pattern| matches(pattern, path)),
        JobMatch::User(_) => false,
    })
}

/// The cgroups at and below `attach` that match now; of one within another, the outer alone.
fn look_around(mount: &Path, attach: &str, rules: &[JobRule]) -> Vec<Match> {
    let mut found = Vec::new();
    let mut waiting = vec![attach.to_owned()];
    let mut looked = 0;
    while let Some(path) = waiting.pop() {
        looked += 1;
        if looked > SEARCHED {
            tracing::error!(looked, "there are more cgroups than are looked at: of the others those are jobs that come later");
            break;
        }
        if let Some(rule) = rule_of(rules, &path) {
            found.push(Match { rule, path });
            continue;
        }
        let below = fs::read_dir(mount.join(path.trim_start_matches('/'))).into_iter().flatten().flatten();
        let folders = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(folders.map(|entry| format!("{}/{}", path.trim_end_matches('/'), entry.file_name().to_string_lossy())));
    }
    found
}

/// Makes a job of each cgroup that matches and is in none; says which are new.
///
/// # Errors
/// Where as many jobs run as can be followed.
pub fn find(shared: &Shared, jobs: &Jobs) -> Result<Vec<Job>, CaptureError> {
    let rules = &shared.config.jobs;
    let mut fresh = Vec::new();
    if rules.is_empty() {
        return Ok(fresh);
    }
    for found in look_around(jobs.mount(), jobs.attach(), rules) {
        let Ok(cgroup_id) = capture::cgroup_id(&jobs.directory(&found.path)) else { continue };
        let (Some(rule), Ok(number)) = (rules.get(found.rule), u32::try_from(found.rule)) else { continue };
        if jobs.at(&found.path).is_none() {
            let run = new_run();
            shared.capture.add_job(cgroup_id, JobTag { run: run.number(), rule: number, flags: 0 })?;
            shared.resolver.claim(run, Claimant::Cgroup { id: cgroup_id });
            fresh.push(jobs.found(run, found.rule, &rule.name, &found.path, cgroup_id));
        }
    }
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_of_two_that_match_is_the_job() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("ci.slice/runner@1.service/runner@2.service")).unwrap();
        fs::create_dir_all(folder.path().join("other.slice/runner@3.service")).unwrap();
        let rule = |pattern: &str| JobRule { name: "r".to_owned(), matches: JobMatch::Cgroup(vec![pattern.to_owned()]) };
        let rules = [rule("/nothing"), rule("*/runner@*.service")];
        let mut found = look_around(folder.path(), "/", &rules);
        found.sort_by(|one, other| one.path.cmp(&other.path));
        let paths: Vec<_> = found.iter().map(|one| (one.rule, one.path.as_str())).collect();
        assert_eq!(paths, [(1, "/ci.slice/runner@1.service"), (1, "/other.slice/runner@3.service")]);
        assert_eq!(look_around(folder.path(), "/other.slice", &rules).len(), 1);
    }
}
