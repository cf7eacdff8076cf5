//! `/v1/unseals`: sealed layers are opened by one person because another one agrees.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::request::Pages;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, UnsealCommand, UnsealRequest, Unsealing};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::UnsealId;

/// Who asks to open a sealed layer, and who has?
#[utoipa::path(
    get,
    path = "/v1/unseals",
    tag = "unseals",
    operation_id = "listUnseals",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many of those that are over are looked at."),
        ("before" = Option<UnsealId>, Query, description = "Only those that are over, and older than this one: the header `Link` has the next page."),
    ),
    responses((status = 200, description = "Those that wait or are approved, and of the newest `past` those that are over.", body = Vec<Unsealing>))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<UnsealId>) -> Response {
    let page = pages.page(UnsealId::number);
    pages.respond(desk.handle(&actor, Command::ListUnseals(page)).await)
}

/// How is this request?
#[utoipa::path(
    get,
    path = "/v1/unseals/{id}",
    tag = "unseals",
    operation_id = "showUnseal",
    params(("id" = UnsealId, Path, description = "Which.")),
    responses((status = 200, description = "It.", body = Unsealing))
)]
pub(super) async fn show(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<UnsealId>) -> Response {
    respond(desk.handle(&actor, Command::Unseal(UnsealCommand::Show(id))).await)
}

/// Ask to open the sealed layer of a session. Asked again by the same person it is the request that there is.
#[utoipa::path(
    post,
    path = "/v1/unseals",
    tag = "unseals",
    operation_id = "askUnseal",
    request_body = UnsealRequest,
    responses((status = 200, description = "The request.", body = Unsealing))
)]
pub(super) async fn ask(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<UnsealRequest>) -> Response {
    respond(desk.handle(&actor, Command::Unseal(UnsealCommand::Ask(request))).await)
}

/// Agree: for an auditor or an approver who is not whoever asked.
#[utoipa::path(
    post,
    path = "/v1/unseals/{id}/approve",
    tag = "unseals",
    operation_id = "approveUnseal",
    params(("id" = UnsealId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = Unsealing))
)]
pub(super) async fn approve(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<UnsealId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::Unseal(UnsealCommand::Answer { id, yes: true, reason })).await)
}

/// Do not agree.
#[utoipa::path(
    post,
    path = "/v1/unseals/{id}/deny",
    tag = "unseals",
    operation_id = "denyUnseal",
    params(("id" = UnsealId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = Unsealing))
)]
pub(super) async fn deny(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<UnsealId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::Unseal(UnsealCommand::Answer { id, yes: false, reason })).await)
}

/// Take what was approved, once: for whoever asked. The log has it before the answer is made.
#[utoipa::path(
    post,
    path = "/v1/unseals/{id}/release",
    tag = "unseals",
    operation_id = "releaseUnseal",
    params(("id" = UnsealId, Path, description = "Which.")),
    responses((status = 200, description = "It, as it is then.", body = Unsealing))
)]
pub(super) async fn release(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<UnsealId>) -> Response {
    respond(desk.handle(&actor, Command::Unseal(UnsealCommand::Release(id))).await)
}
