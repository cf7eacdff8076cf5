//! `/v1/sessions`: what is live, and how to end it.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, KillOrder};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::SessionId;

pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::ListSessions).await)
}

pub(super) async fn kill(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<SessionId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    let order = KillOrder { by: actor.name().to_owned(), reason };
    respond(desk.handle(&actor, Command::KillSession { id, order }).await)
}
