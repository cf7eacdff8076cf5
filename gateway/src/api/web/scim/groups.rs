//! `/scim/v2/Groups`.

use super::answer::{Answer, Failed};
use super::query::Wanted;
use super::resource::{self, group, group_value};
use super::{Asked, Body, Id};
use crate::control::{CommandError, DirectoryCommand, DirectoryReply};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gateway_core::directory::{Group, Operation};
use gateway_core::model::ids::GroupId;

pub(super) async fn list(asked: Asked, wanted: Wanted) -> Result<Answer, Failed> {
    let (page, start) = wanted.page()?;
    match asked.ask(DirectoryCommand::ListGroups { page, members: wanted.wants("members") }).await? {
        DirectoryReply::Groups { total, groups } => {
            Ok(resource::list(total, start, groups.into_iter().map(|shown| wanted.cut(group_value(shown))).collect()))
        }
        _ => Err(CommandError::Broken.into()),
    }
}

pub(super) async fn make(asked: Asked, wanted: Wanted, Body(body): Body) -> Result<Answer, Failed> {
    let group = Group::read(&body)?;
    one(&asked, DirectoryCommand::MakeGroup(Box::new(group)), StatusCode::CREATED, &wanted).await
}

pub(super) async fn show(asked: Asked, wanted: Wanted, Id(id): Id<GroupId>) -> Result<Response, Failed> {
    let command = DirectoryCommand::ShowGroup { id, members: wanted.wants("members") };
    let answer = one(&asked, command, StatusCode::OK, &wanted).await?;
    let same = answer.version.is_some_and(|version| asked.has(version));
    Ok(if same { StatusCode::NOT_MODIFIED.into_response() } else { answer.into_response() })
}

pub(super) async fn put(asked: Asked, wanted: Wanted, Id(id): Id<GroupId>, Body(body): Body) -> Result<Answer, Failed> {
    let group = Box::new(Group::read(&body)?);
    let command = DirectoryCommand::PutGroup { id, expected: asked.expected(), group };
    one(&asked, command, StatusCode::OK, &wanted).await
}

/// It is done, and nothing more is said (RFC 7644 §3.5.2): the group may be large.
pub(super) async fn patch(asked: Asked, Id(id): Id<GroupId>, Body(body): Body) -> Result<StatusCode, Failed> {
    let operations = Operation::read(&body)?;
    asked.ask(DirectoryCommand::PatchGroup { id, expected: asked.expected(), operations }).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(asked: Asked, Id(id): Id<GroupId>) -> Result<StatusCode, Failed> {
    asked.ask(DirectoryCommand::RemoveGroup { id, expected: asked.expected() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(asked: &Asked, command: DirectoryCommand, status: StatusCode, wanted: &Wanted) -> Result<Answer, Failed> {
    match asked.ask(command).await? {
        DirectoryReply::Group(shown) => Ok(group(status, *shown, wanted)),
        _ => Err(CommandError::Broken.into()),
    }
}
