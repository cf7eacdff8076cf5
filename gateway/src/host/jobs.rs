//! The table of the host's jobs: which there are, where their cgroups are, and when each is over.

use super::job::{How, Job};
use super::process::{self, Pinned};
use crate::capture::{self, Capture};
use crate::evidence::now;
use crate::session::context::{Shared, new_run};
use gateway_core::model::ids::RunId;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The jobs of this gateway.
pub struct Jobs {
    mount: PathBuf,
    /// The path below the mount at which the hooks are: no job is anywhere else.
    pub(super) attach: String,
    table: Mutex<BTreeMap<RunId, Job>>,
    /// One begins at a time: a process can't be given two runs.
    pub(super) beginning: Mutex<()>,
}

impl Jobs {
    /// An empty table of a gateway whose hooks are at the cgroup `attach`.
    ///
    /// # Errors
    /// Where cgroup v2 is not mounted, or `attach` is not in it.
    pub fn new(attach: &Path) -> anyhow::Result<Self> {
        let mount = capture::cgroup2_mount()?;
        let attach = attach.canonicalize()?;
        let below = attach.strip_prefix(&mount)?.to_string_lossy().into_owned();
        Ok(Self { mount, attach: format!("/{below}"), table: Mutex::default(), beginning: Mutex::default() })
    }

    /// All jobs, the oldest first.
    pub fn all(&self) -> Vec<Job> {
        self.table().values().cloned().collect()
    }

    /// The processes in a job's cgroup and below it; a user's, where the hooks are and no cgroup says otherwise.
    #[must_use]
    pub fn processes(&self, job: &Job) -> Vec<u32> {
        match job.how {
            How::Begun { .. } | How::Rule(_) => processes(&self.directory(&job.cgroup)),
            How::User { uid, .. } => {
                let theirs = process::of_user(uid).into_iter();
                let free = theirs.filter(|(_, cgroup)| is_within(cgroup, &self.attach) && self.at(cgroup).is_none());
                free.map(|(pid, _)| pid).collect()
            }
        }
    }

    /// The directories of a job's cgroup and of those below it.
    #[must_use]
    pub fn cgroups(&self, job: &Job) -> Vec<PathBuf> {
        let mut all = vec![self.directory(&job.cgroup)];
        let mut at = 0;
        while let Some(directory) = all.get(at) {
            all.extend(below(&directory.clone()));
            at += 1;
        }
        all
    }

    /// Enters a job that the kernel side, or a look around, has found by a rule.
    pub fn found(&self, run: RunId, rule: usize, name: &str, cgroup: &str, cgroup_id: u64) -> Job {
        let (how, cgroup) = (How::Rule(rule), cgroup.to_owned());
        let job = Job { run, name: Some(name.to_owned()), how, cgroup, cgroup_id, since: now(), ending: false };
        // Where both have, it stands from the first on.
        self.table().entry(run).or_insert(job).clone()
    }

    /// Enters the job that all processes of a user are: the one that it was, or the kernel side has it for.
    pub fn found_user(&self, uid: u32, rule: usize, name: &str, standing: Option<RunId>) -> Job {
        let how = How::User { rule, uid };
        let before = self.of_user(uid);
        let run = before.as_ref().map(|job| job.run).or(standing).unwrap_or_else(new_run);
        let since = before.map_or_else(now, |job| job.since);
        // Not a path: no cgroup is within it.
        let cgroup = format!("uid {uid}");
        let job = Job { run, name: Some(name.to_owned()), how, cgroup, cgroup_id: 0, since, ending: false };
        self.table().insert(run, job.clone());
        job
    }

    /// Takes off the jobs of users other than these.
    pub fn keep_users(&self, kept: impl Fn(u32) -> bool) {
        self.table().retain(|_, job| match job.how {
            How::User { uid, .. } => kept(uid),
            How::Begun { .. } | How::Rule(_) => true,
        });
    }

    /// Takes the jobs of a gateway before this one for its own.
    pub fn take_over(&self, jobs: Vec<Job>) {
        self.table().extend(jobs.into_iter().map(|job| (job.run, job)));
    }

    /// Enters a job that the kernel side has from a gateway before this one. Not one that was its canary's.
    pub fn recover(&self, run: RunId, rule: Option<usize>, directory: &Path, cgroup_id: u64) -> bool {
        let Ok(below) = directory.strip_prefix(&self.mount) else { return false };
        let cgroup = format!("/{}", below.display());
        let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let how = match (rule, name.strip_prefix("weir-job-")) {
            (_, Some(_)) => {
                let pid = processes(directory).first().copied();
                let uid = pid.and_then(|pid| Pinned::open(pid).ok()?.user().ok().flatten());
                How::Begun { pid: pid.unwrap_or(0), uid: uid.unwrap_or(0) }
            }
            (Some(rule), None) => How::Rule(rule),
            (None, None) => return false,
        };
        let job = Job { run, name: None, how, cgroup, cgroup_id, since: now(), ending: false };
        self.table().insert(run, job);
        true
    }

    /// Where cgroup v2 is mounted.
    #[must_use]
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// The path below it at which the hooks are.
    #[must_use]
    pub fn attach(&self) -> &str {
        &self.attach
    }

    /// The job that has the cgroup at `path`, or one above it.
    pub fn at(&self, path: &str) -> Option<Job> {
        self.table().values().find(|job| is_within(path, &job.cgroup)).cloned()
    }

    /// Takes the jobs off whose last process has gone, with the cgroups that were made for them; gives those that went.
    pub fn sweep(&self, shared: &Shared) -> Vec<Job> {
        let over = self.all().into_iter().filter(|job| self.is_over(job));
        let gone: Vec<Job> = over.filter(|job| self.remove(&shared.capture, job)).collect();
        for job in &gone {
            shared.resolver.forget(job.run);
            shared.ledger.run_is_over(job.run);
        }
        gone
    }

    pub(super) fn of_user(&self, user: u32) -> Option<Job> {
        self.table().values().find(|job| matches!(job.how, How::User { uid, .. } if uid == user)).cloned()
    }

    fn is_over(&self, job: &Job) -> bool {
        let directory = self.directory(&job.cgroup);
        match job.how {
            How::Begun { .. } => !is_populated(&directory),
            // Its cgroup is someone else's, and may be filled again.
            How::Rule(_) => capture::cgroup_id(&directory).ok() != Some(job.cgroup_id),
            // As long as the daemon has its rule.
            How::User { .. } => false,
        }
    }

    /// Whether it is gone: not where somebody is in it after all.
    pub(super) fn remove(&self, capture: &Capture, job: &Job) -> bool {
        if let How::Begun { .. } = job.how
            && let Err(error) = remove_tree(&self.directory(&job.cgroup))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, run = %job.run, "a job's cgroup can't be removed yet");
            return false;
        }
        capture.remove_job(job.cgroup_id);
        self.table().remove(&job.run);
        tracing::info!(run = %job.run, "a job is over");
        true
    }

    /// The directory of the cgroup at `path`.
    #[must_use]
    pub fn directory(&self, path: &str) -> PathBuf {
        self.mount.join(path.trim_start_matches('/'))
    }

    pub(super) fn table(&self) -> MutexGuard<'_, BTreeMap<RunId, Job>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the cgroup at `path` is the one at `above`, or below it.
pub(super) fn is_within(path: &str, above: &str) -> bool {
    let above = above.trim_end_matches('/');
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_populated(directory: &Path) -> bool {
    fs::read_to_string(directory.join("cgroup.events")).is_ok_and(|text| text.lines().any(|line| line == "populated 1"))
}

pub(super) fn processes(directory: &Path) -> Vec<u32> {
    let own = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let mut all: Vec<u32> = own.lines().filter_map(|line| line.parse().ok()).collect();
    all.extend(below(directory).iter().flat_map(|folder| processes(folder)));
    all
}

fn remove_tree(directory: &Path) -> io::Result<()> {
    below(directory).iter().try_for_each(|folder| remove_tree(folder))?;
    fs::remove_dir(directory)
}

fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_within_itself_and_what_is_above_it() {
        for (path, above, expected) in [
            ("/a/b", "/a", true),
            ("/a", "/a", true),
            ("/ab", "/a", false),
            ("/a", "/", true),
            ("/", "/", true),
            ("/", "/a", false),
        ] {
            assert_eq!(is_within(path, above), expected, "{path} {above}");
        }
    }
}
