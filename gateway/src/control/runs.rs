//! Runs are frozen, to look before killing, and killed: all of their processes, and all of their sessions.

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use crate::capture::cgroup_path;
use crate::ledger::Kind;
use crate::session::context::Shared;
use crate::session::live::KillOrder;
use gateway_core::model::ids::RunId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// What was done to a run.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct RunDone {
    pub run: RunId,
    /// `frozen`, `thawed` or `killed`.
    pub state: String,
    pub processes: usize,
    pub sessions: usize,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOrder {
    /// Its processes stop where they are (cgroup v2, `cgroup.freeze`). What its sessions run at servers goes on.
    Freeze,
    /// They go on.
    Thaw,
    /// They end, and its sessions with them.
    Kill,
}

/// Does that. Blocks for a few reads and writes.
pub(super) fn order(shared: &Shared, actor: &Actor, run: RunId, order: RunOrder, reason: &str) -> Result<RunDone, CommandError> {
    let sessions: Vec<_> = shared.live.all().into_iter().filter(|session| session.run == run).collect();
    let first = sessions.first();
    let workload = first.map(|session| (session.principal.workload.0.as_str(), session.principal.name.as_deref()));
    actor.must(Role::Operator, On { target: None, workload }, "to freeze and kill runs")?;
    let groups = cgroups(shared, run);
    if groups.is_empty() && sessions.is_empty() {
        return Err(CommandError::NoRun(run));
    }
    let processes = groups.iter().map(|group| processes(group)).sum();
    let (state, kind, file, text) = match order {
        RunOrder::Freeze => ("frozen", Kind::RunFrozen, "cgroup.freeze", "1"),
        RunOrder::Thaw => ("thawed", Kind::RunThawed, "cgroup.freeze", "0"),
        RunOrder::Kill => ("killed", Kind::RunKilled, "cgroup.kill", "1"),
    };
    if groups.is_empty() && order != RunOrder::Kill {
        let what = format!("run {run} has no cgroup of its own: all processes of a user are one job, and can't be frozen");
        return Err(CommandError::Wrong(what));
    }
    // Told first: what can't be written down is not done.
    shared.ledger.change(|change| {
        let details = json!({ "processes": processes, "sessions": sessions.len(), "reason": reason });
        change.tell(kind, actor.name(), &run.to_string(), &details)
    })?;
    if order == RunOrder::Kill {
        let order = KillOrder { by: actor.name().to_owned(), reason: reason.to_owned() };
        sessions.iter().for_each(|session| session.kill(order.clone()));
    }
    for group in &groups {
        let path = group.join(file);
        fs::write(&path, text).map_err(|error| CommandError::Wrong(format!("{}: {error}", path.display())))?;
    }
    Ok(RunDone { run, state: state.to_owned(), processes, sessions: sessions.len() })
}

/// The cgroups that are this run's.
fn cgroups(shared: &Shared, run: RunId) -> Vec<PathBuf> {
    let jobs = shared.capture.jobs().unwrap_or_default().into_iter();
    jobs.filter(|(_, job)| job.run == run.number()).filter_map(|(id, _)| cgroup_path(id)).collect()
}

fn processes(group: &Path) -> usize {
    let own = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines().count();
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    own + below.map(|entry| processes(&entry.path())).sum::<usize>()
}
