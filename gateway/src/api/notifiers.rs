//! `/v1/notifiers`: who is told of what people are asked and decide.

use super::asker::Asker;
use super::request::Name;
use super::respond;
use crate::control::{Command, Desk, ListedNotifier, Tried};
use axum::extract::State;
use axum::response::Response;

/// Who is notified, and how far is each?
#[utoipa::path(
    get,
    path = "/v1/notifiers",
    tag = "notifiers",
    operation_id = "listNotifiers",
    responses((status = 200, description = "All of them.", body = Vec<ListedNotifier>))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::ListNotifiers).await)
}

/// Send a test by this one, now.
#[utoipa::path(
    post,
    path = "/v1/notifiers/{name}/test",
    tag = "notifiers",
    operation_id = "testNotifier",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "What came of it.", body = Tried))
)]
pub(super) async fn test(State(desk): State<Desk>, Asker(actor): Asker, Name(name): Name) -> Response {
    respond(desk.handle(&actor, Command::TestNotifier { name }).await)
}
