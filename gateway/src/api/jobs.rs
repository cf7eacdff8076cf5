//! `/v1/jobs`: what a job's processes and root may ask; who asks is what the kernel says of the connection.

use super::{Caller, respond};
use crate::control::{BeginJob, Command, Desk};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use gateway_core::model::ids::RunId;
use serde::Deserialize;

/// The body of a wish for a job.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BeginRequest {
    #[serde(default)]
    pid: Option<u32>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    alone: bool,
}

/// The body of a job's end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndRequest {
    #[serde(default)]
    pid: Option<u32>,
    #[serde(default)]
    run: Option<RunId>,
}

pub(super) async fn list(State(desk): State<Desk>, ConnectInfo(Caller(peer)): ConnectInfo<Caller>) -> Response {
    respond(desk.handle(Command::ListJobs { peer }).await)
}

pub(super) async fn begin(
    State(desk): State<Desk>,
    ConnectInfo(Caller(peer)): ConnectInfo<Caller>,
    Json(request): Json<BeginRequest>,
) -> Response {
    let wish = BeginJob { pid: request.pid, name: request.name, alone: request.alone };
    respond(desk.handle(Command::BeginJob { peer, wish }).await).into_response()
}

pub(super) async fn files(State(desk): State<Desk>) -> Response {
    respond(desk.handle(Command::JobFiles).await)
}

pub(super) async fn end(
    State(desk): State<Desk>,
    ConnectInfo(Caller(peer)): ConnectInfo<Caller>,
    Json(request): Json<EndRequest>,
) -> Response {
    respond(desk.handle(Command::EndJob { peer, pid: request.pid, run: request.run }).await)
}
