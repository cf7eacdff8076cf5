//! `/v1/holds`: what waits for people, and their answers.

use super::asker::Asker;
use super::{Body, Number, Past, respond};
use crate::control::{Command, Desk, Say, Scope};
use axum::extract::{Query, State};
use axum::response::Response;
use gateway_core::model::ids::HoldId;
use serde::Deserialize;

/// A yes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveRequest {
    #[serde(default)]
    pub(super) scope: Scope,
    pub(super) reason: String,
}

/// A no, or an end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonRequest {
    pub(super) reason: String,
}

pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, Query(past): Query<Past>) -> Response {
    respond(desk.handle(&actor, Command::ListHolds { past: past.past }).await)
}

pub(super) async fn show(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<HoldId>) -> Response {
    respond(desk.handle(&actor, Command::ShowHold(id)).await)
}

pub(super) async fn approve(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<HoldId>,
    Body(ApproveRequest { scope, reason }): Body<ApproveRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::AnswerHold { id, say: Say::Approve(scope), reason }).await)
}

pub(super) async fn deny(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<HoldId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::AnswerHold { id, say: Say::Deny, reason }).await)
}
