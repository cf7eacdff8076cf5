//! The API's client: the command line uses nothing else to reach a running gateway.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// An answer larger than this is not one of ours.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;
/// A gateway that does not answer within this is reported, not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a gateway could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The state directory can't be read.
    #[error("cannot look for running gateways in {path}: {error}. Are you root?")]
    Directory {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The gateway did not answer as one.
    #[error("the gateway at {path} did not answer: {why}")]
    Silent {
        /// Which socket.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is no daemon.
    #[error("no daemon answers at {path}: {why}. `weir serve` is it; --socket names another place")]
    NoDaemon {
        /// Which socket.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Somebody listens who is not root's.
    #[error("user {uid} listens at {path}, and no daemon of root's: what it says counts for nothing")]
    Stranger {
        /// Which socket.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// The gateway refused.
    #[error("{0}")]
    Refused(String),
}

/// The sockets of the gateways that run on this state directory. What a crash left is removed.
pub async fn gateways(state_dir: &Path) -> Result<Vec<PathBuf>, ClientError> {
    let path = super::directory(state_dir);
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ClientError::Directory { path, error }),
    };
    let mut sockets = Vec::new();
    for entry in entries.flatten() {
        let socket = entry.path();
        match UnixStream::connect(&socket).await {
            Ok(_answers) => sockets.push(socket),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                // Nobody listens: its gateway has died. Another caller may have removed it already.
                let _removed = std::fs::remove_file(&socket).is_ok();
            }
            Err(_busy) => sockets.push(socket),
        }
    }
    sockets.sort();
    Ok(sockets)
}

/// Asks the daemon at its socket, where only root's word counts: a job could listen there as well.
pub async fn ask_daemon(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<serde_json::Value, ClientError> {
    let no_daemon = |error: std::io::Error| ClientError::NoDaemon { path: socket.to_owned(), why: error.to_string() };
    let stream = UnixStream::connect(socket).await.map_err(no_daemon)?;
    let uid = stream.peer_cred().map_err(no_daemon)?.uid();
    if uid != 0 {
        return Err(ClientError::Stranger { path: socket.to_owned(), uid });
    }
    let answer = ask_over(stream, socket, method, path, body).await?;
    answer.ok_or_else(|| ClientError::Silent { path: socket.to_owned(), why: format!("it knows no {path}") })
}

/// Sends one request and reads the JSON that comes back; `Ok(None)` is "not found here".
pub async fn ask(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<Option<serde_json::Value>, ClientError> {
    let silent = |error: std::io::Error| ClientError::Silent { path: socket.to_owned(), why: error.to_string() };
    let stream = tokio::time::timeout(PATIENCE, UnixStream::connect(socket)).await;
    let stream = stream.unwrap_or_else(|_elapsed| Err(std::io::ErrorKind::TimedOut.into())).map_err(silent)?;
    ask_over(stream, socket, method, path, body).await
}

async fn ask_over(
    stream: UnixStream,
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<Option<serde_json::Value>, ClientError> {
    let silent = |why: String| ClientError::Silent { path: socket.to_owned(), why };
    let exchange = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| silent(error.to_string()))?;
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "weir")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.map(ToString::to_string).unwrap_or_default())))
            .map_err(|error| silent(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(|error| silent(error.to_string()))?;
        let status = response.status();
        let bytes = Limited::new(response.into_body(), LARGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| silent(error.to_string()))?
            .to_bytes();
        driver.abort();
        Ok((status, bytes))
    };
    let (status, bytes) =
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_elapsed| silent("no answer in time".to_owned()))??;
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| silent(error.to_string()))?;
    match status {
        StatusCode::OK => Ok(Some(value)),
        // A gateway that is unwell says how it is.
        StatusCode::SERVICE_UNAVAILABLE if value.get("canary").is_some() => Ok(Some(value)),
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(ClientError::Refused(
            value.get("detail").and_then(serde_json::Value::as_str).unwrap_or("it gave no reason").to_owned(),
        )),
    }
}
