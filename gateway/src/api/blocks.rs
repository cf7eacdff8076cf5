//! `/v1/blocks`: refusals by name.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::{Body, Number, Past, respond};
use crate::control::{BlockRequest, Command, Desk};
use axum::extract::{Query, State};
use axum::response::Response;
use gateway_core::control::block::Subject;
use gateway_core::model::ids::BlockId;
use serde::Deserialize;

/// A wish for a block.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddRequest {
    subject: Subject,
    #[serde(default)]
    seconds: Option<u64>,
    reason: String,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, Query(past): Query<Past>) -> Response {
    respond(desk.handle(&actor, Command::ListBlocks { past: past.past }).await)
}

pub(super) async fn add(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<AddRequest>) -> Response {
    let AddRequest { subject, seconds, reason, dry_run } = request;
    let request = BlockRequest { subject, seconds, reason };
    respond(desk.handle(&actor, Command::AddBlock { request, dry_run }).await)
}

pub(super) async fn lift(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<BlockId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::LiftBlock { id, reason }).await)
}
