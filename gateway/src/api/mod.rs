//! The HTTP API, at the gateway's unix socket and on the web: bytes to a [`Command`](crate::control::Command), a reply to JSON.

mod alerts;
mod asker;
mod blocks;
pub mod client;
mod events;
mod glass;
mod grants;
mod holds;
mod incidents;
mod jobs;
mod looks;
mod notifiers;
pub mod openapi;
mod own;
mod owners;
mod problem;
mod query;
mod records;
mod request;
mod routes;
mod runs;
mod sessions;
mod sinks;
mod tokens;
mod unseals;
pub mod web;

use crate::control::{Command, CommandError, Desk, Peer, Reply};
use asker::Asker;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use problem::Problem;
use request::{Body, Number};
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
    UnixListener::from_std(listen(path, 0o600)?)
}

/// Listens on the daemon's socket, to which everyone may connect: what each may ask is another matter.
pub fn bind_for_all(path: &Path) -> std::io::Result<std::os::unix::net::UnixListener> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    listen(path, 0o666)
}

/// Takes the place of whatever socket is at `path` in one step: nobody finds none there. Non-blocking.
fn listen(path: &Path, mode: u32) -> std::io::Result<std::os::unix::net::UnixListener> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let fresh = PathBuf::from(fresh);
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(&fresh)?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(mode))?;
    std::fs::rename(&fresh, path)?;
    Ok(listener)
}

/// Who is at the other end of a connection: what the kernel noted when it was made.
#[derive(Clone, Copy, Debug)]
struct Caller(Peer);

impl Caller {
    /// One that can't be told.
    const NOBODY: Peer = Peer { pid: 0, uid: u32::MAX };
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self(stream.io().peer_cred().map_or(Self::NOBODY, |peer| Peer {
            pid: peer.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
            uid: peer.uid(),
        }))
    }
}

/// Lets root's requests through, and the gateway's own user's.
async fn root_alone(ConnectInfo(Caller(peer)): ConnectInfo<Caller>, request: Request, next: Next) -> Response {
    if peer.uid == 0 || peer.uid == nix::unistd::geteuid().as_raw() {
        return next.run(request).await;
    }
    Problem::new(StatusCode::FORBIDDEN, "forbidden", "only root may ask this").into_response()
}

/// Answers requests until it is told to stop; those under way get their answer first.
pub async fn serve(listener: UnixListener, desk: Desk, mut stopped: oneshot::Receiver<()>) {
    let closing = desk.clone();
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/v1/openapi.json", get(openapi::show))
        .route("/v1/jobs", get(jobs::list))
        .route("/v1/jobs/begin", post(jobs::begin))
        .route("/v1/jobs/bind", post(jobs::bind))
        .route("/v1/jobs/end", post(jobs::end))
        .route("/v1/jobs/files", get(jobs::files).layer(middleware::from_fn(root_alone)))
        .merge(routes::at_socket())
        .with_state(desk)
        .into_make_service_with_connect_info::<Caller>();
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
    closing.close();
    drop(last_call);
    if tokio::time::timeout(FAREWELL, serving).await.is_err() {
        tracing::warn!("a client of the control socket did not let go in time");
    }
}

async fn health(State(desk): State<Desk>, Asker(actor): Asker) -> Response {
    match desk.handle(&actor, Command::Health).await {
        Ok(Reply::Health(health)) if !health.is_well() => (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response(),
        other => respond(other),
    }
}

fn respond(result: Result<Reply, CommandError>) -> Response {
    match result {
        Ok(reply) => Json(reply).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}
