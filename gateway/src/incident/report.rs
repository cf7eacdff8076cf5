//! The report: one value, of which every rendering is made.

use super::IncidentError;
use super::gaps::{Gaps, gaps};
pub use crate::index::{Elsewhere, Exposure, Object, Visit as IncidentRun};
use crate::index::{Index, Window};
use crate::ledger::LegalHold;
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Runs that are told one by one.
const RUNS: usize = 20;
/// Others of a login that are told.
const SIBLINGS: usize = 200;

/// What is looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
// How far an approval goes is a scope, too.
#[schema(as = IncidentScope)]
pub struct Scope {
    /// The target's name.
    pub target: String,
    /// Sessions that went on at this time or later,
    pub since: Timestamp,
    /// and had begun by that.
    pub until: Timestamp,
}

/// What can be said of a target in a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Incident {
    /// What was looked into.
    #[serde(flatten)]
    pub scope: Scope,
    /// When this was put together.
    pub made_at: Timestamp,
    /// Runs that were there.
    pub runs: u64,
    /// Their sessions.
    pub sessions: u64,
    /// Rows that the target sent.
    pub rows: u64,
    /// Microseconds for which it worked for them.
    pub server_us: u64,
    /// Runs that changed something, as far as that is known.
    pub wrote: u64,
    /// What was seen of each class, by all of them.
    pub exposure: Vec<Exposure>,
    /// The runs with the most rows, and the most time at the server.
    pub top: Vec<IncidentRun>,
    /// Who else has the logins that these used, whenever they did.
    pub siblings: Vec<Sibling>,
    /// When nothing proves that anybody watched, and which records are not whole.
    pub unwatched: Gaps,
    /// What keeps the records.
    pub hold: Option<LegalHold>,
}

/// Another workload with the same login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Sibling {
    /// The credential, by its reference.
    pub credential: String,
    /// The user at the target.
    pub user: Option<String>,
    /// The workload's SPIFFE id.
    pub workload: String,
    /// The name of its `[[workload]]`.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Its sessions there, ever.
    pub sessions: u64,
    /// When the last of them began.
    pub last_seen: Timestamp,
    /// Whether it was among the runs that are told.
    pub was_there: bool,
}

/// Puts it together, with what holds the records.
///
/// # Errors
/// Where index or records can't be read.
pub fn report(state_dir: &Path, index: &Index, scope: Scope, made_at: Timestamp) -> Result<Incident, IncidentError> {
    let Scope { target, since, until } = &scope;
    let window = Window { target: target.clone(), since: *since, until: *until };
    let visits = index.visits(&window, RUNS)?.ok_or(IncidentError::NoIndex)?;
    let unwatched = gaps(state_dir, index, (*since, *until), Some(target))?;
    let siblings = siblings(index, target, &visits.runs)?;
    Ok(Incident {
        made_at,
        runs: visits.all_runs,
        sessions: visits.sessions,
        rows: visits.rows,
        server_us: visits.server_us,
        wrote: visits.wrote,
        exposure: visits.exposure,
        top: visits.runs,
        siblings,
        unwatched,
        hold: None,
        scope,
    })
}

fn siblings(index: &Index, target: &str, runs: &[IncidentRun]) -> Result<Vec<Sibling>, IncidentError> {
    let logins = index.logins(Some(target))?.ok_or(IncidentError::NoIndex)?;
    let used = |credential: &str, user: Option<&str>| {
        runs.iter().any(|run| run.credential.as_deref().unwrap_or("passthrough") == credential && run.login.as_deref() == user)
    };
    let mut found = Vec::new();
    for login in logins.into_iter().filter(|login| login.shared && used(&login.credential, login.user.as_deref())) {
        found.extend(login.uses.into_iter().map(|one| Sibling {
            credential: login.credential.clone(),
            user: login.user.clone(),
            was_there: runs.iter().any(|run| run.workload.as_ref() == Some(&one.workload)),
            workload: one.workload,
            name: one.name,
            owner: one.owner,
            sessions: one.sessions,
            last_seen: one.last_seen,
        }));
    }
    found.truncate(SIBLINGS);
    Ok(found)
}
