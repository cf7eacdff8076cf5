//! `/v1/grants`: permissions that end by themselves.

use super::asker::Asker;
use super::holds::{ApproveRequest, ReasonRequest};
use super::{Body, Number, Past, respond};
use crate::control::{Command, Desk, GrantRequest, Say};
use axum::extract::{Query, State};
use axum::response::Response;
use gateway_core::control::grant::Wish;
use gateway_core::model::ids::{GrantId, RunId, SessionId};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A request for a grant.
#[derive(Deserialize)]
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

pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, Query(past): Query<Past>) -> Response {
    respond(desk.handle(&actor, Command::ListGrants { past: past.past }).await)
}

pub(super) async fn request(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<WishRequest>) -> Response {
    let WishRequest { workload, run, session, target, actions, tables, classes, seconds, reason } = request;
    // One run, or one session, is whoever it is.
    let narrow = run.is_some() || session.is_some();
    let workload = workload.or_else(|| narrow.then(|| "*".to_owned())).unwrap_or_default();
    let wish = Wish { workload, run, session, target, actions, tables, classes };
    respond(desk.handle(&actor, Command::RequestGrant(GrantRequest { wish, seconds, reason })).await)
}

pub(super) async fn approve(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<GrantId>,
    Body(ApproveRequest { scope, reason }): Body<ApproveRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::AnswerGrant { id, say: Say::Approve(scope), reason }).await)
}

pub(super) async fn deny(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<GrantId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::AnswerGrant { id, say: Say::Deny, reason }).await)
}

pub(super) async fn revoke(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<GrantId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::RevokeGrant { id, reason }).await)
}
