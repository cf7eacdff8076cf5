//! `/v1/sessions`: what is live, and how to end it.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, KillOrder, KillOutcome, LiveSession};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::SessionId;

/// Which sessions are live, and what do they do?
#[utoipa::path(
    get,
    path = "/v1/sessions",
    tag = "sessions",
    operation_id = "listSessions",
    responses((status = 200, description = "All that are live.", body = Vec<LiveSession>))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::ListSessions).await)
}

/// End this session, here and at its server.
#[utoipa::path(
    post,
    path = "/v1/sessions/{id}/kill",
    tag = "sessions",
    operation_id = "killSession",
    params(("id" = SessionId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "How fast it ended, here and at its server.", body = KillOutcome))
)]
pub(super) async fn kill(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<SessionId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    let order = KillOrder { by: actor.name().to_owned(), reason };
    respond(desk.handle(&actor, Command::KillSession { id, order }).await)
}
