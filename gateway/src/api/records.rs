//! `/v1/records`: what was recorded of sessions, frame by frame, and whether it is as it was written.

use super::asker::Asker;
use super::query::{FramesQuery, RecordsQuery};
use super::request::{Question, linked};
use super::{Body, Number, respond};
use crate::control::look::{CheckedAll, CheckedRecord, Frames, Look, RecordQuery, ShownRecord, Summary};
use crate::control::{Command, Desk, PruneRequest, Removal, Reply, moment};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;

const PAGE: u32 = 50;
const FRAMES: u32 = 500;

/// Which sessions were recorded? The newest first.
#[utoipa::path(
    get,
    path = "/v1/records",
    tag = "records",
    operation_id = "listRecords",
    params(RecordsQuery),
    responses((status = 200, description = "Those that may be seen.", body = Vec<Summary>))
)]
pub(super) async fn list(State(desk): State<Desk>, Asker(actor): Asker, Question(query): Question<RecordsQuery>) -> Response {
    let RecordsQuery { limit, before, workload, target, run, owner, state, search, since, until } = query;
    let before = match before.map(|before| before.parse::<SessionId>()).transpose() {
        Ok(before) => before,
        Err(error) => return super::Problem::bad_request(error).into_response(),
    };
    let moments = [since, until].map(|text| text.map(|text| moment(&text)).transpose());
    let (since, until) = match moments {
        [Ok(since), Ok(until)] => (since, until),
        [Err(error), _] | [_, Err(error)] => return super::Problem::wrong(error).into_response(),
    };
    let limit = limit.unwrap_or(PAGE);
    let mut link = format!("/v1/records?limit={limit}");
    let [since_text, until_text] = [since, until].map(|time| time.map(exact));
    for (name, value) in [
        ("workload", &workload),
        ("target", &target),
        ("run", &run),
        ("owner", &owner),
        ("state", &state),
        ("search", &search),
        ("since", &since_text),
        ("until", &until_text),
    ] {
        if let Some(value) = value {
            let value: String = openidconnect::url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            link.push_str(&format!("&{name}={value}"));
        }
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let look = Look::Records(RecordQuery { limit, before, workload, target, run, owner, state, search, since, until });
    let result = desk.handle(&actor, Command::Look(look)).await;
    let next = result.as_ref().ok().and_then(Reply::next).map(|before| format!("{link}&before={before}"));
    linked(respond(result), next)
}

/// What is this one, in a few words?
#[utoipa::path(
    get,
    path = "/v1/records/{id}",
    tag = "records",
    operation_id = "showRecord",
    params(("id" = SessionId, Path, description = "Which.")),
    responses((status = 200, description = "Its summary and its first frame.", body = ShownRecord))
)]
pub(super) async fn show(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<SessionId>) -> Response {
    respond(desk.handle(&actor, Command::Look(Look::Record(id))).await)
}

/// Its frames, as `weir session play --format json` has them. Rows and parameters are for auditors.
#[utoipa::path(
    get,
    path = "/v1/records/{id}/frames",
    tag = "records",
    operation_id = "listFrames",
    params(("id" = SessionId, Path, description = "Which."), FramesQuery),
    responses((status = 200, description = "Those that come next.", body = Frames))
)]
pub(super) async fn frames(
    State(desk): State<Desk>,
    Asker(actor): Asker,
    Number(id): Number<SessionId>,
    Question(FramesQuery { after, limit }): Question<FramesQuery>,
) -> Response {
    let most = usize::try_from(limit.unwrap_or(FRAMES)).unwrap_or(usize::MAX);
    respond(desk.handle(&actor, Command::Look(Look::Frames { id, after, most })).await)
}

/// Is it as it was written?
#[utoipa::path(
    post,
    path = "/v1/records/{id}/verify",
    tag = "records",
    operation_id = "verifyRecord",
    params(("id" = SessionId, Path, description = "Which.")),
    responses((status = 200, description = "What was found.", body = CheckedRecord))
)]
pub(super) async fn verify(State(desk): State<Desk>, Asker(actor): Asker, Number(id): Number<SessionId>) -> Response {
    respond(desk.handle(&actor, Command::Look(Look::CheckRecord(id))).await)
}

/// Are all records as they were written, and what people decided?
#[utoipa::path(
    post,
    path = "/v1/records/verify",
    tag = "records",
    operation_id = "verifyRecords",
    responses((status = 200, description = "What was found.", body = CheckedAll))
)]
pub(super) async fn verify_all(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::Look(Look::CheckAll)).await)
}

/// Remove records that were closed so long ago: a tombstone of each stays in the log.
#[utoipa::path(
    post,
    path = "/v1/records/prune",
    tag = "records",
    operation_id = "pruneRecords",
    request_body = PruneRequest,
    responses((status = 200, description = "What went, and what was kept.", body = Removal))
)]
pub(super) async fn prune(State(desk): State<Desk>, Asker(actor): Asker, Body(request): Body<PruneRequest>) -> Response {
    respond(desk.handle(&actor, Command::Prune(request)).await)
}

/// A time as a link has it: the same one, whenever the link is followed.
fn exact(time: Timestamp) -> String {
    serde_json::to_value(time).ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}
