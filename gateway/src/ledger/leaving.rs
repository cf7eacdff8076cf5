//! Who has left, by which names their workloads may know them, and who has taken over what they owned.

use super::entry::{Entry, Holder};
use super::event::Kind;
use super::{Change, Ledger, LedgerError};
use gateway_core::directory::folded;
use gateway_core::model::ids::{PersonId, TakeoverId};
use gateway_core::model::time::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Names of people who have left that are kept. Beyond it those go who were removed the longest ago.
const MOST_LEFT: u64 = 500_000;
/// A name that somebody left by counts as long as nobody who is there is called so. An address alone does not make
/// somebody be there: people may write others' into their own profiles.
const GONE: &str = "SELECT name, id, person, how, by, since, holder FROM left_as WHERE NOT EXISTS (
    SELECT 1 FROM called JOIN account ON account.id = called.id
    WHERE called.kind = 'userName' AND called.name = left_as.name AND account.open)";

/// How somebody left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The directory says that they are not active.
    Deactivated,
    /// The directory has them no more.
    Removed,
    /// The identity provider does not know them any more, as it says when it is asked.
    Refused,
}

/// Somebody's leaving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Departure {
    /// Their id in the directory.
    #[serde(skip)]
    pub id: PersonId,
    /// What they were called.
    pub person: String,
    /// How they left.
    pub how: How,
    /// By whose word.
    pub by: String,
    /// When.
    pub since: Timestamp,
    /// The gateway that heard of it, and tells of what they owned.
    #[serde(skip)]
    pub holder: Holder,
}

/// Everybody who has left. It never changes: another takes its place.
#[derive(Debug, Default)]
pub struct Left {
    /// The directory's version that this is of.
    version: u64,
    names: HashMap<String, Arc<Departure>>,
}

/// A workload that somebody has taken over from who left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Takeover {
    /// Its id.
    pub id: TakeoverId,
    /// The workload, by the name of its entry or its SPIFFE id.
    pub workload: String,
    /// Who owns it now.
    pub owner: String,
    /// Who did before.
    pub from: String,
    /// Who does by the configuration: once that names another, this counts no more.
    pub configured: Option<String>,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// When somebody else took it over.
    pub ended_at: Option<Timestamp>,
}

impl How {
    /// In the words of a refusal: `ana was …`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Removed => "removed from the directory",
            Self::Refused => "refused by the identity provider",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Removed => "removed",
            Self::Refused => "refused",
        }
    }

    fn named(name: &str) -> Self {
        let all = [Self::Deactivated, Self::Removed, Self::Refused];
        all.into_iter().find(|how| how.name() == name).unwrap_or(Self::Deactivated)
    }
}

impl Left {
    /// How whoever is called so has left; none where they have not.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Departure>> {
        if self.names.is_empty() { None } else { self.names.get(&folded(name)) }
    }

    /// Everybody, with all names by which they left.
    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<(Arc<Departure>, BTreeSet<String>)> {
        let mut by_person: HashMap<PersonId, (Arc<Departure>, BTreeSet<String>)> = HashMap::new();
        for (name, departure) in &self.names {
            let (_, names) = by_person.entry(departure.id).or_insert_with(|| (Arc::clone(departure), BTreeSet::new()));
            names.insert(name.clone());
        }
        let mut all: Vec<_> = by_person.into_values().collect();
        all.sort_by_key(|(departure, _)| std::cmp::Reverse((departure.since, departure.id)));
        all
    }
}

/// Two of one version are the same: each change of the directory makes another.
impl PartialEq for Left {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl Eq for Left {}

impl Entry for Takeover {
    const TABLE: &'static str = "takeover";
    const IN_FORCE: bool = true;

    fn number(&self) -> u64 {
        self.id.number()
    }

    fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}

impl Ledger {
    /// Everybody who has left; what was read before where nothing has changed since.
    pub(super) fn read_left(&self, connection: &Connection, before: &Arc<Left>) -> Result<Arc<Left>, LedgerError> {
        let failed = |error| self.failed(error);
        let version = connection.query_row("SELECT version FROM directory", [], |row| row.get::<_, i64>(0)).map_err(failed)?;
        let version = version.cast_unsigned();
        if before.version == version {
            return Ok(Arc::clone(before));
        }
        let mut statement = connection.prepare_cached(GONE).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let (mut names, mut people) = (HashMap::new(), HashMap::<i64, Arc<Departure>>::new());
        while let Some(row) = rows.next().map_err(failed)? {
            let mut read = || -> rusqlite::Result<(String, Arc<Departure>)> {
                let id: i64 = row.get(1)?;
                if let Some(known) = people.get(&id) {
                    return Ok((row.get(0)?, Arc::clone(known)));
                }
                let (how, holder) = (row.get::<_, String>(3)?, row.get::<_, String>(6)?);
                let departure = Arc::new(Departure {
                    id: PersonId::from_number(id.cast_unsigned()),
                    person: row.get(2)?,
                    how: How::named(&how),
                    by: row.get(4)?,
                    since: Timestamp(row.get::<_, i64>(5)?.cast_unsigned()),
                    holder: holder.parse().unwrap_or_else(|_unknown| Holder::nobody()),
                });
                people.insert(id, Arc::clone(&departure));
                Ok((row.get(0)?, departure))
            };
            let (name, departure) = read().map_err(failed)?;
            names.insert(name, departure);
        }
        Ok(Arc::new(Left { version, names }))
    }
}

impl Change<'_> {
    /// Somebody has left, by these names; their sessions and tokens end with that. What of them counts, for nobody else is called so.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn leaves(&mut self, departure: &Departure, names: &BTreeSet<String>) -> Result<BTreeSet<String>, LedgerError> {
        let Departure { id, person, how, by, since, holder } = departure;
        for name in names {
            let text =
                "INSERT OR IGNORE INTO left_as (name, id, person, how, by, since, holder) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let (id, since) = (id.number().cast_signed(), since.0.cast_signed());
            self.run(text, params![name, id, person, how.name(), by, since, holder.to_string()])?;
        }
        self.forget_the_longest_gone()?;
        self.directory_changed()?;
        let mut gone = BTreeSet::new();
        for name in names {
            let text = format!("SELECT count(*) FROM ({GONE} AND left_as.name = ?1)");
            if self.numbers(&text, params![name])?.first().is_some_and(|count| *count > 0) {
                gone.insert(name.clone());
            }
        }
        self.end_ways_in(by, &gone, how.words())?;
        Ok(gone)
    }

    /// Somebody of this id is there again.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn returns(&mut self, id: PersonId) -> Result<(), LedgerError> {
        self.run("DELETE FROM left_as WHERE id = ?1", params![id.number().cast_signed()])?;
        self.directory_changed()
    }

    /// Somebody is there who is called so: those by whom the directory knows nobody any more, and whom the provider alone had
    /// refused, are none who have left. Whether there was any.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn is_there(&mut self, names: &BTreeSet<String>) -> Result<bool, LedgerError> {
        let mut any = false;
        for name in names {
            let whose = "name = ?1 AND NOT EXISTS (SELECT 1 FROM account WHERE account.id = left_as.id)";
            let found = self.numbers(&format!("SELECT count(*) FROM left_as WHERE {whose}"), params![name])?;
            if found.first().is_some_and(|count| *count > 0) {
                self.run(&format!("DELETE FROM left_as WHERE {whose}"), params![name])?;
                any = true;
            }
        }
        if any {
            self.directory_changed()?;
        }
        Ok(any)
    }

    /// Whether whoever is called so has left.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn has_left(&self, name: &str) -> Result<bool, LedgerError> {
        let text = format!("SELECT count(*) FROM ({GONE} AND left_as.name = ?1)");
        Ok(self.numbers(&text, params![folded(name)])?.first().is_some_and(|count| *count > 0))
    }

    /// What is read from the directory may be another from now on.
    pub(super) fn directory_changed(&mut self) -> Result<(), LedgerError> {
        self.touched = true;
        self.run("UPDATE directory SET version = version + 1", [])
    }

    /// Ends the sessions and tokens of whoever is called so. What root of the host has made for something stays: a login of a host
    /// is no name of the directory's.
    fn end_ways_in(&mut self, by: &str, names: &BTreeSet<String>, why: &str) -> Result<(), LedgerError> {
        let theirs = |person: &str| names.contains(&folded(person));
        for sign_in in self.open::<super::SignIn>()?.into_iter().filter(|sign_in| theirs(&sign_in.person)) {
            self.remove(&sign_in)?;
            let details = json!({ "why": format!("they were {why}") });
            self.tell(Kind::SignedOut, by, &sign_in.person, &details)?;
        }
        for mut token in self.open::<super::Token>()?.into_iter().filter(|token| !token.by_root && theirs(&token.person)) {
            token.ended_at = Some(self.at);
            self.put(&token)?;
            let details = json!({ "name": token.name, "person": token.person, "why": format!("its person was {why}") });
            self.tell(Kind::TokenEnded, by, &token.id.to_string(), &details)?;
        }
        Ok(())
    }

    fn forget_the_longest_gone(&mut self) -> Result<(), LedgerError> {
        let count = self.numbers("SELECT count(*) FROM left_as", [])?.first().copied().unwrap_or_default();
        if count > MOST_LEFT {
            tracing::error!(count, "too many have left: whoever was removed the longest ago is forgotten");
            let oldest = "SELECT id FROM left_as WHERE NOT EXISTS (SELECT 1 FROM account WHERE account.id = left_as.id) ORDER BY since LIMIT 1";
            self.run(&format!("DELETE FROM left_as WHERE id = ({oldest})"), [])?;
        }
        Ok(())
    }
}
