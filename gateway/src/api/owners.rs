//! `/v1/owners`: who has left, what they own, and who takes it over.

use super::asker::Asker;
use super::{Body, respond};
use crate::control::{Command, Desk, ListedOwner, TakeRequest, Takeover};
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

/// A wish to take something over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkloadRequest {
    workload: String,
    #[serde(default)]
    owner: Option<String>,
    reason: String,
}

/// Who has left and owned something, and what becomes of it?
#[utoipa::path(
    get,
    path = "/v1/owners",
    tag = "owners",
    operation_id = "listOwners",
    responses((status = 200, description = "The latest to leave first.", body = Vec<ListedOwner>))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::ListOwners).await)
}

/// Take a workload over whose owner has left.
#[utoipa::path(
    post,
    path = "/v1/owners/take",
    tag = "owners",
    operation_id = "takeOwner",
    request_body = WorkloadRequest,
    responses((status = 200, description = "Who owns it from now on.", body = Takeover))
)]
pub(super) async fn take(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<WorkloadRequest>) -> Response {
    let WorkloadRequest { workload, owner, reason } = request;
    respond(desk.handle(&actor, Command::TakeOwner(TakeRequest { workload, owner, reason })).await)
}
