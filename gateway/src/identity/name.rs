//! The workload's name: which `[[workload]]` it is, and its SPIFFE id.

use crate::config::{WorkloadMatch, WorkloadRule};
use gateway_core::model::principal::{Claims, Grade, Process, WorkloadId};

const CONTAINER_DIGITS: usize = 12;

/// Which paths the gateway, looking at the same path itself, finds to be the very same file.
///
/// In a mount namespace of its own a job can put any file at any path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Confirmed {
    pub(super) executable: bool,
    pub(super) script: bool,
    pub(super) directory: bool,
}

/// The last part of a path.
pub(super) fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The first rule that the process fulfils.
pub(super) fn rule<'a>(rules: &'a [WorkloadRule], process: &Process, confirmed: Confirmed) -> Option<&'a WorkloadRule> {
    rules.iter().find(|rule| matches(&rule.matches, process, confirmed))
}

/// The workload's SPIFFE id, and how it is known.
pub(super) fn workload(
    trust_domain: &str,
    host: &str,
    process: &Process,
    rule: Option<&WorkloadRule>,
    claims: Option<&Claims>,
) -> (WorkloadId, Grade) {
    let here = |parts: &[&str]| {
        let mut path = vec!["host", host];
        path.extend(parts);
        (spiffe(trust_domain, path), Grade::Kernel)
    };
    if let Some(rule) = rule.filter(|rule| rule.matches.unit.is_none()) {
        return here(&["workload", &rule.name]);
    }
    if let Some(unit) = &process.unit {
        return here(&["unit", unit]);
    }
    if let Some(container) = &process.container {
        return here(&["container", container.get(..CONTAINER_DIGITS).unwrap_or(container)]);
    }
    if let Some(path) = claims.and_then(claimed) {
        return (spiffe(trust_domain, path), Grade::Claimed);
    }
    let uid = process.uid.to_string();
    let user = process.user.as_deref().unwrap_or(&uid);
    here(&["user", user, "exe", process.executable.as_deref().map_or("unknown", basename)])
}

fn matches(wanted: &WorkloadMatch, process: &Process, confirmed: Confirmed) -> bool {
    let holds = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
    // A path alone says something only where the job can't have put its own file there.
    let placed = wanted.unit.is_some() || wanted.cgroup.is_some();
    let path = |wanted: &Option<String>, found: &Option<String>, sure: bool| wanted.is_none() || (wanted == found && sure);
    let executable_sure = placed || confirmed.executable || wanted.executable_sha256.is_some();
    let script_sure = placed || confirmed.script || wanted.script_sha256.is_some();
    *wanted != WorkloadMatch::default()
        && holds(&wanted.unit, &process.unit)
        && holds(&wanted.user, &process.user)
        && holds(&wanted.executable_sha256, &process.executable_sha256)
        && holds(&wanted.script_sha256, &process.script_sha256)
        && wanted.uid.is_none_or(|uid| uid == process.uid)
        && wanted.cgroup.as_deref().is_none_or(|cgroup| within(cgroup, &process.cgroup))
        && path(&wanted.executable, &process.executable, executable_sure)
        && path(&wanted.script, &process.script, script_sure)
        && path(&wanted.directory, &process.directory, placed || confirmed.directory)
}

/// Whether a cgroup's path is this one or below it.
fn within(wanted: &str, found: &str) -> bool {
    let wanted = wanted.trim_matches('/');
    let found = found.trim_matches('/');
    found == wanted || found.strip_prefix(wanted).is_some_and(|rest| wanted.is_empty() || rest.starts_with('/'))
}

fn claimed(claims: &Claims) -> Option<Vec<&str>> {
    let attribute = |name: &str| claims.attributes.get(name).map(String::as_str);
    let mut path = vec!["ci", claims.provider.as_str()];
    let workflow = attribute("workflow");
    match claims.provider.as_str() {
        "github" | "gitlab" => {
            path.extend(attribute("repository")?.split('/'));
            path.extend(workflow.or_else(|| attribute("job")));
        }
        _ => path.extend(workflow?.split('/')),
    }
    Some(path)
}

/// A SPIFFE id of this path.
pub(super) fn spiffe<'a>(trust_domain: &str, path: impl IntoIterator<Item = &'a str>) -> WorkloadId {
    let mut id = format!("spiffe://{trust_domain}");
    for part in path {
        id.push('/');
        id.push_str(&segment(part));
    }
    WorkloadId(id)
}

/// A path segment as SPIFFE-ID §2.2 allows it: letters, digits, `.`, `-`, `_`, and neither `.` nor `..`.
fn segment(text: &str) -> String {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let kept: String = text.chars().map(|letter| if allowed(letter) { letter } else { '-' }).collect();
    match kept.as_str() {
        "" => "-".to_owned(),
        "." | ".." => "-".repeat(kept.len()),
        _ => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OnOwnerLeave;

    const ALL: Confirmed = Confirmed { executable: true, script: true, directory: true };

    fn named(name: &str, matches: WorkloadMatch) -> WorkloadRule {
        WorkloadRule {
            name: name.to_owned(),
            matches,
            owner: None,
            on_owner_leave: OnOwnerLeave::Block,
            successor: None,
            mode: None,
        }
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn backup() -> Process {
        Process {
            uid: 7,
            user: some("backup"),
            cgroup: "/system.slice/cron.service".to_owned(),
            executable: some("/usr/bin/psql"),
            script: some("/opt/backup.sh"),
            script_sha256: some("aa"),
            ..Process::default()
        }
    }

    #[test]
    fn all_keys_that_are_set_have_to_hold() {
        let cases = [
            (WorkloadMatch::default(), false),
            (WorkloadMatch { uid: Some(7), ..WorkloadMatch::default() }, true),
            (WorkloadMatch { uid: Some(7), user: some("root"), ..WorkloadMatch::default() }, false),
            (WorkloadMatch { unit: some("cron.service"), ..WorkloadMatch::default() }, false),
            (WorkloadMatch { cgroup: some("/system.slice"), ..WorkloadMatch::default() }, true),
            (WorkloadMatch { cgroup: some("/system.slice/cron"), ..WorkloadMatch::default() }, false),
            (WorkloadMatch { script: some("/opt/backup.sh"), script_sha256: some("bb"), ..WorkloadMatch::default() }, false),
            (WorkloadMatch { script_sha256: some("aa"), ..WorkloadMatch::default() }, true),
            (WorkloadMatch { directory: some("/"), ..WorkloadMatch::default() }, false),
        ];
        for (wanted, expected) in cases {
            assert_eq!(matches(&wanted, &backup(), ALL), expected, "{wanted:?}");
        }
    }

    #[test]
    fn a_path_that_only_the_job_sees_is_not_enough() {
        let unsure = Confirmed::default();
        let mut wanted = WorkloadMatch { executable: some("/usr/bin/psql"), uid: Some(7), ..WorkloadMatch::default() };
        assert!(matches(&wanted, &backup(), ALL));
        assert!(!matches(&wanted, &backup(), unsure));
        wanted.cgroup = some("/system.slice/cron.service");
        assert!(matches(&wanted, &backup(), unsure));
    }

    #[test]
    fn the_first_rule_counts() {
        let rules = [
            named("a", WorkloadMatch { uid: Some(8), ..WorkloadMatch::default() }),
            named("b", WorkloadMatch { uid: Some(7), ..WorkloadMatch::default() }),
            named("c", WorkloadMatch { user: some("backup"), ..WorkloadMatch::default() }),
        ];
        assert_eq!(rule(&rules, &backup(), ALL).unwrap().name, "b");
    }

    #[test]
    fn kernel_facts_come_before_claims() {
        let claims = |provider: &str, attributes: &[(&str, &str)]| Claims {
            provider: provider.to_owned(),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let github = claims("github", &[("repository", "acme/shop"), ("workflow", "Nightly run")]);
        let jenkins = claims("jenkins", &[("workflow", "team/../x")]);
        let by_uid = named("night backup", WorkloadMatch { uid: Some(7), ..WorkloadMatch::default() });
        let by_unit = named("n", WorkloadMatch { unit: some("b@1.service"), ..WorkloadMatch::default() });
        let in_unit = Process { unit: some("b@1.service"), ..backup() };
        let contained = Process { container: some("0123456789abcdef"), ..backup() };
        let cases = [
            (&in_unit, None, Some(&github), "host/ci-7/unit/b-1.service", Grade::Kernel),
            (&in_unit, Some(&by_unit), None, "host/ci-7/unit/b-1.service", Grade::Kernel),
            (&in_unit, Some(&by_uid), None, "host/ci-7/workload/night-backup", Grade::Kernel),
            (&contained, None, Some(&github), "host/ci-7/container/0123456789ab", Grade::Kernel),
            (&backup(), Some(&by_uid), Some(&github), "host/ci-7/workload/night-backup", Grade::Kernel),
            (&backup(), None, Some(&github), "ci/github/acme/shop/Nightly-run", Grade::Claimed),
            (&backup(), None, Some(&jenkins), "ci/jenkins/team/--/x", Grade::Claimed),
            (&backup(), None, None, "host/ci-7/user/backup/exe/psql", Grade::Kernel),
            (&Process::default(), None, None, "host/ci-7/user/0/exe/unknown", Grade::Kernel),
        ];
        for (process, rule, claims, expected, grade) in cases {
            let (id, known) = workload("acme.example", "ci-7", process, rule, claims);
            assert_eq!(id.0, format!("spiffe://acme.example/{expected}"));
            assert_eq!(known, grade);
        }
    }
}
