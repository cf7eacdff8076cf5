//! `/v1/sinks`: where events leave to.

use super::asker::Asker;
use super::request::Name;
use super::respond;
use crate::control::{Command, Desk, ListedSink, TriedSink};
use axum::extract::State;
use axum::response::Response;

/// Where do events go, and how far is each sink?
#[utoipa::path(
    get,
    path = "/v1/sinks",
    tag = "sinks",
    operation_id = "listSinks",
    responses((status = 200, description = "All of them.", body = Vec<ListedSink>))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::ListSinks).await)
}

/// Send a test to this one, now.
#[utoipa::path(
    post,
    path = "/v1/sinks/{name}/test",
    tag = "sinks",
    operation_id = "testSink",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "What came of it.", body = TriedSink))
)]
pub(super) async fn test(State(desk): State<Desk>, Asker(actor): Asker, Name(name): Name) -> Response {
    respond(desk.handle(&actor, Command::TestSink { name }).await)
}
