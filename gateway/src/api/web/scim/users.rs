//! `/scim/v2/Users`.

use super::answer::{Answer, Failed};
use super::query::Wanted;
use super::resource::{self, user, user_value};
use super::{Asked, Body, Id};
use crate::control::{CommandError, DirectoryCommand, DirectoryReply};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gateway_core::directory::{Operation, User};
use gateway_core::model::ids::PersonId;

pub(super) async fn list(asked: Asked, wanted: Wanted) -> Result<Answer, Failed> {
    let (page, start) = wanted.page()?;
    match asked.ask(DirectoryCommand::ListUsers(page)).await? {
        DirectoryReply::Users { total, users } => {
            Ok(resource::list(total, start, users.into_iter().map(|shown| wanted.cut(user_value(shown))).collect()))
        }
        _ => Err(CommandError::Broken.into()),
    }
}

pub(super) async fn make(asked: Asked, wanted: Wanted, Body(body): Body) -> Result<Answer, Failed> {
    let user = User::read(&body, None)?;
    one(&asked, DirectoryCommand::MakeUser(Box::new(user)), StatusCode::CREATED, &wanted).await
}

pub(super) async fn show(asked: Asked, wanted: Wanted, Id(id): Id<PersonId>) -> Result<Response, Failed> {
    let answer = one(&asked, DirectoryCommand::ShowUser(id), StatusCode::OK, &wanted).await?;
    let same = answer.version.is_some_and(|version| asked.has(version));
    Ok(if same { StatusCode::NOT_MODIFIED.into_response() } else { answer.into_response() })
}

pub(super) async fn put(asked: Asked, wanted: Wanted, Id(id): Id<PersonId>, Body(body): Body) -> Result<Answer, Failed> {
    let command = DirectoryCommand::PutUser { id, expected: asked.expected(), body };
    one(&asked, command, StatusCode::OK, &wanted).await
}

pub(super) async fn patch(asked: Asked, wanted: Wanted, Id(id): Id<PersonId>, Body(body): Body) -> Result<Answer, Failed> {
    let operations = Operation::read(&body)?;
    let command = DirectoryCommand::PatchUser { id, expected: asked.expected(), operations };
    one(&asked, command, StatusCode::OK, &wanted).await
}

pub(super) async fn remove(asked: Asked, Id(id): Id<PersonId>) -> Result<StatusCode, Failed> {
    asked.ask(DirectoryCommand::RemoveUser { id, expected: asked.expected() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(asked: &Asked, command: DirectoryCommand, status: StatusCode, wanted: &Wanted) -> Result<Answer, Failed> {
    match asked.ask(command).await? {
        DirectoryReply::User(shown) => Ok(user(status, *shown, wanted)),
        _ => Err(CommandError::Broken.into()),
    }
}
