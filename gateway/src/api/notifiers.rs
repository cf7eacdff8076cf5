//! `/v1/notifiers`: who is told of what people are asked and decide.

use super::asker::Asker;
use super::respond;
use crate::control::{Command, Desk};
use axum::extract::{Path, State};
use axum::response::Response;

pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::ListNotifiers).await)
}

pub(super) async fn test(State(desk): State<Desk>, Asker(actor): Asker, Path(name): Path<String>) -> Response {
    respond(desk.handle(&actor, Command::TestNotifier { name }).await)
}
