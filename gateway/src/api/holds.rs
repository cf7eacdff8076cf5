//! `/v1/holds`: what waits for people, and their answers.

use super::asker::Asker;
use super::request::Pages;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, Hold, Say, Scope};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::HoldId;
use serde::Deserialize;
use utoipa::ToSchema;

/// A yes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveRequest {
    #[serde(default)]
    pub(super) scope: Scope,
    pub(super) reason: String,
}

/// A no, or an end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonRequest {
    pub(super) reason: String,
}

/// Which operations and connections wait for people, and which have waited?
#[utoipa::path(
    get,
    path = "/v1/holds",
    tag = "holds",
    operation_id = "listHolds",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many of those that are over are looked at."),
        ("before" = Option<HoldId>, Query, description = "Only those that are over, and older than this one: the header `Link` has the next page."),
    ),
    responses((
        status = 200,
        description = "Those that wait, and of the newest `past` those that are over.",
        body = Vec<Hold>
    ))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<HoldId>) -> Response {
    let page = pages.page(HoldId::number);
    pages.respond(desk.handle(&actor, Command::ListHolds(page)).await)
}

/// What waits, who asks for it, and why?
#[utoipa::path(
    get,
    path = "/v1/holds/{id}",
    tag = "holds",
    operation_id = "showHold",
    params(("id" = HoldId, Path, description = "Which.")),
    responses((status = 200, description = "It.", body = Hold))
)]
pub(super) async fn show(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<HoldId>) -> Response {
    respond(desk.handle(&actor, Command::ShowHold(id)).await)
}

/// Say yes. What waits goes on once as many have as its policy asks for.
#[utoipa::path(
    post,
    path = "/v1/holds/{id}/approve",
    tag = "holds",
    operation_id = "approveHold",
    params(("id" = HoldId, Path, description = "Which.")),
    request_body = ApproveRequest,
    responses((status = 200, description = "It, as it is then.", body = Hold))
)]
pub(super) async fn approve(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<HoldId>,
    Body(ApproveRequest { scope, reason }): Body<ApproveRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::AnswerHold { id, say: Say::Approve(scope), reason }).await)
}

/// Say no. The job sees the reason.
#[utoipa::path(
    post,
    path = "/v1/holds/{id}/deny",
    tag = "holds",
    operation_id = "denyHold",
    params(("id" = HoldId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = Hold))
)]
pub(super) async fn deny(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<HoldId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::AnswerHold { id, say: Say::Deny, reason }).await)
}
