//! `[[workload]]`: names and owners for what has no identity of its own.

use crate::config::reader::Table;
use gateway_core::policy::Mode;

/// One `[[workload]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRule {
    /// Its name.
    pub name: String,
    /// What a process has to be; all that is set has to hold.
    pub matches: WorkloadMatch,
    /// The person who answers for it.
    pub owner: Option<String>,
    /// What happens when that person leaves.
    pub on_owner_leave: OnOwnerLeave,
    /// The person who may take it over then.
    pub successor: Option<String>,
    /// Its own mode.
    pub mode: Option<Mode>,
}

/// What a process has to be to belong to a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the key of its name")]
pub struct WorkloadMatch {
    pub unit: Option<String>,
    pub cgroup: Option<String>,
    pub user: Option<String>,
    pub uid: Option<u32>,
    pub executable: Option<String>,
    pub executable_sha256: Option<String>,
    pub script: Option<String>,
    pub script_sha256: Option<String>,
    pub directory: Option<String>,
}

/// What happens to a workload whose owner leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOwnerLeave {
    /// It is refused, and cut.
    #[default]
    Block,
    /// It waits for a person.
    Hold,
    /// It goes on, and someone is told.
    Alert,
}

impl OnOwnerLeave {
    /// As the configuration has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Hold => "hold",
            Self::Alert => "alert",
        }
    }

    /// What becomes of a workload by it.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Block => "blocked",
            Self::Hold => "held",
            Self::Alert => "goes on",
        }
    }
}

pub(super) fn read(mut table: Table<'_, '_>) -> Option<WorkloadRule> {
    let name = table.text("name").map(toml::Spanned::into_inner);
    let name = table.required("name", name, "a name that policies and records can use: name = \"nightly-backup\"");
    let matches = table.table("match").map(matches);
    let matches = table.required("match", matches, "what its process is: match = { script_sha256 = \"…\" }");
    let owner = table.text("owner").map(toml::Spanned::into_inner);
    let on_owner_leave = table
        .parsed("on_owner_leave", "\"block\", \"hold\" or \"alert\"", |text| match text {
            "block" => Some(OnOwnerLeave::Block),
            "hold" => Some(OnOwnerLeave::Hold),
            "alert" => Some(OnOwnerLeave::Alert),
            _ => None,
        })
        .unwrap_or_default();
    let successor = table.text("successor").map(toml::Spanned::into_inner);
    if successor.is_some() && (owner.is_none() || owner == successor) {
        table.problem(
            "`successor` is who takes it over when its owner leaves",
            "name an `owner`, and another person as its successor",
        );
    }
    let mode = super::sections::mode(&mut table);
    table.end();
    Some(WorkloadRule { name: name?, matches: matches?, owner, on_owner_leave, successor, mode })
}

fn matches(mut table: Table<'_, '_>) -> WorkloadMatch {
    let mut text = |key| table.text(key).map(toml::Spanned::into_inner);
    let mut rule = WorkloadMatch {
        unit: text("unit"),
        cgroup: text("cgroup"),
        user: text("user"),
        executable: text("executable"),
        script: text("script"),
        directory: text("directory"),
        ..WorkloadMatch::default()
    };
    rule.uid = table.number("uid", 0, u32::MAX);
    rule.executable_sha256 = table.parsed("executable_sha256", SHA256, sha256);
    rule.script_sha256 = table.parsed("script_sha256", SHA256, sha256);
    if rule == WorkloadMatch::default() {
        table.problem(
            "this `match` names nothing, so nothing would match",
            "set at least one of unit, cgroup, user, uid, executable, executable_sha256, script, script_sha256, directory",
        );
    }
    table.end();
    rule
}

const SHA256: &str = "64 hexadecimal digits, as `sha256sum FILE` prints them";

fn sha256(text: &str) -> Option<String> {
    (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::OnOwnerLeave;
    use std::path::Path;

    fn workload(lines: &str) -> Result<Config, Vec<String>> {
        let text = format!("trust_domain = \"a\"\n[[workload]]\nname = \"x\"\nmatch = {{ uid = 7 }}\n{lines}\n");
        Config::parse(&text, Path::new("/")).map_err(|problems| problems.into_iter().map(|problem| problem.what).collect())
    }

    #[test]
    fn what_becomes_of_it_and_who_takes_it_over_is_read() {
        let config = workload("owner = \"ana\"\nsuccessor = \"bo\"\non_owner_leave = \"hold\"").unwrap();
        let rule = &config.workloads[0];
        assert_eq!((rule.on_owner_leave, rule.successor.as_deref()), (OnOwnerLeave::Hold, Some("bo")));
        assert_eq!(workload("owner = \"ana\"").unwrap().workloads[0].on_owner_leave, OnOwnerLeave::Block);
        for (wrong, expected) in [
            ("successor = \"bo\"", "`successor` is who"),
            ("owner = \"ana\"\nsuccessor = \"ana\"", "`successor` is who"),
            ("on_owner_leave = \"ignore\"", "`on_owner_leave` can't be"),
        ] {
            let problems = workload(wrong).unwrap_err();
            assert!(problems.iter().any(|problem| problem.contains(expected)), "{wrong}: {problems:?}");
        }
    }
}
