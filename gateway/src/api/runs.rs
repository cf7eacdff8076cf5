//! `/v1/runs`: a run is frozen, goes on, or is killed.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, RunDone, RunOrder};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::RunId;

/// Freeze all processes of a run, to look before killing.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/freeze",
    tag = "runs",
    operation_id = "freezeRun",
    params(("id" = RunId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "What was done.", body = RunDone))
)]
pub(super) async fn freeze(desk: State<Desk>, asker: Asker, run: Number<RunId>, body: Body<ReasonRequest>) -> Response {
    order(desk, asker, run, body, RunOrder::Freeze).await
}

/// Let a frozen run go on.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/thaw",
    tag = "runs",
    operation_id = "thawRun",
    params(("id" = RunId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "What was done.", body = RunDone))
)]
pub(super) async fn thaw(desk: State<Desk>, asker: Asker, run: Number<RunId>, body: Body<ReasonRequest>) -> Response {
    order(desk, asker, run, body, RunOrder::Thaw).await
}

/// Kill all processes and sessions of a run.
#[utoipa::path(
    post,
    path = "/v1/runs/{id}/kill",
    tag = "runs",
    operation_id = "killRun",
    params(("id" = RunId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "What was done.", body = RunDone))
)]
pub(super) async fn kill(desk: State<Desk>, asker: Asker, run: Number<RunId>, body: Body<ReasonRequest>) -> Response {
    order(desk, asker, run, body, RunOrder::Kill).await
}

async fn order(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(run): Number<RunId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
    order: RunOrder,
) -> Response {
    respond(desk.handle(&actor, Command::OrderRun { run, order, reason }).await)
}
