//! Asking the engine itself: a connection a request, over its unix socket.

use super::refusal::Refused;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the engine may take to accept a connection, and to answer a question of weir's own.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer to a question of weir's own, in bytes.
const ANSWER_MAX: usize = 4 << 20;

/// A body on its way through.
pub(super) type Body = BoxBody<Bytes, hyper::Error>;

/// A container engine.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    socket: PathBuf,
}

impl Engine {
    pub(super) const fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Sends a request, and gives the answer as it begins to come.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Refused> {
        let failed = |error: &dyn std::fmt::Display| Refused::new("the engine", &format!("it does not answer: {error}"));
        let stream = timeout(PATIENCE, UnixStream::connect(&self.socket)).await.map_err(|error| failed(&error))?;
        let stream = stream.map_err(|error| failed(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to the container engine ended early");
            }
        });
        sender.send_request(request).await.map_err(|error| failed(&error))
    }

    /// Asks for a JSON object; nothing where the engine has no such thing.
    pub(super) async fn ask(&self, path: &str) -> Result<Option<Value>, Refused> {
        let odd = |why: &str| Refused::new("the engine", why);
        let request = Request::get(path).header(hyper::header::HOST, "weir").body(empty());
        let request = request.map_err(|_| odd("the question can't be asked"))?;
        let answer = timeout(PATIENCE, self.send(request)).await.map_err(|_| odd("it does not answer in time"))??;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(odd(&format!("it answers {status}"))),
        }
        let body = timeout(PATIENCE, Limited::new(answer.into_body(), ANSWER_MAX).collect()).await;
        let body = body.map_err(|_| odd("it does not answer in time"))?.map_err(|_| odd("its answer is too long, or cut"))?;
        serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|_| odd("its answer is no JSON"))
    }

    /// How the engine names a cgroup: below the root that it sees itself.
    pub(super) async fn name_of(&self, cgroup: &Path) -> Result<String, Refused> {
        let odd = |why: String| Refused::new("the engine", &why);
        let info = self.ask("/info").await?.ok_or_else(|| odd("it has no /info".to_owned()))?;
        if info["CgroupDriver"] != "cgroupfs" {
            return Err(
                odd("weir can adopt only containers of an engine that makes cgroups itself (driver cgroupfs)".to_owned()),
            );
        }
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| odd(format!("it does not answer: {error}")))?;
        let pid =
            stream.peer_cred().ok().and_then(|peer| peer.pid()).ok_or_else(|| odd("its process is not known".to_owned()))?;
        let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).map_err(|error| odd(error.to_string()))?;
        let root = cgroup2_root(&mounts).ok_or_else(|| odd("it has no cgroup v2".to_owned()))?;
        let below = cgroup.strip_prefix(&root).map_err(|_| odd("it can't reach the job's cgroup".to_owned()))?;
        Ok(format!("/{}", below.display()))
    }
}

pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// The root of the cgroup v2 mount, from this process's point of view (proc(5), mountinfo).
fn cgroup2_root(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let root = before.split(' ').nth(3)?;
        (after.split(' ').next()? == "cgroup2").then(|| PathBuf::from(root))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_with_a_root_of_its_own_is_understood() {
        let host = "26 20 0:22 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
        let inner = "24 1 0:20 / /proc rw - proc proc rw\n26 20 0:22 /weir-test-7 /sys/fs/cgroup rw,relatime - cgroup2 none rw\n";
        assert_eq!(cgroup2_root(host), Some(PathBuf::from("/")));
        assert_eq!(cgroup2_root(inner), Some(PathBuf::from("/weir-test-7")));
        assert_eq!(cgroup2_root("24 1 0:20 / /proc rw - proc proc rw\n"), None);
    }
}
