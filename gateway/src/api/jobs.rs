//! `/v1/jobs`: what a job's processes and root may ask; who asks is what the kernel says of the connection.

use super::asker::Asker;
use super::{Body, Caller, respond};
use crate::control::{BeginJob, Command, Desk};
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
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

/// The token that a sign-in has brought.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BindRequest {
    token: String,
}

pub(super) async fn bind(
    State(desk): State<Desk>,
    ConnectInfo(Caller(peer)): ConnectInfo<Caller>,
    Asker(actor): Asker,
    Body(BindRequest { token }): Body<BindRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::BindShell { peer, token }).await)
}

pub(super) async fn list(
    State(desk): State<Desk>,
    ConnectInfo(Caller(peer)): ConnectInfo<Caller>,
    Asker(actor): Asker,
) -> Response {
    respond(desk.handle(&actor, Command::ListJobs { peer }).await)
}

pub(super) async fn begin(
    State(desk): State<Desk>,
    ConnectInfo(Caller(peer)): ConnectInfo<Caller>,
    Asker(actor): Asker,
    Body(request): Body<BeginRequest>,
) -> Response {
    let wish = BeginJob { pid: request.pid, name: request.name, alone: request.alone };
    respond(desk.handle(&actor, Command::BeginJob { peer, wish }).await)
}

pub(super) async fn files(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    respond(desk.handle(&actor, Command::JobFiles).await)
}

pub(super) async fn end(
    State(desk): State<Desk>,
    ConnectInfo(Caller(peer)): ConnectInfo<Caller>,
    Asker(actor): Asker,
    Body(request): Body<EndRequest>,
) -> Response {
    respond(desk.handle(&actor, Command::EndJob { peer, pid: request.pid, run: request.run }).await)
}
