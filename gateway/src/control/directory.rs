//! The directory is kept: people and groups come, change and go, as an identity provider says; whoever leaves has left from the
//! same moment on.

mod keeper;
mod look;

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use super::owners::{self, Affected};
use super::{Desk, Reply, aside};
use crate::ledger::{Account, AccountGroup, How, Kind as Event, Ledger};
use crate::session::context::random;
use gateway_core::directory::{Filter, Group, Kind, Operation, Refused, User, folded};
use gateway_core::model::ids::{GroupId, PersonId};
use keeper::{Keeper, has_left};
use look::{found_group, found_user, list_groups, list_users, shown_group, shown_user};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is asked of the directory.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the method of RFC 7644 of that name")]
pub enum DirectoryCommand {
    ListUsers(DirectoryPage),
    ShowUser(PersonId),
    MakeUser(Box<User>),
    PutUser { id: PersonId, expected: Expected, body: Value },
    PatchUser { id: PersonId, expected: Expected, operations: Vec<Operation> },
    RemoveUser { id: PersonId, expected: Expected },
    ListGroups { page: DirectoryPage, members: bool },
    ShowGroup { id: GroupId, members: bool },
    MakeGroup(Box<Group>),
    PutGroup { id: GroupId, expected: Expected, group: Box<Group> },
    PatchGroup { id: GroupId, expected: Expected, operations: Vec<Operation> },
    RemoveGroup { id: GroupId, expected: Expected },
}

/// Which of a list.
#[derive(Clone, Debug)]
pub struct DirectoryPage {
    /// What is looked for; everything where there is none.
    pub filter: Option<Filter>,
    /// How many are skipped.
    pub skip: usize,
    /// How many there may be.
    pub most: usize,
}

/// The versions that are meant; any where there are none.
pub type Expected = Option<Vec<u64>>;

/// What the directory gives back.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "each is what a command asks for")]
pub enum DirectoryReply {
    Users { total: usize, users: Vec<ShownUser> },
    User(Box<ShownUser>),
    Groups { total: usize, groups: Vec<ShownGroup> },
    Group(Box<ShownGroup>),
    Removed,
}

/// A person, and the groups that they are in.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "it says what it has")]
pub struct ShownUser {
    pub account: Account,
    pub groups: Vec<(GroupId, String)>,
}

/// A group, and what its people are called; none of them where they were not asked for.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "it says what it has")]
pub struct ShownGroup {
    pub group: AccountGroup,
    pub members: BTreeMap<PersonId, String>,
}

impl Desk {
    /// Does what is asked of the directory, and cuts what somebody owned who has left by it.
    pub(super) async fn keep_directory(&self, actor: &Actor, command: DirectoryCommand) -> Result<Reply, CommandError> {
        let (shared, actor, before) = (Arc::clone(&self.shared), actor.clone(), self.shared.ledger.in_force());
        let reply = aside(move || handle(&shared.ledger, &actor, command, &|names| owners::affected(&shared, names))).await?;
        owners::judge_those_of(&self.shared, &before, &self.shared.ledger.in_force());
        Ok(Reply::Directory(Box::new(reply)))
    }
}

impl Desk {
    /// Whoever is called so has left, by their identity provider's own word: it refuses what it had given them. Where the directory is
    /// kept and has them active, its word counts, and not this.
    pub async fn refused_by_provider(&self, person: &str, provider: &str) -> Result<(), CommandError> {
        let (shared, before) = (Arc::clone(&self.shared), self.shared.ledger.in_force());
        let (person, provider) = (person.to_owned(), provider.to_owned());
        aside(move || {
            let owned = |names: &BTreeSet<String>| owners::affected(&shared, names);
            shared.ledger.change(|change| {
                if change.has_left(&person)? || change.somebody_called(&person)?.is_some() {
                    return Ok(());
                }
                let why = json!({ "why": "the identity provider does not know them any more" });
                change.tell(Event::PersonDeactivated, &provider, &person, &why)?;
                let id = PersonId::new(change.at, random());
                has_left(change, (id, &person, How::Refused, &provider), &[folded(&person)].into(), &owned)
            })
        })
        .await?;
        owners::judge_those_of(&self.shared, &before, &self.shared.ledger.in_force());
        Ok(())
    }
}

/// Does what is asked of the directory. `owned` says what those own who are called so.
fn handle(
    ledger: &Ledger,
    actor: &Actor,
    command: DirectoryCommand,
    owned: &dyn Fn(&BTreeSet<String>) -> Vec<Affected>,
) -> Result<DirectoryReply, CommandError> {
    actor.must(Role::Provisioner, On::default(), "to keep the directory")?;
    match command {
        DirectoryCommand::ListUsers(page) => ledger.look(|look| list_users(look, &page)),
        DirectoryCommand::ShowUser(id) => ledger.look(|look| shown_user(look, found_user(look, id)?)),
        DirectoryCommand::ListGroups { page, members } => ledger.look(|look| list_groups(look, &page, members)),
        DirectoryCommand::ShowGroup { id, members } => ledger.look(|look| shown_group(look, found_group(look, id)?, members)),
        DirectoryCommand::MakeUser(user) => ledger.change(|change| Keeper { change, actor, owned }.make_user(*user)),
        DirectoryCommand::PutUser { id, expected, body } => ledger.change(|change| {
            let before = of_version(found_user(change, id)?, &expected, |account| account.version)?;
            let user = User::read(&body, Some(&before.user))?;
            Keeper { change, actor, owned }.change_user(before, user)
        }),
        DirectoryCommand::PatchUser { id, expected, operations } => ledger.change(|change| {
            let before = of_version(found_user(change, id)?, &expected, |account| account.version)?;
            let user = before.user.patched(&operations)?;
            Keeper { change, actor, owned }.change_user(before, user)
        }),
        DirectoryCommand::RemoveUser { id, expected } => ledger.change(|change| {
            let before = of_version(found_user(change, id)?, &expected, |account| account.version)?;
            Keeper { change, actor, owned }.remove_user(&before)
        }),
        DirectoryCommand::MakeGroup(group) => ledger.change(|change| Keeper { change, actor, owned }.make_group(*group)),
        DirectoryCommand::PutGroup { id, expected, group } => ledger.change(|change| {
            let before = of_version(found_group(change, id)?, &expected, |group| group.version)?;
            Keeper { change, actor, owned }.change_group(before, *group, true)
        }),
        DirectoryCommand::PatchGroup { id, expected, operations } => ledger.change(|change| {
            let before = of_version(found_group(change, id)?, &expected, |group| group.version)?;
            let group = before.group.patched(&operations)?;
            // A provider adds one by one to what may have thousands: it is told of none of them.
            Keeper { change, actor, owned }.change_group(before, group, false)
        }),
        DirectoryCommand::RemoveGroup { id, expected } => ledger.change(|change| {
            let before = of_version(found_group(change, id)?, &expected, |group| group.version)?;
            Keeper { change, actor, owned }.remove_group(&before)
        }),
    }
}

/// The same, where it is of a version that is meant.
fn of_version<T>(found: T, expected: &Expected, version: impl Fn(&T) -> u64) -> Result<T, CommandError> {
    let now = version(&found);
    if expected.as_ref().is_none_or(|expected| expected.contains(&now)) {
        return Ok(found);
    }
    Err(Refused::new(Kind::Version, format!("it was changed meanwhile, and is of version {now}")).into())
}
