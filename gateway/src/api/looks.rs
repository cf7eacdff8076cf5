//! `/v1/workloads`, `/v1/targets`, `/v1/policy`, `/v1/health`, `/v1/log` and `/v1/stats`: what there is, and how it is.

use super::asker::Asker;
use super::request::Name;
use super::{Body, respond};
use crate::control::look::{
    Chart, CheckedPolicy, HealthReport, Look, PolicyFile, PolicyInForce, PolicyVersion, ShownLog, ShownTarget, ShownVersion,
    ShownWorkload,
};
use crate::control::{Actor, Command, Desk};
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

/// Files to be checked as a policy set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckRequest {
    /// Those that end in `.toml` are cases, all others policies.
    files: Vec<PolicyFile>,
}

/// Which workloads are configured, live, or were seen lately?
#[utoipa::path(
    get,
    path = "/v1/workloads",
    tag = "workloads",
    operation_id = "listWorkloads",
    responses((status = 200, description = "Those that may be seen.", body = Vec<ShownWorkload>))
)]
pub(super) async fn workloads(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    look(&desk, &actor, Look::Workloads).await
}

/// Which targets are there?
#[utoipa::path(
    get,
    path = "/v1/targets",
    tag = "targets",
    operation_id = "listTargets",
    responses((status = 200, description = "Those that may be seen.", body = Vec<ShownTarget>))
)]
pub(super) async fn targets(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    look(&desk, &actor, Look::Targets).await
}

/// Which policy is in force?
#[utoipa::path(
    get,
    path = "/v1/policy",
    tag = "policy",
    operation_id = "showPolicy",
    responses((status = 200, description = "The set and its files.", body = PolicyInForce))
)]
pub(super) async fn policy(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    look(&desk, &actor, Look::Policy).await
}

/// Which sets were in force? The newest first.
#[utoipa::path(
    get,
    path = "/v1/policy/versions",
    tag = "policy",
    operation_id = "listPolicyVersions",
    responses((status = 200, description = "Each time that one came into force.", body = Vec<PolicyVersion>))
)]
pub(super) async fn versions(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    look(&desk, &actor, Look::PolicyVersions).await
}

/// What was the set of this hash?
#[utoipa::path(
    get,
    path = "/v1/policy/versions/{hash}",
    tag = "policy",
    operation_id = "showPolicyVersion",
    params(("hash" = String, Path, description = "Its hash.")),
    responses((status = 200, description = "Its files.", body = ShownVersion))
)]
pub(super) async fn version(State(desk): State<Desk>, Asker(actor): Asker, Name(hash): Name) -> Response {
    look(&desk, &actor, Look::PolicyVersion(hash)).await
}

/// What would be wrong with these files, and what would they decide? Nothing changes.
#[utoipa::path(
    post,
    path = "/v1/policy/check",
    tag = "policy",
    operation_id = "checkPolicy",
    request_body = CheckRequest,
    responses((status = 200, description = "What was found.", body = CheckedPolicy))
)]
pub(super) async fn check(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<CheckRequest>) -> Response {
    look(&desk, &actor, Look::CheckPolicy(request.files)).await
}

/// How is the gateway, tier by tier?
#[utoipa::path(
    get,
    path = "/v1/health",
    tag = "health",
    operation_id = "showHealth",
    responses((status = 200, description = "How it is.", body = HealthReport))
)]
pub(super) async fn health(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    look(&desk, &actor, Look::Health).await
}

/// How far does the transparency log go, who has signed it, and how far?
#[utoipa::path(
    get,
    path = "/v1/log",
    tag = "records",
    operation_id = "showLog",
    responses((status = 200, description = "How it stands, with the last checkpoint.", body = ShownLog))
)]
pub(super) async fn log(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    look(&desk, &actor, Look::Log).await
}

/// What was done over the last hour?
#[utoipa::path(
    get,
    path = "/v1/stats",
    tag = "health",
    operation_id = "showStats",
    responses((status = 200, description = "Samples, the oldest first.", body = Chart))
)]
pub(super) async fn stats(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    look(&desk, &actor, Look::Chart).await
}

async fn look(desk: &Desk, actor: &Actor, look: Look) -> Response {
    respond(desk.handle(actor, Command::Look(look)).await)
}
