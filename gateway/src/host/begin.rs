//! How a process becomes a job, and how its end is told.

use super::job::{BeginJob, Begun, Ended, How, Job, JobError, NAME_LONGEST, Peer, USER_MOST};
use super::jobs::{Jobs, is_within, processes};
use super::process::{self, Pinned};
use crate::capture::{self, Capture, FLAG_LISTEN_ON_LOOPBACK, JobTag};
use crate::evidence::now;
use crate::identity::Claimant;
use crate::session::context::{Shared, new_run};
use gateway_core::model::ids::RunId;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::PoisonError;

/// How often the descendants of a process are looked for until none is left outside.
const MOVES: usize = 8;

impl Jobs {
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
}

fn pinned(pid: u32) -> Result<Pinned, JobError> {
    Pinned::open(pid).map_err(|_gone| JobError::NoProcess(pid))
}

fn good_name(name: &str) -> Option<String> {
    let good = !name.is_empty() && name.len() <= NAME_LONGEST && !name.chars().any(char::is_control);
    good.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert!(good_name("build #7 of acme/shop").is_some());
        for bad in ["", "a\nb", &"x".repeat(129)] {
            assert_eq!(good_name(bad), None);
        }
    }
}
