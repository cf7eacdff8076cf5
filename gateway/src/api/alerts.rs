//! `/v1/alerts` and `/v1/snoozes`: what detection has told, and what somebody does not want to hear of for a while.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::request::Pages;
use super::{Body, Number, respond};
use crate::control::{Alert, Command, Desk, SnoozeRequest, Snoozed};
use axum::extract::State;
use axum::response::Response;
use gateway_core::model::ids::{AlertId, SnoozeId};

/// What has detection told?
#[utoipa::path(
    get,
    path = "/v1/alerts",
    tag = "alerts",
    operation_id = "listAlerts",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many are looked at."),
        ("before" = Option<AlertId>, Query, description = "Only those that are older than this one: the header `Link` has the next page."),
    ),
    responses((status = 200, description = "The newest `past`.", body = Vec<Alert>))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<AlertId>) -> Response {
    let page = pages.page(AlertId::number);
    pages.respond(desk.handle(&actor, Command::ListAlerts(page)).await)
}

/// What was seen, what is usual, and what was done?
#[utoipa::path(
    get,
    path = "/v1/alerts/{id}",
    tag = "alerts",
    operation_id = "showAlert",
    params(("id" = AlertId, Path, description = "Which.")),
    responses((status = 200, description = "It.", body = Alert))
)]
pub(super) async fn show(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<AlertId>) -> Response {
    respond(desk.handle(&actor, Command::ShowAlert(id)).await)
}

/// What is snoozed?
#[utoipa::path(
    get,
    path = "/v1/snoozes",
    tag = "alerts",
    operation_id = "listSnoozes",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many of those that are over are looked at."),
        ("before" = Option<SnoozeId>, Query, description = "Only those that are over, and older than this one: the header `Link` has the next page."),
    ),
    responses((status = 200, description = "Those in force, and of the newest `past` those that are over.", body = Vec<Snoozed>))
)]
pub(super) async fn snoozes(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<SnoozeId>) -> Response {
    let page = pages.page(SnoozeId::number);
    pages.respond(desk.handle(&actor, Command::ListSnoozes(page)).await)
}

/// Have a rule quiet for a workload and a while: nothing is told, and nothing done.
#[utoipa::path(
    post,
    path = "/v1/snoozes",
    tag = "alerts",
    operation_id = "snooze",
    request_body = SnoozeRequest,
    responses((status = 200, description = "It.", body = Snoozed))
)]
pub(super) async fn snooze(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<SnoozeRequest>) -> Response {
    respond(desk.handle(&actor, Command::Snooze(request)).await)
}

/// Have it heard of again.
#[utoipa::path(
    post,
    path = "/v1/snoozes/{id}/lift",
    tag = "alerts",
    operation_id = "liftSnooze",
    params(("id" = SnoozeId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = Snoozed))
)]
pub(super) async fn lift(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<SnoozeId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::LiftSnooze { id, reason }).await)
}
