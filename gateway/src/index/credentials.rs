//! Which workloads use which login at which target: from the profiles, so for all that was ever recorded.

use super::kinds::Of;
use super::{Index, IndexError, failed};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A login at a target, with all who use it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Login {
    /// The target.
    pub target: String,
    /// The configured credential, by its reference; `passthrough` where jobs bring their own.
    pub credential: String,
    /// The user at the target; none where only the credential itself says it.
    pub user: Option<String>,
    /// Whether more than one workload uses it.
    pub shared: bool,
    /// Whether its workloads have more than one owner, or some have none.
    pub owners_differ: bool,
    /// Who uses it, the last seen first.
    pub uses: Vec<LoginUse>,
}

/// Who uses a login.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LoginUse {
    /// The workload's SPIFFE id.
    pub workload: String,
    /// The name of its `[[workload]]`.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How well it is known: the weakest of its sessions.
    pub grade: Option<String>,
    /// Its sessions.
    pub sessions: u64,
    /// When the last of them began.
    pub last_seen: Timestamp,
}

/// The grades, from the weakest on.
const GRADES: [&str; 3] = ["claimed", "kernel", "attested"];

impl Index {
    /// All logins, those that are shared first; of one target where it is named. None where there is no whole index.
    ///
    /// # Errors
    /// Where the index can't be read.
    pub fn logins(&self, target: Option<&str>) -> Result<Option<Vec<Login>>, IndexError> {
        self.ask(|connection| logins(connection, target).map_err(failed(connection)))
    }
}

fn logins(connection: &Connection, target: Option<&str>) -> rusqlite::Result<Vec<Login>> {
    let mut statement = connection.prepare_cached(
        "SELECT target, credential, login, workload, name, owner, grade, sum(count), max(newest) FROM profile
         WHERE kind = ?1 AND count > 0 AND protocol <> 'opaque' AND target IS NOT NULL AND workload IS NOT NULL
           AND (login IS NOT NULL OR credential IS NOT NULL) AND (?2 IS NULL OR target = ?2)
         GROUP BY target, credential, login, workload, name, owner, grade",
    )?;
    let mut all: BTreeMap<(String, String, Option<String>), BTreeMap<String, LoginUse>> = BTreeMap::new();
    let mut rows = statement.query((Of::Session.number(), target))?;
    while let Some(row) = rows.next()? {
        let credential: Option<String> = row.get(1)?;
        let key = (row.get(0)?, credential.unwrap_or_else(|| "passthrough".to_owned()), row.get(2)?);
        let last_seen = SessionId::from_number(row.get::<_, i64>(8)?.cast_unsigned()).made_at();
        let one = LoginUse {
            workload: row.get(3)?,
            name: row.get(4)?,
            owner: row.get(5)?,
            grade: row.get(6)?,
            sessions: row.get::<_, i64>(7)?.cast_unsigned(),
            last_seen,
        };
        all.entry(key).or_default().entry(one.workload.clone()).and_modify(|known| known.add(&one)).or_insert(one);
    }
    let mut logins: Vec<_> = all.into_iter().map(login).collect();
    logins.sort_by_key(|login| (!login.shared, !login.owners_differ));
    Ok(logins)
}

fn login(((target, credential, user), uses): ((String, String, Option<String>), BTreeMap<String, LoginUse>)) -> Login {
    let mut uses: Vec<_> = uses.into_values().collect();
    uses.sort_by_key(|one| std::cmp::Reverse(one.last_seen));
    let owners: BTreeSet<_> = uses.iter().map(|one| one.owner.as_deref()).collect();
    Login { target, credential, user, shared: uses.len() > 1, owners_differ: owners.len() > 1, uses }
}

impl LoginUse {
    fn add(&mut self, other: &Self) {
        let grade = |grade: &Option<String>| GRADES.iter().position(|name| grade.as_deref() == Some(name));
        if grade(&other.grade) < grade(&self.grade) {
            self.grade.clone_from(&other.grade);
        }
        self.sessions += other.sessions;
        if other.last_seen > self.last_seen {
            (self.last_seen, self.owner, self.name) = (other.last_seen, other.owner.clone(), other.name.clone());
        }
    }
}
