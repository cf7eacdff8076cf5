//! The HTTP API over the gateway's unix socket: bytes to a [`Command`](crate::control::Command), a reply to JSON.

pub mod client;
mod sessions;

use crate::control::{Command, CommandError, Desk, Reply};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, extract::State};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Where a gateway of this state directory listens.
#[must_use]
pub fn socket_path(state_dir: &Path, pid: u32) -> PathBuf {
    directory(state_dir).join(format!("{pid}.sock"))
}

/// The directory of all gateways' sockets.
#[must_use]
pub fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("gateways")
}

/// Listens on the socket, for root alone.
pub fn bind(path: &Path) -> std::io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers requests until the listener is dropped.
pub async fn serve(listener: UnixListener, desk: Desk) {
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/v1/sessions", get(sessions::list))
        .route("/v1/sessions/{id}/kill", post(sessions::kill))
        .route("/v1/policy/reload", post(reload))
        .with_state(desk);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the control socket has stopped");
    }
}

async fn health(State(desk): State<Desk>) -> Response {
    respond(desk.handle(Command::Health).await)
}

async fn reload(State(desk): State<Desk>) -> Response {
    respond(desk.handle(Command::ReloadPolicy).await)
}

fn respond(result: Result<Reply, CommandError>) -> Response {
    match result {
        Ok(reply) => Json(reply).into_response(),
        Err(error) => {
            let status = match error {
                CommandError::NoSession(_) => StatusCode::NOT_FOUND,
                CommandError::StillDying(..) => StatusCode::GATEWAY_TIMEOUT,
                CommandError::BadPolicy(_) => StatusCode::UNPROCESSABLE_ENTITY,
            };
            (status, Json(serde_json::json!({ "error": error.to_string() }))).into_response()
        }
    }
}
