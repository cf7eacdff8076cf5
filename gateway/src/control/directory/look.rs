//! What of the directory is looked at: those of a page, or one.

use super::{DirectoryPage, DirectoryReply, ShownGroup, ShownUser};
use crate::control::error::CommandError;
use crate::ledger::{Account, AccountGroup, Change};
use gateway_core::directory::{Kind, Refused};
use gateway_core::model::ids::{GroupId, PersonId};
use std::collections::BTreeMap;

/// Members of all groups of one page; one group alone may have more.
const MOST_SHOWN: usize = 20_000;

pub(super) fn found_user(look: &Change<'_>, id: PersonId) -> Result<Account, CommandError> {
    look.find::<Account>(id.number())?.ok_or_else(|| Refused::new(Kind::Missing, format!("there is no user {id}")).into())
}

pub(super) fn found_group(look: &Change<'_>, id: GroupId) -> Result<AccountGroup, CommandError> {
    look.group(id)?.ok_or_else(|| Refused::new(Kind::Missing, format!("there is no group {id}")).into())
}

pub(super) fn list_users(look: &Change<'_>, page: &DirectoryPage) -> Result<DirectoryReply, CommandError> {
    let (total, accounts) = match &page.filter {
        Some(filter) => {
            let all = look.find_accounts::<CommandError>(filter)?;
            (all.len(), all.into_iter().skip(page.skip).take(page.most).collect())
        }
        None => (look.count::<Account>()?, look.page::<Account>(page.skip, page.most)?),
    };
    let users = accounts.into_iter().map(|account| user_with_groups(look, account)).collect::<Result<_, _>>()?;
    Ok(DirectoryReply::Users { total, users })
}

pub(super) fn list_groups(look: &Change<'_>, page: &DirectoryPage, members: bool) -> Result<DirectoryReply, CommandError> {
    let (total, groups) = match &page.filter {
        Some(filter) => {
            let all = look.find_groups::<CommandError>(filter)?;
            (all.len(), all.into_iter().skip(page.skip).take(page.most).collect())
        }
        None => (look.count::<AccountGroup>()?, look.page::<AccountGroup>(page.skip, page.most)?),
    };
    let (mut shown, mut count) = (Vec::new(), 0);
    for group in groups {
        let group = if members { group_with_members(look, look.group(group.id)?.unwrap_or(group))? } else { bare(group) };
        count += group.members.len();
        // A page may have less than was asked for (RFC 7644 §3.4.2.4).
        if count > MOST_SHOWN && !shown.is_empty() {
            break;
        }
        shown.push(group);
    }
    Ok(DirectoryReply::Groups { total, groups: shown })
}

fn user_with_groups(look: &Change<'_>, account: Account) -> Result<ShownUser, CommandError> {
    let groups = look.groups_of(account.id)?.into_iter().map(|group| (group.id, group.group.display_name)).collect();
    Ok(ShownUser { account, groups })
}

pub(super) fn shown_user(look: &Change<'_>, account: Account) -> Result<DirectoryReply, CommandError> {
    user_with_groups(look, account).map(Box::new).map(DirectoryReply::User)
}

fn group_with_members(look: &Change<'_>, group: AccountGroup) -> Result<ShownGroup, CommandError> {
    let members = look.names_of(&group.group.members)?;
    Ok(ShownGroup { group, members })
}

const fn bare(group: AccountGroup) -> ShownGroup {
    ShownGroup { group, members: BTreeMap::new() }
}

pub(super) fn shown_group(look: &Change<'_>, group: AccountGroup, members: bool) -> Result<DirectoryReply, CommandError> {
    let shown = if members { group_with_members(look, group)? } else { bare(group) };
    Ok(DirectoryReply::Group(Box::new(shown)))
}
