//! `/v1/runs`: a run is frozen, goes on, or is killed.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, RunOrder};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::RunId;

pub(super) async fn freeze(desk: State<Desk>, asker: Asker, run: Number<RunId>, body: Body<ReasonRequest>) -> Response {
    order(desk, asker, run, body, RunOrder::Freeze).await
}

pub(super) async fn thaw(desk: State<Desk>, asker: Asker, run: Number<RunId>, body: Body<ReasonRequest>) -> Response {
    order(desk, asker, run, body, RunOrder::Thaw).await
}

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
