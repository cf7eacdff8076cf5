//! `/v1/owners`: who has left, what they own, and who takes it over.

use super::asker::Asker;
use super::{Body, respond};
use crate::control::{Command, Desk, TakeRequest};
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

/// A wish to take something over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkloadRequest {
    workload: String,
    #[serde(default)]
    owner: Option<String>,
    reason: String,
}

pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::ListOwners).await)
}

pub(super) async fn take(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<WorkloadRequest>) -> Response {
    let WorkloadRequest { workload, owner, reason } = request;
    respond(desk.handle(&actor, Command::TakeOwner(TakeRequest { workload, owner, reason })).await)
}
