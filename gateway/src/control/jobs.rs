//! Jobs that are begun, ended and listed: the host's table behind the desk.

use super::{CommandError, Desk};
use crate::host::{BeginJob, How, Job, JobError, Jobs, Peer};
use crate::session::context::Shared;
use crate::summary;
use gateway_core::model::ids::RunId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A job that stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct JobBegun {
    pub run: RunId,
    pub cgroup: String,
    pub already: bool,
    pub environment: BTreeMap<String, String>,
}

/// Files of the gateway's, for whoever lays out what a job sees.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct JobFiles {
    /// Those that no job is to see.
    pub private: Vec<PathBuf>,
    /// Folders that it is to see nevertheless: what its variables name.
    pub shown: Vec<PathBuf>,
}

/// A job that its caller has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct JobEnded {
    pub run: RunId,
    pub name: Option<String>,
    pub cgroup: String,
    pub processes: usize,
    pub sessions: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summed>,
}

/// What an ended job contacted, for its log and for a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summed {
    /// As text.
    pub text: String,
    /// As GitHub takes it.
    pub markdown: String,
}

/// One job of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct ListedJob {
    pub run: RunId,
    pub name: Option<String>,
    pub how: String,
    pub pid: Option<u32>,
    pub uid: Option<u32>,
    pub cgroup: String,
    pub started: String,
    pub processes: usize,
    pub sessions: usize,
    pub state: String,
}

pub(super) async fn begin(desk: &Desk, peer: Peer, wish: BeginJob) -> Result<JobBegun, CommandError> {
    let begun = aside(desk, move |shared, jobs| jobs.begin(shared, peer, &wish)).await??;
    let mut environment: BTreeMap<_, _> = desk.environment.iter().cloned().collect();
    environment.insert("WEIR_RUN".to_owned(), begun.job.run.to_string());
    Ok(JobBegun { run: begun.job.run, cgroup: begun.job.cgroup, already: begun.already, environment })
}

pub(super) fn files(desk: &Desk) -> JobFiles {
    let named = desk.environment.iter().map(|(_, value)| Path::new(value)).filter(|path| path.is_absolute());
    let folders: BTreeSet<_> = named.filter_map(Path::parent).map(Path::to_owned).collect();
    JobFiles { private: desk.shared.config.private_files(), shown: folders.into_iter().collect() }
}

pub(super) async fn end(desk: &Desk, peer: Peer, pid: Option<u32>, run: Option<RunId>) -> Result<JobEnded, CommandError> {
    aside(desk, move |shared, jobs| {
        let ended = jobs.end(peer, pid, run)?;
        let sessions = sessions(shared, ended.job.run);
        let Job { run, name, cgroup, .. } = ended.job;
        Ok(JobEnded { run, name, cgroup, processes: ended.processes, sessions, summary: summed(shared, run) })
    })
    .await?
    .map_err(|error: JobError| error.into())
}

pub(super) async fn list(desk: &Desk, peer: Peer) -> Result<Vec<ListedJob>, CommandError> {
    aside(desk, move |shared, jobs| {
        let theirs = jobs.all().into_iter().filter(|job| peer.uid == 0 || job.how.is_of(peer.uid));
        theirs.map(|job| listed(shared, jobs, job)).collect()
    })
    .await
}

fn listed(shared: &Shared, jobs: &Jobs, job: Job) -> ListedJob {
    let processes = jobs.processes(&job).len();
    let (how, pid, uid) = match job.how {
        How::Begun { pid, uid } => ("begun".to_owned(), Some(pid), Some(uid)),
        How::Rule(rule) => (format!("rule {}", rule_name(shared, rule)), None, None),
        How::User { rule, uid } => (format!("rule {}", rule_name(shared, rule)), None, Some(uid)),
    };
    ListedJob {
        run: job.run,
        started: job.started(),
        name: job.name,
        how,
        pid,
        uid,
        cgroup: job.cgroup,
        processes,
        sessions: sessions(shared, job.run),
        state: if job.ending { "ending" } else { "running" }.to_owned(),
    }
}

/// What is recorded of a run; none where that is nothing.
fn summed(shared: &Shared, run: RunId) -> Option<Summed> {
    match summary::read(&shared.config.state_dir, run) {
        Ok(found) => found.map(|found| Summed { text: summary::text(&found), markdown: summary::markdown(&found) }),
        Err(error) => {
            tracing::warn!(%error, %run, "a run's summary can't be made");
            None
        }
    }
}

fn rule_name(shared: &Shared, rule: usize) -> &str {
    shared.config.jobs.get(rule).map_or("gone", |rule| rule.name.as_str())
}

/// Live sessions of a run.
fn sessions(shared: &Shared, run: RunId) -> usize {
    shared.live.all().iter().filter(|session| session.run == run).count()
}

/// Does what reads and writes files, away from the control thread.
async fn aside<T: Send + 'static>(
    desk: &Desk,
    work: impl FnOnce(&Shared, &Jobs) -> T + Send + 'static,
) -> Result<T, CommandError> {
    let jobs = Arc::clone(desk.jobs.as_ref().ok_or(CommandError::NoJobs)?);
    let shared = Arc::clone(&desk.shared);
    tokio::task::spawn_blocking(move || work(&shared, &jobs)).await.map_err(|error| {
        tracing::error!(%error, "a command on jobs ended by a fault of ours");
        CommandError::Broken
    })
}
