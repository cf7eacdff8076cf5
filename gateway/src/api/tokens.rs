//! `/v1/tokens`: with what the API may be asked from elsewhere.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::request::Pages;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, Scoped, ShownToken, TokenMade, TokenRequest};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::TokenId;
use serde::Deserialize;
use utoipa::ToSchema;

/// A wish for a token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MakeRequest {
    name: String,
    roles: Vec<Scoped>,
    seconds: u64,
}

/// Which tokens are there?
#[utoipa::path(
    get,
    path = "/v1/tokens",
    tag = "tokens",
    operation_id = "listTokens",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many of those that are over are looked at."),
        ("before" = Option<TokenId>, Query, description = "Only those that are over, and older than this one: the header `Link` has the next page."),
    ),
    responses((
        status = 200,
        description = "Those that are good, and of the newest `past` those that are over.",
        body = Vec<ShownToken>
    ))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<TokenId>) -> Response {
    let page = pages.page(TokenId::number);
    pages.respond(desk.handle(&actor, Command::ListTokens(page)).await)
}

/// Make a token with which the API may be asked.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    tag = "tokens",
    operation_id = "makeToken",
    request_body = MakeRequest,
    responses((status = 200, description = "The token, shown this once.", body = TokenMade))
)]
pub(super) async fn make(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<MakeRequest>) -> Response {
    let MakeRequest { name, roles, seconds } = request;
    respond(desk.handle(&actor, Command::MakeToken(TokenRequest { name, roles, seconds })).await)
}

/// End a token.
#[utoipa::path(
    post,
    path = "/v1/tokens/{id}/revoke",
    tag = "tokens",
    operation_id = "revokeToken",
    params(("id" = TokenId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = ShownToken))
)]
pub(super) async fn revoke(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<TokenId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::RevokeToken { id, reason }).await)
}
