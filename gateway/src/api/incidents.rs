//! `/v1/incidents` and `/v1/legal-holds`: what is known of a target, and records that nobody removes.

use super::asker::Asker;
use super::holds::ReasonRequest;
use super::query::IncidentQuery;
use super::request::{Pages, Question};
use super::{Body, Number, Problem, respond};
use crate::control::look::Look;
use crate::control::{Command, Desk, Incident, IncidentRequest, LegalHold, LegalHoldRequest, moment};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use gateway_core::model::ids::LegalHoldId;

/// What is known of a target in a time? Nothing is changed by it.
#[utoipa::path(
    get,
    path = "/v1/incidents",
    tag = "incidents",
    operation_id = "lookIntoIncident",
    params(IncidentQuery),
    responses((status = 200, description = "It.", body = Incident))
)]
pub(super) async fn show(State(desk): State<Desk>, Asker(actor): Asker, Question(query): Question<IncidentQuery>) -> Response {
    let IncidentQuery { target, since, until } = query;
    let read = |text: String| moment(&text);
    let (since, until) = match (read(since), until.map(read).transpose()) {
        (Ok(since), Ok(until)) => (since, until),
        (Err(error), _) | (_, Err(error)) => return Problem::wrong(error).into_response(),
    };
    let request = IncidentRequest { target, since, until, reason: String::new() };
    respond(desk.handle(&actor, Command::Look(Look::Incident(request))).await)
}

/// Put together what is known of a target, and hold its records.
#[utoipa::path(
    post,
    path = "/v1/incidents",
    tag = "incidents",
    operation_id = "openIncident",
    request_body = IncidentRequest,
    responses((status = 200, description = "It, with the legal hold that was set.", body = Incident))
)]
pub(super) async fn open(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<IncidentRequest>) -> Response {
    respond(desk.handle(&actor, Command::OpenIncident(request)).await)
}

/// Which legal holds are there?
#[utoipa::path(
    get,
    path = "/v1/legal-holds",
    tag = "incidents",
    operation_id = "listLegalHolds",
    params(
        ("past" = Option<u32>, Query, maximum = 1000, description = "How many of those that are lifted are looked at."),
        ("before" = Option<LegalHoldId>, Query, description = "Only those that are lifted, and older than this one: the header `Link` has the next page."),
    ),
    responses((status = 200, description = "Those in force, and of the newest `past` those that are lifted.", body = Vec<LegalHold>))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, pages: Pages<LegalHoldId>) -> Response {
    let page = pages.page(LegalHoldId::number);
    pages.respond(desk.handle(&actor, Command::ListLegalHolds(page)).await)
}

/// Keep records whatever their time of keeping says.
#[utoipa::path(
    post,
    path = "/v1/legal-holds",
    tag = "incidents",
    operation_id = "setLegalHold",
    request_body = LegalHoldRequest,
    responses((status = 200, description = "It.", body = LegalHold))
)]
pub(super) async fn set(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<LegalHoldRequest>) -> Response {
    respond(desk.handle(&actor, Command::SetLegalHold(request)).await)
}

/// Let records go again.
#[utoipa::path(
    post,
    path = "/v1/legal-holds/{id}/lift",
    tag = "incidents",
    operation_id = "liftLegalHold",
    params(("id" = LegalHoldId, Path, description = "Which.")),
    request_body = ReasonRequest,
    responses((status = 200, description = "It, as it is then.", body = LegalHold))
)]
pub(super) async fn lift(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<LegalHoldId>,
    Body(ReasonRequest { reason }): Body<ReasonRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::LiftLegalHold { id, reason }).await)
}
