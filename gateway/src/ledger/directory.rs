//! The people and groups of the directory, and what they can be found by.

use super::entry::Entry;
use super::{Change, LedgerError};
use gateway_core::directory::{Attribute, Filter, Group, Kind, Refused, Term, User, folded};
use gateway_core::model::ids::{GroupId, PersonId};
use gateway_core::model::time::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many may fit the first thing that a filter asks for; what more do is too much to look through.
const MOST_CANDIDATES: usize = 1_000;
/// Former names of a person that are kept.
const MOST_FORMER: usize = 20;
/// What a person, or a group, is called; other kinds are what else they can be found by.
const USER_NAME: &str = "userName";
const GROUP_NAME: &str = "group.displayName";

/// A person of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Their id here.
    pub id: PersonId,
    /// Who it is.
    #[serde(flatten)]
    pub user: User,
    /// What they were called before, in lower case.
    #[serde(default)]
    pub former: BTreeSet<String>,
    /// Counts changes.
    pub version: u64,
    /// When they were made.
    pub made_at: Timestamp,
    /// When they were changed.
    pub changed_at: Timestamp,
}

/// A group of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountGroup {
    /// Its id here.
    pub id: GroupId,
    /// What it is.
    #[serde(flatten)]
    pub group: Group,
    /// Counts changes.
    pub version: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was changed.
    pub changed_at: Timestamp,
}

impl Account {
    /// All that they are, or were, called, in lower case.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        self.user.names().into_iter().chain(self.former.iter().cloned()).collect()
    }

    /// The same person as another set of values: what they are not called any more is kept.
    #[must_use]
    pub fn changed(&self, user: User, at: Timestamp) -> Self {
        let now = user.names();
        let gone = self.user.names().into_iter().filter(|name| !now.contains(name));
        let former = gone.chain(self.former.iter().filter(|name| !now.contains(*name)).cloned()).take(MOST_FORMER).collect();
        Self { user, former, version: self.version + 1, changed_at: at, ..self.clone() }
    }

    fn called(&self) -> Vec<(&'static str, String)> {
        let User { user_name, external_id, display_name, emails, .. } = &self.user;
        let mut all = vec![(USER_NAME, folded(user_name))];
        all.extend(external_id.iter().map(|id| ("externalId", id.clone())));
        all.extend(display_name.iter().map(|name| ("displayName", folded(name))));
        all.extend(emails.iter().map(|email| ("email", folded(&email.value))));
        all
    }
}

impl Entry for Account {
    const TABLE: &'static str = "account";
    const IN_FORCE: bool = false;

    fn number(&self) -> u64 {
        self.id.number()
    }

    /// As long as they are there.
    fn is_open(&self) -> bool {
        self.user.active
    }
}

impl Entry for AccountGroup {
    const TABLE: &'static str = "account_group";
    const IN_FORCE: bool = false;

    fn number(&self) -> u64 {
        self.id.number()
    }

    fn is_open(&self) -> bool {
        true
    }
}

impl Change<'_> {
    /// Writes a person, and what they can be found by.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn put_account(&mut self, account: &Account) -> Result<(), LedgerError> {
        self.put(account)?;
        self.call(account.id.number(), &account.called())?;
        self.may_have_returned(account)
    }

    /// Removes a person, from their groups, too.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn remove_account(&mut self, account: &Account) -> Result<(), LedgerError> {
        self.remove(account)?;
        self.call(account.id.number(), &[])?;
        self.run("DELETE FROM member WHERE account = ?1", params![account.id.number().cast_signed()])?;
        self.may_have_returned(account)
    }

    /// Writes a group, what it can be found by, and its members.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn put_group(&mut self, group: &AccountGroup, before: &BTreeSet<PersonId>) -> Result<(), LedgerError> {
        self.put(group)?;
        let mut called = vec![(GROUP_NAME, folded(&group.group.display_name))];
        called.extend(group.group.external_id.iter().map(|id| ("group.externalId", id.clone())));
        self.call(group.id.number(), &called)?;
        let id = group.id.number().cast_signed();
        for gone in before.difference(&group.group.members) {
            self.run("DELETE FROM member WHERE account_group = ?1 AND account = ?2", params![id, gone.number().cast_signed()])?;
        }
        for fresh in group.group.members.difference(before) {
            let text = "INSERT OR IGNORE INTO member (account_group, account) VALUES (?1, ?2)";
            self.run(text, params![id, fresh.number().cast_signed()])?;
        }
        Ok(())
    }

    /// Removes a group; its people stay.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn remove_group(&mut self, group: &AccountGroup) -> Result<(), LedgerError> {
        self.remove(group)?;
        self.call(group.id.number(), &[])?;
        self.run("DELETE FROM member WHERE account_group = ?1", params![group.id.number().cast_signed()])
    }

    /// A group with its members.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn group(&self, id: GroupId) -> Result<Option<AccountGroup>, LedgerError> {
        let Some(mut found) = self.find::<AccountGroup>(id.number())? else { return Ok(None) };
        let members = self.numbers("SELECT account FROM member WHERE account_group = ?1", params![id.number().cast_signed()])?;
        found.group.members = members.into_iter().map(PersonId::from_number).collect();
        Ok(Some(found))
    }

    /// What the people of these ids are called, as far as there are any.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn names_of(&self, people: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, String>, LedgerError> {
        let mut names = BTreeMap::new();
        for person in people {
            if let Some(account) = self.find::<Account>(person.number())? {
                names.insert(*person, account.user.user_name);
            }
        }
        Ok(names)
    }

    /// The groups that a person is in.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn groups_of(&self, person: PersonId) -> Result<Vec<AccountGroup>, LedgerError> {
        let text = "SELECT account_group FROM member WHERE account = ?1 ORDER BY account_group";
        let numbers = self.numbers(text, params![person.number().cast_signed()])?;
        Ok(numbers.into_iter().map(|number| self.find(number)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Whoever is called so, there or not.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn account_named(&self, user_name: &str) -> Result<Option<Account>, LedgerError> {
        self.called(USER_NAME, &folded(user_name), 1)?.first().map_or(Ok(None), |number| self.find(*number))
    }

    /// Who is there and called so: by their name, or else the only one who has it as an address.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn somebody_called(&self, name: &str) -> Result<Option<Account>, LedgerError> {
        if let Some(account) = self.account_named(name)? {
            return Ok(Some(account).filter(Account::is_open));
        }
        let numbers = self.called("email", &folded(name), MOST_CANDIDATES)?;
        let accounts = numbers.into_iter().map(|number| self.find::<Account>(number)).collect::<Result<Vec<_>, _>>()?;
        let mut there = accounts.into_iter().flatten().filter(Account::is_open);
        let first = there.next();
        Ok(if there.next().is_some() { None } else { first })
    }

    /// The group of that name.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn group_named(&self, name: &str) -> Result<Option<AccountGroup>, LedgerError> {
        self.called(GROUP_NAME, &folded(name), 1)?.first().map_or(Ok(None), |number| self.find(*number))
    }

    /// How many there are.
    ///
    /// # Errors
    /// Where they can't be counted.
    pub fn count<E: Entry>(&self) -> Result<usize, LedgerError> {
        let counted = self.numbers(&format!("SELECT count(*) FROM {}", E::TABLE), [])?;
        Ok(counted.first().and_then(|count| usize::try_from(*count).ok()).unwrap_or_default())
    }

    /// So many behind the first `skip`, the oldest first.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn page<E: Entry>(&self, skip: usize, most: usize) -> Result<Vec<E>, LedgerError> {
        let text = format!("SELECT body FROM {} ORDER BY id LIMIT ?1 OFFSET ?2", E::TABLE);
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.ledger.entries(&self.transaction, &text, params![number(most), number(skip)])
    }

    /// The people whom a filter finds, the oldest first.
    ///
    /// # Errors
    /// Where too many fit its first part, or they can't be read.
    pub fn find_accounts<X: From<LedgerError> + From<Refused>>(&self, filter: &Filter) -> Result<Vec<Account>, X> {
        let mut found = Vec::new();
        for number in self.candidates::<X>(filter, false)? {
            found.extend(self.find::<Account>(number)?.filter(|one| filter.finds_user(&one.id.to_string(), &one.user)));
        }
        Ok(found)
    }

    /// The groups that a filter finds, the oldest first, with their members.
    ///
    /// # Errors
    /// Where too many fit its first part, or they can't be read.
    pub fn find_groups<X: From<LedgerError> + From<Refused>>(&self, filter: &Filter) -> Result<Vec<AccountGroup>, X> {
        let mut found = Vec::new();
        for number in self.candidates::<X>(filter, true)? {
            let group = self.group(GroupId::from_number(number))?;
            found.extend(group.filter(|one| filter.finds_group(&one.id.to_string(), &one.group)));
        }
        Ok(found)
    }

    /// Whoever fits a filter's first part: all of what it finds is among them.
    fn candidates<X: From<LedgerError> + From<Refused>>(&self, filter: &Filter, groups: bool) -> Result<Vec<u64>, X> {
        let Some(Term { attribute, value }) = filter.terms().first() else { return Ok(Vec::new()) };
        let most = MOST_CANDIDATES + 1;
        let numbers = match (attribute, groups) {
            (Attribute::Id, false) => value.parse().map(PersonId::number).into_iter().collect(),
            (Attribute::Id, true) => value.parse().map(GroupId::number).into_iter().collect(),
            (Attribute::UserName, false) => self.called(USER_NAME, &folded(value), most)?,
            (Attribute::Email, false) => self.called("email", &folded(value), most)?,
            (Attribute::DisplayName, false) => self.called("displayName", &folded(value), most)?,
            (Attribute::DisplayName, true) => self.called(GROUP_NAME, &folded(value), most)?,
            (Attribute::ExternalId, false) => self.called("externalId", value, most)?,
            (Attribute::ExternalId, true) => self.called("group.externalId", value, most)?,
            (Attribute::Member, true) => match value.parse::<PersonId>() {
                Ok(person) => {
                    let text = "SELECT account_group FROM member WHERE account = ?1 ORDER BY account_group LIMIT ?2";
                    self.numbers(text, params![person.number().cast_signed(), i64::try_from(most).unwrap_or(i64::MAX)])?
                }
                Err(_nobody) => Vec::new(),
            },
            (Attribute::UserName | Attribute::Email, true) | (Attribute::Member, false) => Vec::new(),
        };
        if numbers.len() > MOST_CANDIDATES {
            return Err(
                Refused::new(Kind::TooMany, format!("more than {MOST_CANDIDATES} fit: ask for something else first")).into()
            );
        }
        Ok(numbers)
    }

    /// Where somebody has left by a name of theirs, that may count no more, or again.
    fn may_have_returned(&mut self, account: &Account) -> Result<(), LedgerError> {
        for name in account.names() {
            if !self.numbers("SELECT 1 FROM left_as WHERE name = ?1 LIMIT 1", params![name])?.is_empty() {
                return self.directory_changed();
            }
        }
        Ok(())
    }

    /// What this can be found by, from now on.
    fn call(&self, number: u64, called: &[(&str, String)]) -> Result<(), LedgerError> {
        self.run("DELETE FROM called WHERE id = ?1", params![number.cast_signed()])?;
        for (kind, name) in called {
            let text = "INSERT OR IGNORE INTO called (kind, name, id) VALUES (?1, ?2, ?3)";
            self.run(text, params![kind, name, number.cast_signed()])?;
        }
        Ok(())
    }

    fn called(&self, kind: &str, name: &str, most: usize) -> Result<Vec<u64>, LedgerError> {
        let text = "SELECT id FROM called WHERE kind = ?1 AND name = ?2 ORDER BY id LIMIT ?3";
        self.numbers(text, params![kind, name, i64::try_from(most).unwrap_or(i64::MAX)])
    }

    pub(super) fn run(&self, text: &str, parameters: impl rusqlite::Params) -> Result<(), LedgerError> {
        let done = self.transaction.prepare_cached(text).and_then(|mut statement| statement.execute(parameters));
        done.map(drop).map_err(|error| self.ledger.failed(error))
    }

    pub(super) fn numbers(&self, text: &str, parameters: impl rusqlite::Params) -> Result<Vec<u64>, LedgerError> {
        let failed = |error| self.ledger.failed(error);
        let mut statement = self.transaction.prepare_cached(text).map_err(failed)?;
        let rows = statement.query_map(parameters, |row| row.get::<_, i64>(0)).map_err(failed)?;
        rows.map(|row| row.map(i64::cast_unsigned).map_err(failed)).collect()
    }
}
