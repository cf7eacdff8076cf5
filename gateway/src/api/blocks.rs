//! `/v1/blocks`: refusals by name.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::request::Pages;
use super::{Body, Number, respond};
use crate::control::{BlockAdded, BlockRequest, Command, Desk, Standing};
use axum::extract::State;
use axum::response::Response;
use gateway_core::control::block::Subject;
use gateway_core::model::ids::BlockId;
use serde::Deserialize;
use utoipa::ToSchema;

/// A wish for a block.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddRequest {
    subject: Subject,
    #[serde(default)]
    seconds: Option<u64>,
    reason: String,
    #[serde(default)]
    dry_run: bool,
}

/// Which blocks are there?
#[utoipa::path(
    get,
    path = "/v1/blocks",
    tag = "blocks",
    operation_id = "listBlocks",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many of those that are over are looked at."),
        ("before" = Option<BlockId>, Query, description = "Only those that are over, and older than this one: the header `Link` has the next page."),
    ),
    responses((
        status = 200,
        description = "Those in force, and of the newest `past` those that are over.",
        body = Vec<Standing>
    ))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<BlockId>) -> Response {
    let page = pages.page(BlockId::number);
    pages.respond(desk.handle(&actor, Command::ListBlocks(page)).await)
}

/// Refuse by name, and cut what is live.
#[utoipa::path(
    post,
    path = "/v1/blocks",
    tag = "blocks",
    operation_id = "addBlock",
    request_body = AddRequest,
    responses((status = 200, description = "The block, and what it cut or would cut.", body = BlockAdded))
)]
pub(super) async fn add(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<AddRequest>) -> Response {
    let AddRequest { subject, seconds, reason, dry_run } = request;
    let request = BlockRequest { subject, seconds, reason };
    respond(desk.handle(&actor, Command::AddBlock { request, dry_run }).await)
}

/// End a block.
#[utoipa::path(
    post,
    path = "/v1/blocks/{id}/lift",
    tag = "blocks",
    operation_id = "liftBlock",
    params(("id" = BlockId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = Standing))
)]
pub(super) async fn lift(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<BlockId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::LiftBlock { id, reason }).await)
}
