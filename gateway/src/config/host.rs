//! `[host]` and `[[job]]`: where the daemon attaches, how it is reached, and what on the host is a job.

use crate::config::reader::Table;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// Where the daemon's socket is.
pub const SOCKET: &str = "/run/weir/host.sock";
/// Rules that the kernel side can match at once.
const RULES_MOST: usize = 64;
/// Bytes of a pattern.
const PATTERN_LONGEST: usize = 120;
/// What a unit's pattern begins with.
const ANYWHERE: &str = "*/";

/// `[host]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSettings {
    /// The daemon's name: of its pins, its lock and its cgroups.
    pub name: String,
    /// The cgroup at which the hooks are attached; none means the root of all.
    pub attach: Option<PathBuf>,
    /// The socket at which jobs are begun and ended.
    pub socket: PathBuf,
    /// What becomes of connections that jobs had before the daemon came.
    pub existing: ExistingConnections,
    /// How long sessions may go on after a take-over or an orderly stop.
    pub drain: Duration,
    /// Whether a connection of the daemon's own proves at the start, and each minute, that jobs are intercepted.
    pub canary: bool,
}

/// What becomes of a job's connections that were there before its interception.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingConnections {
    /// They are recorded as findings, and left.
    #[default]
    List,
    /// They are recorded as findings, and ended.
    Cut,
    /// Nobody looks for them.
    Leave,
}

/// One `[[job]]`: what is a job without being asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRule {
    /// Its name, for lists and records.
    pub name: String,
    /// What it is about.
    pub matches: JobMatch,
}

impl JobRule {
    /// Whether it means containers, however their runtime names them.
    #[must_use]
    pub fn is_about_containers(&self) -> bool {
        matches!(&self.matches, JobMatch::Cgroup(patterns) if patterns.len() == CONTAINERS.len())
    }
}

/// What a job's processes have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobMatch {
    /// Their cgroup, or one above it, has a path that one of these patterns matches; `*` stands for any text.
    Cgroup(Vec<String>),
    /// They are this user's.
    User(u32),
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            name: "host".to_owned(),
            attach: None,
            socket: PathBuf::from(SOCKET),
            existing: ExistingConnections::default(),
            drain: Duration::from_secs(60),
            canary: true,
        }
    }
}

pub(super) fn host(mut table: Table<'_, '_>, directory: &std::path::Path) -> HostSettings {
    let default = HostSettings::default();
    let hint = "letters, digits and dashes: it names files and cgroups";
    let name = table.parsed("name", hint, |text| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (!text.is_empty() && text.len() <= 32 && text.bytes().all(good)).then(|| text.to_owned())
    });
    let attach = table.text("attach").map(|path| directory.join(path.get_ref()));
    let socket = table.text("socket").map(|path| directory.join(path.get_ref()));
    let hint = "\"list\" records them and leaves them, \"cut\" records and ends them, \"leave\" does not look";
    let existing = table.parsed("existing_connections", hint, |text| match text {
        "list" => Some(ExistingConnections::List),
        "cut" => Some(ExistingConnections::Cut),
        "leave" => Some(ExistingConnections::Leave),
        _ => None,
    });
    let drain = table.number("drain_seconds", 0, 7 * 24 * 3600).map(Duration::from_secs);
    let canary = table.flag("canary");
    table.end();
    HostSettings {
        name: name.unwrap_or(default.name),
        attach,
        socket: socket.unwrap_or(default.socket),
        existing: existing.unwrap_or_default(),
        drain: drain.unwrap_or(default.drain),
        canary: canary.unwrap_or(default.canary),
    }
}

/// Reads every `[[job]]`; what the kernel side can't take together is a problem of the last.
pub(super) fn jobs(tables: Vec<Table<'_, '_>>) -> Vec<JobRule> {
    let mut patterns = 0;
    tables
        .into_iter()
        .filter_map(|table| {
            let rule = job(table, &mut patterns)?;
            Some(rule)
        })
        .collect()
}

fn job(mut table: Table<'_, '_>, patterns: &mut usize) -> Option<JobRule> {
    let name = table.text("name").map(Spanned::into_inner);
    let name = table.required("name", name, "a name for lists and records: name = \"ci-runners\"");
    let matches = table.table("match");
    let matches = table.required("match", matches, "what its processes are: match = { unit = \"runner.service\" }");
    let matches = matches.and_then(job_match);
    if let Some(JobMatch::Cgroup(own)) = &matches {
        *patterns += own.len();
        if *patterns > RULES_MOST {
            let hint = "join them with `*`: each unit and cgroup takes one, `container = true` takes several";
            table.problem(format!("the jobs have more than {RULES_MOST} cgroup patterns together"), hint);
        }
    }
    table.end();
    Some(JobRule { name: name?, matches: matches? })
}

fn job_match(mut table: Table<'_, '_>) -> Option<JobMatch> {
    let hint = "a path below the cgroup2 mount: \"/ci.slice/*\"";
    let (names_cgroup, cgroup) = short(&mut table, "cgroup", PATTERN_LONGEST, hint, pattern);
    let hint = "a unit's name: \"nightly-backup.service\", \"runner@*.service\"";
    let (names_unit, unit) = short(&mut table, "unit", PATTERN_LONGEST - ANYWHERE.len(), hint, unit);
    // What is wrong with these has been told.
    let told = (names_cgroup && cgroup.is_none()) || (names_unit && unit.is_none());
    let uid = table.number("uid", 0, u32::MAX);
    let user = table.text("user").and_then(|user| {
        let found = nix::unistd::User::from_name(user.get_ref()).ok().flatten();
        if found.is_none() {
            table.problem_at(
                user.span(),
                format!("this host has no user {:?}", user.get_ref()),
                "write uid = N for one that comes later",
            );
        }
        Some(found?.uid.as_raw())
    });
    let container = table.flag("container").unwrap_or(false);
    let mut all: Vec<JobMatch> = [
        cgroup.map(|pattern| JobMatch::Cgroup(vec![pattern])),
        unit.map(|pattern| JobMatch::Cgroup(vec![pattern])),
        uid.or(user).map(JobMatch::User),
        container.then(|| JobMatch::Cgroup(CONTAINERS.map(str::to_owned).into())),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !told && (all.len() != 1 || (uid.is_some() && user.is_some())) {
        let hint = "set exactly one of cgroup, unit, uid, user, container = true; write another [[job]] for another";
        table.problem("this `match` has to name one thing", hint);
    }
    table.end();
    all.pop()
}

/// A pattern that the kernel side has room for: whether it is written, and what it comes to.
fn short(
    table: &mut Table<'_, '_>,
    key: &'static str,
    most: usize,
    hint: &str,
    parse: impl FnOnce(&str) -> Option<String>,
) -> (bool, Option<String>) {
    let Some(text) = table.text(key) else { return (false, None) };
    let written = text.get_ref();
    if written.len() > most {
        let what = format!("`{key}` has {} bytes, and the kernel side takes {most} at most", written.len());
        table.problem_at(text.span(), what, "write `*` for a part of it, which stands for any text");
        return (true, None);
    }
    let parsed = parse(written);
    if parsed.is_none() {
        table.problem_at(text.span(), format!("`{key}` can't be {written:?}"), hint);
    }
    (true, parsed)
}

/// How runtimes name the cgroups of what they start. Their monitors (`libpod-conmon-`) are none.
const CONTAINERS: [&str; 8] = [
    "*/docker-*.scope",
    "/docker/*",
    "*/cri-containerd-*.scope",
    "*:cri-containerd:*",
    "*/crio-*.scope",
    "*/libpod-*.scope",
    "*/libpod-payload-*",
    "*/kubepods/*/pod*/*",
];

fn pattern(text: &str) -> Option<String> {
    let legal = text.starts_with(['/', '*']) && !text.ends_with('/') && text.trim_matches('*').len() > 1;
    legal.then(|| text.to_owned())
}

fn unit(text: &str) -> Option<String> {
    let named = [".service", ".scope", ".slice"].iter().any(|kind| text.ends_with(kind));
    (named && !text.contains('/')).then(|| format!("{ANYWHERE}{text}"))
}

/// Whether `path` is what the pattern says; `*` stands for any text, `/` included.
#[must_use]
pub fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_as_it_reads() {
        for (pattern, path, expected) in [
            ("*/nightly.service", "/system.slice/nightly.service", true),
            ("*/nightly.service", "/system.slice/nightly.service/below", false),
            ("*/runner@*.service", "/system.slice/runner@7.service", true),
            ("/ci.slice/*", "/ci.slice/a/b", true),
            ("/ci.slice/*", "/ci.slice", false),
            ("/ci", "/ci", true),
            ("/ci", "/cix", false),
            ("*/a*b*c", "/x/a-b-b-c", true),
            ("*/aba", "/ab/aba", true),
            ("*/a*a", "/a", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
