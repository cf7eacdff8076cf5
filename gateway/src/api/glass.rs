//! `/v1/break-glass`: policy set aside in an emergency.

use super::asker::Asker;
use super::{Body, Number, Past, respond};
use crate::control::{Command, Desk, GlassRequest, Lift};
use axum::extract::{Query, State};
use axum::response::Response;
use gateway_core::model::ids::GlassId;
use serde::Deserialize;

/// An emergency.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakRequest {
    target: String,
    #[serde(default)]
    lift: Option<Lift>,
    reason: String,
    seconds: u64,
    #[serde(default)]
    codes: Vec<String>,
}

/// What somebody found.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewRequest {
    finding: String,
}

/// For whom codes are made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodesRequest {
    people: Vec<String>,
}

pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, Query(past): Query<Past>) -> Response {
    respond(desk.handle(&actor, Command::ListGlass { past: past.past }).await)
}

pub(super) async fn break_glass(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<BreakRequest>) -> Response {
    let BreakRequest { target, lift, reason, seconds, codes } = request;
    respond(desk.handle(&actor, Command::BreakGlass(GlassRequest { target, lift, reason, seconds, codes })).await)
}

pub(super) async fn end(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<GlassId>) -> Response {
    respond(desk.handle(&actor, Command::EndGlass(id)).await)
}

pub(super) async fn review(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<GlassId>,
    Body(ReviewRequest { finding }): Body<ReviewRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::ReviewGlass { id, finding }).await)
}

pub(super) async fn codes(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Body(CodesRequest { people }): Body<CodesRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::MakeCodes { people }).await)
}
