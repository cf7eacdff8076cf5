//! `/v1/tokens`: with what the API may be asked from elsewhere.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::{Body, Number, Past, respond};
use crate::control::{Command, Desk, Scoped, TokenRequest};
use axum::extract::{Query, State};
use axum::response::Response;
use gateway_core::model::ids::TokenId;
use serde::Deserialize;

/// A wish for a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MakeRequest {
    name: String,
    roles: Vec<Scoped>,
    seconds: u64,
}

pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, Query(past): Query<Past>) -> Response {
    respond(desk.handle(&actor, Command::ListTokens { past: past.past }).await)
}

pub(super) async fn make(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<MakeRequest>) -> Response {
    let MakeRequest { name, roles, seconds } = request;
    respond(desk.handle(&actor, Command::MakeToken(TokenRequest { name, roles, seconds })).await)
}

pub(super) async fn revoke(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<TokenId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::RevokeToken { id, reason }).await)
}
