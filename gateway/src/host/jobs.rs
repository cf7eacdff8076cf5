//! The table of the host's jobs: who may begin one, where its cgroup is, and when it is over.

use super::process::{self, Pinned};
use crate::capture::{self, Capture, CaptureError, FLAG_LISTEN_ON_LOOPBACK, JobTag};
use crate::evidence::{now, utc};
use crate::identity::Claimant;
use crate::session::context::{Shared, new_run};
use gateway_core::model::ids::RunId;
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Jobs that one user other than root may have at once: nobody takes the places of all others.
const USER_MOST: usize = 512;
/// Bytes of a job's name.
const NAME_LONGEST: usize = 128;
/// How often the descendants of a process are looked for until none is left outside.
const MOVES: usize = 8;

/// The jobs of this gateway.
pub struct Jobs {
    mount: PathBuf,
    /// The path below the mount at which the hooks are: no job is anywhere else.
    attach: String,
    table: Mutex<BTreeMap<RunId, Job>>,
    /// One begins at a time: a process can't be given two runs.
    beginning: Mutex<()>,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its run.
    pub run: RunId,
    /// What whoever began it, or the rule, calls it. A hint.
    pub name: Option<String>,
    /// How it came to be one.
    pub how: How,
    /// The path of its cgroup below the cgroup2 mount.
    pub cgroup: String,
    /// The kernel's id of that cgroup.
    pub cgroup_id: u64,
    /// When it became one.
    pub since: Timestamp,
    /// Whether its end was told: it goes when its last process does.
    pub ending: bool,
}

/// How something became a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// A process asked for it.
    Begun {
        /// The process that was moved.
        pid: u32,
        /// Its user.
        uid: u32,
    },
    /// The rule of this number in the configuration matched its cgroup.
    Rule(usize),
    /// All processes of a user are one, by the rule of this number.
    User {
        /// The rule.
        rule: usize,
        /// The user.
        uid: u32,
    },
}

/// Who asks, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process, in the gateway's pid namespace; 0 where it can't be seen from there.
    pub pid: u32,
    /// Its effective user.
    pub uid: u32,
}

/// A wish for a job.
#[derive(Clone, Debug, Default)]
pub struct BeginJob {
    /// The process that is to be one; the caller's parent where none is named.
    pub pid: Option<u32>,
    /// What to call it.
    pub name: Option<String>,
    /// Whether nobody outside of this host's loopback device is to reach what it listens at. Of one that stands already it
    /// stays as it is.
    pub alone: bool,
}

/// A job that stands.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The job.
    pub job: Job,
    /// Whether it was one already.
    pub already: bool,
}

/// A job whose end was told.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The job.
    pub job: Job,
    /// Processes that are still in it. They stay intercepted.
    pub processes: usize,
}

/// Why there is no job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The caller is not to be seen.
    #[error("the caller's process can't be seen from the gateway: call from the host's pid namespace, or one below it")]
    Unseen,
    /// A number of another pid namespace was named.
    #[error("--pid names a process of another pid namespace: leave it out, and the caller's parent is meant")]
    OtherNamespace,
    /// There is no such process.
    #[error("process {0} is not there (any more)")]
    NoProcess(u32),
    /// A process that nobody may make a job.
    #[error("process {0} can't be a job: it is the gateway or the host's init")]
    Unfit(u32),
    /// It belongs to someone else.
    #[error("process {pid} is not of user {uid} alone: only root makes a job of what is someone else's")]
    NotYours {
        /// The process that was named.
        pid: u32,
        /// The caller's user.
        uid: u32,
    },
    /// The gateway's hooks do not reach it.
    #[error("process {pid} is in {cgroup}, and this gateway's hooks are at {attach}: they would not reach it")]
    OutOfReach {
        /// The process.
        pid: u32,
        /// Its cgroup.
        cgroup: String,
        /// Where the hooks are.
        attach: String,
    },
    /// Too many.
    #[error("user {0} has {USER_MOST} jobs, the most for one user: end one first")]
    TooMany(u32),
    /// Not a name.
    #[error("a job's name has 1 to {NAME_LONGEST} bytes and no control characters")]
    Name,
    /// The caller is in none.
    #[error("process {0} is in no job of this gateway: `weir job list` shows which there are")]
    NoJob(u32),
    /// There is none of this run.
    #[error("run {0} is no job of this gateway, or not the caller's: `weir job list` shows which there are")]
    NoRun(RunId),
    /// The cgroup can't be made, or the process not moved.
    #[error("protection can't start: {what} {path}: {error}")]
    Cgroup {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The process is not where it was put.
    #[error("protection can't start: process {0} did not stay in the cgroup that was made for it")]
    Moved(u32),
    /// The kernel side took it not.
    #[error("protection can't start: {0}")]
    Capture(#[from] CaptureError),
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

    /// Makes a process a job: it, and what it has started, moves to a cgroup of its own. One that is in a job has that one.
    ///
    /// # Errors
    /// Where the caller may not, or protection can't start.
    pub fn begin(&self, shared: &Shared, peer: Peer, wish: &BeginJob) -> Result<Begun, JobError> {
        let _one_at_a_time = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        let caller = pinned(Some(peer.pid).filter(|pid| *pid > 0).ok_or(JobError::Unseen)?)?;
        // Whoever is a job stays the one that it is.
        if let Some(job) = self.of(&caller)? {
            return Ok(Begun { job, already: true });
        }
        if wish.pid.is_some() && !caller.shares_pid_namespace() {
            return Err(JobError::OtherNamespace);
        }
        let pid = wish.pid.map_or_else(|| caller.parent().map_err(|_gone| JobError::NoProcess(peer.pid)), Ok)?;
        if pid <= 1 || pid == std::process::id() {
            return Err(JobError::Unfit(pid));
        }
        let process = pinned(pid)?;
        let user = process.user().map_err(|_gone| JobError::NoProcess(pid))?;
        if peer.uid != 0 && user != Some(peer.uid) {
            return Err(JobError::NotYours { pid, uid: peer.uid });
        }
        if let Some(job) = self.of(&process)? {
            return Ok(Begun { job, already: true });
        }
        let how = How::Begun { pid, uid: user.unwrap_or(peer.uid) };
        let job = self.make(&shared.capture, &process, how, wish)?;
        let started_boottime_ns = process::start_ns(pid);
        shared.resolver.claim(job.run, Claimant::Runner { pid, started_boottime_ns, cgroup_id: job.cgroup_id });
        Ok(Begun { job, already: false })
    }

    /// Notes that a job has ended: the caller's own, or any for root. Its processes stay intercepted until they are gone.
    ///
    /// # Errors
    /// Where the caller is in none, or named one that is not its own.
    pub fn end(&self, peer: Peer, pid: Option<u32>, run: Option<RunId>) -> Result<Ended, JobError> {
        let caller = pinned(Some(peer.pid).filter(|pid| *pid > 0).ok_or(JobError::Unseen)?)?;
        let run = match run {
            Some(run) => run,
            None => {
                if pid.is_some() && !caller.shares_pid_namespace() {
                    return Err(JobError::OtherNamespace);
                }
                let named = pid.map(pinned).transpose()?;
                let process = named.as_ref().unwrap_or(&caller);
                self.of(process)?.ok_or(JobError::NoJob(process.pid))?.run
            }
        };
        let mut table = self.table();
        let job = table.get_mut(&run).filter(|job| peer.uid == 0 || job.how.is_of(peer.uid)).ok_or(JobError::NoRun(run))?;
        job.ending = true;
        let job = job.clone();
        drop(table);
        let processes = self.processes(&job).len();
        Ok(Ended { job, processes })
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

    /// Takes the jobs off whose last process has gone, with the cgroups that were made for them.
    pub fn sweep(&self, shared: &Shared) -> Vec<Job> {
        let over: Vec<Job> = self.all().into_iter().filter(|job| self.is_over(job)).collect();
        for job in &over {
            if self.remove(&shared.capture, job) {
                shared.resolver.forget(job.run);
            }
        }
        over
    }

    fn make(&self, capture: &Capture, process: &Pinned, how: How, wish: &BeginJob) -> Result<Job, JobError> {
        let name = wish.name.as_deref().map(|name| good_name(name).ok_or(JobError::Name)).transpose()?;
        let How::Begun { pid, uid } = how else { return Err(JobError::Unfit(process.pid)) };
        if uid != 0 && self.table().values().filter(|job| job.how.is_of(uid)).count() >= USER_MOST {
            return Err(JobError::TooMany(uid));
        }
        let cgroup = process.cgroup().map_err(|_gone| JobError::NoProcess(pid))?;
        let out_of_reach = || JobError::OutOfReach { pid, cgroup: cgroup.clone(), attach: self.attach.clone() };
        let home = self.home(&cgroup).ok_or_else(out_of_reach)?;
        let run = new_run();
        let path = format!("{}/weir-job-{run}", home.trim_end_matches('/'));
        let directory = self.directory(&path);
        let failed = |what, error| JobError::Cgroup { what, path: directory.clone(), error };
        fs::create_dir(&directory).map_err(|error| failed("cannot make", error))?;
        let cgroup_id = capture::cgroup_id(&directory).map_err(|error| failed("cannot read the id of", error))?;
        let job = Job { run, name, how, cgroup: path, cgroup_id, since: now(), ending: false };
        self.table().insert(run, job.clone());
        // A job before its first process is in it: nothing that the process does there goes by unseen.
        let moved = capture
            .add_job(
                cgroup_id,
                JobTag { flags: if wish.alone { FLAG_LISTEN_ON_LOOPBACK } else { 0 }, ..JobTag::of_run(run.number()) },
            )
            .map_err(JobError::from)
            .and_then(|()| self.fill(process, &job));
        if let Err(error) = moved {
            self.remove(capture, &job);
            return Err(error);
        }
        Ok(job)
    }

    /// Moves the process, then whatever it has started, until nothing of it is left outside.
    fn fill(&self, process: &Pinned, job: &Job) -> Result<(), JobError> {
        let procs = self.directory(&job.cgroup).join("cgroup.procs");
        let join = |pid: u32| fs::write(&procs, pid.to_string());
        join(process.pid).map_err(|error| JobError::Cgroup { what: "cannot move the process to", path: procs.clone(), error })?;
        for _ in 0..MOVES {
            let inside = processes(&self.directory(&job.cgroup));
            let outside: Vec<u32> = process::descendants(process.pid).into_iter().filter(|pid| !inside.contains(pid)).collect();
            if outside.is_empty() {
                break;
            }
            for pid in outside {
                // It may have ended meanwhile; what it has started is found in the next round.
                let _moved = Pinned::open(pid).is_ok_and(|one| self.of(&one).is_ok_and(|job| job.is_none()) && join(pid).is_ok());
            }
        }
        let there = process.cgroup().is_ok_and(|cgroup| is_within(&cgroup, &job.cgroup));
        if there && process.lives() { Ok(()) } else { Err(JobError::Moved(process.pid)) }
    }

    /// The nearest cgroup at or above `path` that root alone can move processes into: from a folder of its own below, a user
    /// could take its processes out again.
    fn home(&self, path: &str) -> Option<String> {
        let mut home = path;
        loop {
            if !is_within(home, &self.attach) {
                return None;
            }
            let directory = self.directory(home);
            let roots =
                |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.uid() == 0 && metadata.mode() & 0o022 == 0);
            if roots(&directory) && roots(&directory.join("cgroup.procs")) {
                return Some(home.to_owned());
            }
            home = home.rsplit_once('/').map(|(above, _)| if above.is_empty() { "/" } else { above }).filter(|_| home != "/")?;
        }
    }

    fn of(&self, process: &Pinned) -> Result<Option<Job>, JobError> {
        let gone = || JobError::NoProcess(process.pid);
        let cgroup = process.cgroup().map_err(|_gone| gone())?;
        let user = process.real_user().map_err(|_gone| gone())?;
        if !process.lives() {
            return Err(gone());
        }
        let by_user = || user.filter(|_| is_within(&cgroup, &self.attach)).and_then(|uid| self.of_user(uid));
        Ok(self.at(&cgroup).or_else(by_user))
    }

    fn of_user(&self, user: u32) -> Option<Job> {
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
    fn remove(&self, capture: &Capture, job: &Job) -> bool {
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

    fn table(&self) -> MutexGuard<'_, BTreeMap<RunId, Job>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// When it became one, as RFC 3339.
    #[must_use]
    pub fn started(&self) -> String {
        utc(self.since)
    }
}

impl How {
    /// Whether this user's process was made the job.
    #[must_use]
    pub fn is_of(self, user: u32) -> bool {
        match self {
            Self::Begun { uid, .. } => uid == user,
            Self::Rule(_) | Self::User { .. } => false,
        }
    }
}

fn pinned(pid: u32) -> Result<Pinned, JobError> {
    Pinned::open(pid).map_err(|_gone| JobError::NoProcess(pid))
}

fn good_name(name: &str) -> Option<String> {
    let good = !name.is_empty() && name.len() <= NAME_LONGEST && !name.chars().any(char::is_control);
    good.then(|| name.to_owned())
}

/// Whether the cgroup at `path` is the one at `above`, or below it.
fn is_within(path: &str, above: &str) -> bool {
    let above = above.trim_end_matches('/');
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_populated(directory: &Path) -> bool {
    fs::read_to_string(directory.join("cgroup.events")).is_ok_and(|text| text.lines().any(|line| line == "populated 1"))
}

fn processes(directory: &Path) -> Vec<u32> {
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

    #[test]
    fn names_are_short_and_plain() {
        assert!(good_name("build #7 of acme/shop").is_some());
        for bad in ["", "a\nb", &"x".repeat(129)] {
            assert_eq!(good_name(bad), None);
        }
    }
}
