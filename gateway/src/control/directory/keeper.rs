//! Changes of the directory, each with its events, and with all that follows where somebody leaves by it.

use super::look::{shown_group, shown_user};
use super::{DirectoryReply, User};
use crate::control::actor::{Actor, Via};
use crate::control::error::CommandError;
use crate::control::owners::Affected;
use crate::ledger::{Account, AccountGroup, Change, Departure, How, Kind as Event};
use crate::session::context::random;
use gateway_core::directory::{Group, Kind, MOST_GROUPS, MOST_PEOPLE, Refused};
use gateway_core::model::ids::{GroupId, PersonId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Names that an event tells of whom a group has got and lost.
const MOST_TOLD: usize = 50;

/// Whoever changes the directory, and the change.
pub(super) struct Keeper<'k, 'c, 'l> {
    pub(super) change: &'c mut Change<'l>,
    pub(super) actor: &'k Actor,
    pub(super) owned: &'k dyn Fn(&BTreeSet<String>) -> Vec<Affected>,
}

impl Keeper<'_, '_, '_> {
    pub(super) fn make_user(self, user: User) -> Result<DirectoryReply, CommandError> {
        let Self { change, actor, owned } = self;
        if change.account_named(&user.user_name)?.is_some() {
            return Err(taken("userName", &user.user_name));
        }
        if change.count::<Account>()? >= MOST_PEOPLE {
            return Err(Refused::new(Kind::TooMany, format!("a directory has at most {MOST_PEOPLE} people")).into());
        }
        let at = change.at;
        let mut id = PersonId::new(at, random());
        while change.find::<Account>(id.number())?.is_some() {
            id = PersonId::new(at, random());
        }
        let account = Account { id, user, former: BTreeSet::new(), version: 1, made_at: at, changed_at: at };
        change.put_account(&account)?;
        let (name, active) = (account.user.user_name.clone(), account.user.active);
        let back = active && change.is_there(&account.user.names())?;
        let details = told(actor, json!({ "active": active, "back": back }));
        change.tell(Event::PersonProvisioned, actor.name(), &name, &details)?;
        if !active {
            leaves(change, actor, &account, How::Deactivated, owned)?;
        }
        shown_user(change, account)
    }

    pub(super) fn change_user(self, before: Account, user: User) -> Result<DirectoryReply, CommandError> {
        let Self { change, actor, owned } = self;
        let differences = before.user.differences(&user);
        if differences.is_empty() {
            return shown_user(change, before);
        }
        let other = change.account_named(&user.user_name)?.filter(|other| other.id != before.id);
        if other.is_some() {
            return Err(taken("userName", &user.user_name));
        }
        let after = before.changed(user, change.at);
        change.put_account(&after)?;
        let name = after.user.user_name.clone();
        let changed: Vec<_> = differences.iter().filter(|name| **name != "active").collect();
        if !changed.is_empty() {
            let was = (before.user.user_name != name).then_some(&before.user.user_name);
            let details = told(actor, json!({ "changed": changed, "was": was }));
            change.tell(Event::PersonChanged, actor.name(), &name, &details)?;
        }
        match (before.user.active, after.user.active) {
            (true, false) => {
                change.tell(Event::PersonDeactivated, actor.name(), &name, &told(actor, json!({})))?;
                leaves(change, actor, &after, How::Deactivated, owned)?;
            }
            (false, true) => {
                change.returns(after.id)?;
                change.is_there(&after.user.names())?;
                change.tell(Event::PersonReactivated, actor.name(), &name, &told(actor, json!({})))?;
            }
            // By another name, too.
            (false, false) => leaves(change, actor, &after, How::Deactivated, owned)?,
            (true, true) => {}
        }
        shown_user(change, after)
    }

    pub(super) fn remove_user(self, account: &Account) -> Result<DirectoryReply, CommandError> {
        let Self { change, actor, owned } = self;
        change.remove_account(account)?;
        change.tell(Event::PersonRemoved, actor.name(), &account.user.user_name, &told(actor, json!({})))?;
        if account.user.active {
            leaves(change, actor, account, How::Removed, owned)?;
        }
        Ok(DirectoryReply::Removed)
    }

    pub(super) fn make_group(self, group: Group) -> Result<DirectoryReply, CommandError> {
        let Self { change, actor, .. } = self;
        if change.group_named(&group.display_name)?.is_some() {
            return Err(taken("displayName", &group.display_name));
        }
        if change.count::<AccountGroup>()? >= MOST_GROUPS {
            return Err(Refused::new(Kind::TooMany, format!("a directory has at most {MOST_GROUPS} groups")).into());
        }
        are_known(change, &group.members)?;
        let at = change.at;
        let mut id = GroupId::new(at, random());
        while change.find::<AccountGroup>(id.number())?.is_some() {
            id = GroupId::new(at, random());
        }
        let group = AccountGroup { id, group, version: 1, made_at: at, changed_at: at };
        change.put_group(&group, &BTreeSet::new())?;
        tell_of_group(change, actor, "made", &group.group, (&group.group.members, &BTreeSet::new()))?;
        shown_group(change, group, true)
    }

    pub(super) fn change_group(self, before: AccountGroup, group: Group, members: bool) -> Result<DirectoryReply, CommandError> {
        let Self { change, actor, .. } = self;
        if before.group == group {
            return shown_group(change, before, members);
        }
        let other = change.group_named(&group.display_name)?.filter(|other| other.id != before.id);
        if other.is_some() {
            return Err(taken("displayName", &group.display_name));
        }
        let fresh: BTreeSet<_> = group.members.difference(&before.group.members).copied().collect();
        let gone: BTreeSet<_> = before.group.members.difference(&group.members).copied().collect();
        are_known(change, &fresh)?;
        let after = AccountGroup { group, version: before.version + 1, changed_at: change.at, ..before.clone() };
        change.put_group(&after, &before.group.members)?;
        tell_of_group(change, actor, "changed", &after.group, (&fresh, &gone))?;
        shown_group(change, after, members)
    }

    pub(super) fn remove_group(self, group: &AccountGroup) -> Result<DirectoryReply, CommandError> {
        let Self { change, actor, .. } = self;
        change.remove_group(group)?;
        tell_of_group(change, actor, "removed", &group.group, (&BTreeSet::new(), &group.group.members))?;
        Ok(DirectoryReply::Removed)
    }
}

/// A person has left: in force with this change, with all that follows.
fn leaves(
    change: &mut Change<'_>,
    actor: &Actor,
    account: &Account,
    how: How,
    owned: &dyn Fn(&BTreeSet<String>) -> Vec<Affected>,
) -> Result<(), CommandError> {
    has_left(change, (account.id, &account.user.user_name, how, actor.name()), &account.names(), owned)
}

pub(super) fn has_left(
    change: &mut Change<'_>,
    (id, person, how, by): (PersonId, &str, How, &str),
    names: &BTreeSet<String>,
    owned: &dyn Fn(&BTreeSet<String>) -> Vec<Affected>,
) -> Result<(), CommandError> {
    let mut before = BTreeSet::new();
    for name in names {
        if change.has_left(name)? {
            before.insert(name.clone());
        }
    }
    let (since, holder) = (change.at, change.holder());
    let departure = Departure { id, person: person.to_owned(), how, by: by.to_owned(), since, holder };
    let gone = change.leaves(&departure, names)?;
    let workloads = owned(&gone.difference(&before).cloned().collect());
    if !workloads.is_empty() {
        let details = json!({ "how": how, "workloads": workloads, "alert": "high" });
        change.tell(Event::OwnerLeft, by, person, &details)?;
    }
    Ok(())
}

/// What an event has beside what happened: by which token it was done.
fn told(actor: &Actor, mut details: Value) -> Value {
    if let (Via::Token(token), Some(fields)) = (actor.via, details.as_object_mut()) {
        fields.insert("token".to_owned(), json!(token));
        fields.retain(|_, value| !value.is_null());
    }
    details
}

fn tell_of_group(
    change: &mut Change<'_>,
    actor: &Actor,
    what: &str,
    group: &Group,
    (fresh, gone): (&BTreeSet<PersonId>, &BTreeSet<PersonId>),
) -> Result<(), CommandError> {
    let some = |people: &BTreeSet<PersonId>| people.iter().copied().take(MOST_TOLD).collect();
    let added: Vec<_> = change.names_of(&some(fresh))?.into_values().collect();
    let removed: Vec<_> = change.names_of(&some(gone))?.into_values().collect();
    let details = json!({
        "what": what, "members": group.members.len(), "added": added, "added_count": fresh.len(), "removed": removed, "removed_count": gone.len(),
    });
    Ok(change.tell(Event::GroupChanged, actor.name(), &group.display_name, &told(actor, details))?)
}

fn are_known(change: &Change<'_>, people: &BTreeSet<PersonId>) -> Result<(), CommandError> {
    for person in people {
        if change.find::<Account>(person.number())?.is_none() {
            return Err(Refused::new(Kind::Value, format!("there is no user {person}")).into());
        }
    }
    Ok(())
}

fn taken(what: &str, name: &str) -> CommandError {
    Refused::new(Kind::Uniqueness, format!("another has the {what} {name:?}")).into()
}
