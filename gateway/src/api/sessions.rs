//! `/v1/sessions`: what is live, and how to end it.

use super::respond;
use crate::control::{Command, Desk, KillOrder};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::StatusCode};
use gateway_core::model::ids::SessionId;
use serde::Deserialize;

/// The body of a kill request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KillRequest {
    by: String,
    reason: String,
}

pub(super) async fn list(State(desk): State<Desk>) -> Response {
    respond(desk.handle(Command::ListSessions).await)
}

pub(super) async fn kill(State(desk): State<Desk>, Path(id): Path<String>, Json(request): Json<KillRequest>) -> Response {
    let id: SessionId = match id.parse() {
        Ok(id) => id,
        Err(error) => {
            let body = serde_json::json!({ "error": error.to_string() });
            return (StatusCode::BAD_REQUEST, Json(body)).into_response();
        }
    };
    let order = KillOrder { by: request.by, reason: request.reason };
    respond(desk.handle(Command::KillSession { id, order }).await)
}
