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
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::oneshot;

/// How long requests under way may take once the gateway stops.
const FAREWELL: Duration = Duration::from_secs(2);

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

/// Answers requests until it is told to stop; those under way get their answer first.
pub async fn serve(listener: UnixListener, desk: Desk, mut stopped: oneshot::Receiver<()>) {
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/v1/sessions", get(sessions::list))
        .route("/v1/sessions/{id}/kill", post(sessions::kill))
        .route("/v1/policy/reload", post(reload))
        .with_state(desk);
    let (last_call, called) = oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        // A dropped sender means the same as a message.
        let _told = called.await.is_ok();
    });
    let mut serving = std::pin::pin!(serving.into_future());
    tokio::select! {
        _ = &mut stopped => {}
        result = &mut serving => {
            tracing::error!(?result, "the control socket has stopped");
            return;
        }
    }
    drop(last_call);
    if tokio::time::timeout(FAREWELL, serving).await.is_err() {
        tracing::warn!("a client of the control socket did not let go in time");
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
