//! `/v1/grants`: permissions that end by themselves.

use super::asker::Asker;
use super::holds::{ApproveRequest, ReasonRequest};
use super::request::Pages;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, GrantRequest, GrantShown, Lease, Say};
use axum::extract::State;
use axum::response::Response;
use gateway_core::control::grant::Wish;
use gateway_core::model::ids::{GrantId, RunId, SessionId};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A request for a grant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WishRequest {
    #[serde(default)]
    workload: Option<String>,
    #[serde(default)]
    run: Option<RunId>,
    #[serde(default)]
    session: Option<SessionId>,
    target: String,
    actions: BTreeSet<String>,
    #[serde(default)]
    tables: Vec<String>,
    #[serde(default)]
    classes: Vec<String>,
    seconds: u64,
    reason: String,
}

/// Which grants are asked for, given and over?
#[utoipa::path(
    get,
    path = "/v1/grants",
    tag = "grants",
    operation_id = "listGrants",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many of those that are over are looked at."),
        ("before" = Option<GrantId>, Query, description = "Only those that are over, and older than this one: the header `Link` has the next page."),
    ),
    responses((
        status = 200,
        description = "Those asked for and given, and of the newest `past` those that are over.",
        body = Vec<Lease>
    ))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<GrantId>) -> Response {
    let page = pages.page(GrantId::number);
    pages.respond(desk.handle(&actor, Command::ListGrants(page)).await)
}

/// Ask for more than policy gives.
#[utoipa::path(
    post,
    path = "/v1/grants",
    tag = "grants",
    operation_id = "requestGrant",
    request_body = WishRequest,
    responses((status = 200, description = "The request.", body = GrantShown))
)]
pub(super) async fn request(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<WishRequest>) -> Response {
    let WishRequest { workload, run, session, target, actions, tables, classes, seconds, reason } = request;
    // One run, or one session, is whoever it is.
    let narrow = run.is_some() || session.is_some();
    let workload = workload.or_else(|| narrow.then(|| "*".to_owned())).unwrap_or_default();
    let wish = Wish { workload, run, session, target, actions, tables, classes };
    respond(desk.handle(&actor, Command::RequestGrant(GrantRequest { wish, seconds, reason })).await)
}

/// Give it.
#[utoipa::path(
    post,
    path = "/v1/grants/{id}/approve",
    tag = "grants",
    operation_id = "approveGrant",
    params(("id" = GrantId, Path, description = "Which.")),
    request_body = ApproveRequest,
    responses((status = 200, description = "It, as it is then.", body = GrantShown))
)]
pub(super) async fn approve(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<GrantId>,
    Body(ApproveRequest { scope, reason }): Body<ApproveRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::AnswerGrant { id, say: Say::Approve(scope), reason }).await)
}

/// Do not give it.
#[utoipa::path(
    post,
    path = "/v1/grants/{id}/deny",
    tag = "grants",
    operation_id = "denyGrant",
    params(("id" = GrantId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = GrantShown))
)]
pub(super) async fn deny(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<GrantId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::AnswerGrant { id, say: Say::Deny, reason }).await)
}

/// End it at once.
#[utoipa::path(
    post,
    path = "/v1/grants/{id}/revoke",
    tag = "grants",
    operation_id = "revokeGrant",
    params(("id" = GrantId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = GrantShown))
)]
pub(super) async fn revoke(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<GrantId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::RevokeGrant { id, reason }).await)
}
