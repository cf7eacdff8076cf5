//! `/v1/me`: who asks; and what they may of the gateway itself.

use super::asker::Asker;
use super::respond;
use crate::control::{Command, Desk, Me, Reloaded};
use axum::extract::State;
use axum::response::Response;

/// Who am I, and what may I?
#[utoipa::path(
    get,
    path = "/v1/me",
    tag = "people",
    operation_id = "whoAmI",
    responses((status = 200, description = "Who asks.", body = Me))
)]
pub(super) async fn me(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::WhoAmI).await)
}

/// Read the policy directory again. A bad set does not replace a good one.
#[utoipa::path(
    post,
    path = "/v1/policy/reload",
    tag = "policy",
    operation_id = "reloadPolicy",
    responses((status = 200, description = "The set that is in force now.", body = Reloaded))
)]
pub(super) async fn reload(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::ReloadPolicy).await)
}
