//! `/v1/break-glass`: policy set aside in an emergency.

use super::asker::Asker;
use super::request::Pages;
use super::{Body, Number, respond};
use crate::control::{Command, Desk, Glass, GlassRequest, Lift};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::GlassId;
use serde::Deserialize;

use utoipa::ToSchema;

/// An emergency.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakRequest {
    target: String,
    #[serde(default)]
    lift: Option<Lift>,
    reason: String,
    seconds: u64,
    #[serde(default)]
    codes: Vec<String>,
}

/// What somebody found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewRequest {
    finding: String,
}

/// For whom codes are made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodesRequest {
    people: Vec<String>,
}

/// When was policy set aside?
#[utoipa::path(
    get,
    path = "/v1/break-glass",
    tag = "break-glass",
    operation_id = "listGlass",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many of those that are over are looked at."),
        ("before" = Option<GlassId>, Query, description = "Only those that are over, and older than this one: the header `Link` has the next page."),
    ),
    responses((
        status = 200,
        description = "What is in force or owes a review, and of the newest `past` what is reviewed.",
        body = Vec<Glass>
    ))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<GlassId>) -> Response {
    let page = pages.page(GlassId::number);
    pages.respond(desk.handle(&actor, Command::ListGlass(page)).await)
}

/// Set policy aside in an emergency: root of the host, or two people by their codes.
#[utoipa::path(
    post,
    path = "/v1/break-glass",
    tag = "break-glass",
    operation_id = "breakGlass",
    request_body = BreakRequest,
    responses((status = 200, description = "It.", body = Glass))
)]
pub(super) async fn break_glass(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<BreakRequest>) -> Response {
    let BreakRequest { target, lift, reason, seconds, codes } = request;
    respond(desk.handle(&actor, Command::BreakGlass(GlassRequest { target, lift, reason, seconds, codes })).await)
}

/// No more of that.
#[utoipa::path(
    post,
    path = "/v1/break-glass/{id}/end",
    tag = "break-glass",
    operation_id = "endGlass",
    params(("id" = GlassId, Path, description = "Which.")),
    responses((status = 200, description = "It, as it is then.", body = Glass))
)]
pub(super) async fn end(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<GlassId>) -> Response {
    respond(desk.handle(&actor, Command::EndGlass(id)).await)
}

/// Say what was found, as somebody else who has looked at what was done.
#[utoipa::path(
    post,
    path = "/v1/break-glass/{id}/review",
    tag = "break-glass",
    operation_id = "reviewGlass",
    params(("id" = GlassId, Path, description = "Which.")),
    request_body = ReviewRequest,
    responses((status = 200, description = "It, as it is then.", body = Glass))
)]
pub(super) async fn review(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<GlassId>,
    Body(ReviewRequest { finding }): Body<ReviewRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::ReviewGlass { id, finding }).await)
}

/// Make codes by which two people can break the glass.
#[utoipa::path(
    post,
    path = "/v1/break-glass/codes",
    tag = "break-glass",
    operation_id = "makeCodes",
    request_body = CodesRequest,
    responses((status = 200, description = "The code of each, shown this once.", body = std::collections::BTreeMap<String, String>))
)]
pub(super) async fn codes(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Body(CodesRequest { people }): Body<CodesRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::MakeCodes { people }).await)
}
