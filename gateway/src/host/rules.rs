//! What on the host is a job by a rule: the cgroups that match, found by looking around.

use super::jobs::Jobs;
use crate::capture::{self, CaptureError, JobTag, KernelRule};
use crate::config::host::{JobMatch, JobRule, matches};
use crate::identity::Claimant;
use crate::session::context::{Shared, new_run};
use gateway_core::model::ids::RunId;
use std::collections::{BTreeMap, HashMap};
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

/// The cgroups' patterns, rule by rule: in this order the kernel side has them.
fn patterns(rules: &[JobRule]) -> impl Iterator<Item = (usize, &String)> {
    rules.iter().enumerate().flat_map(|(number, rule)| match &rule.matches {
        JobMatch::Cgroup(patterns) => patterns.iter().map(|pattern| (number, pattern)).collect::<Vec<_>>(),
        JobMatch::User(_) => Vec::new(),
    })
}

/// The rule that the kernel side's rule at `place` is of.
#[must_use]
pub fn rule_at(rules: &[JobRule], place: u32) -> Option<usize> {
    patterns(rules).nth(usize::try_from(place).ok()?).map(|(number, _)| number)
}

/// The place of a rule's first pattern on the kernel side.
fn place_of(rules: &[JobRule], number: usize) -> Option<u32> {
    u32::try_from(patterns(rules).position(|(of, _)| of == number)?).ok()
}

/// Tells the kernel side the rules: a cgroup that is made from now on is a job before it has a process, and so is what a
/// user's processes do where no cgroup says otherwise. A user that was a job is the same one.
///
/// # Errors
/// Where a pattern is too long for the kernel side, or there are too many.
pub fn tell_kernel(shared: &Shared, jobs: &Jobs) -> Result<(), CaptureError> {
    let rules = &shared.config.jobs;
    let told: Result<Vec<KernelRule>, CaptureError> = patterns(rules).map(|(_, pattern)| KernelRule::new(pattern, 0)).collect();
    shared.capture.set_rules(&told?)?;
    let mut users = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        match rule.matches {
            JobMatch::User(uid) => _ = users.entry(uid).or_insert((number, rule)),
            JobMatch::Cgroup(_) => {}
        }
    }
    let standing: BTreeMap<u32, JobTag> = shared.capture.uids()?.into_iter().collect();
    for (&uid, &(number, rule)) in &users {
        let job = jobs.found_user(uid, number, &rule.name, standing.get(&uid).map(|tag| RunId::from_number(tag.run)));
        shared.capture.add_uid(uid, JobTag::of_run(job.run.number()))?;
    }
    for uid in standing.into_keys().filter(|uid| !users.contains_key(uid)) {
        shared.capture.remove_uid(uid)?;
    }
    jobs.keep_users(|uid| users.contains_key(&uid));
    Ok(())
}

/// Makes a job of each cgroup that matches and is in none. One that the kernel side has made meanwhile keeps its run.
///
/// # Errors
/// Where as many jobs run as can be followed.
pub fn find(shared: &Shared, jobs: &Jobs) -> Result<(), CaptureError> {
    let rules = &shared.config.jobs;
    if rules.is_empty() {
        return Ok(());
    }
    let all = look_around(jobs.mount(), jobs.attach(), rules);
    // After it: the kernel side makes a cgroup a job before anybody can see it, so every one that was seen is in here.
    let standing: HashMap<u64, JobTag> = shared.capture.jobs()?.into_iter().collect();
    for found in all {
        let Ok(cgroup_id) = capture::cgroup_id(&jobs.directory(&found.path)) else { continue };
        let (Some(rule), Some(number)) = (rules.get(found.rule), place_of(rules, found.rule)) else { continue };
        if jobs.at(&found.path).is_some() {
            continue;
        }
        let run = match standing.get(&cgroup_id) {
            Some(tag) => RunId::from_number(tag.run),
            None => {
                let run = new_run();
                shared.capture.add_job(cgroup_id, JobTag { run: run.number(), rule: number, flags: 0 })?;
                run
            }
        };
        shared.resolver.claim(run, Claimant::Cgroup { id: cgroup_id });
        let _job = jobs.found(run, found.rule, &rule.name, &found.path, cgroup_id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_on_the_kernel_side_are_those_of_patterns() {
        let rule = |matches: JobMatch| JobRule { name: "r".to_owned(), matches };
        let patterns = |texts: &[&str]| rule(JobMatch::Cgroup(texts.iter().map(|&text| text.to_owned()).collect()));
        let rules = [patterns(&["/a", "/b"]), rule(JobMatch::User(7)), patterns(&["/c"])];
        assert_eq!((0..4).map(|place| rule_at(&rules, place)).collect::<Vec<_>>(), [Some(0), Some(0), Some(2), None]);
        assert_eq!((0..3).map(|number| place_of(&rules, number)).collect::<Vec<_>>(), [Some(0), None, Some(2)]);
    }

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
