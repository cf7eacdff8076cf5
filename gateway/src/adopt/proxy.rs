//! The proxy: accepts the job's connections, sorts and rewrites requests, passes streams through.

use super::AdoptSettings;
use super::create::{self, Adoption, LABEL};
use super::engine::{Body, Engine, empty};
use super::others;
use super::query::with_filters;
use super::refusal::Refused;
use super::route::{Route, route};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest request that is read as a whole, in bytes.
const REQUEST_MAX: usize = 1 << 20;
/// Connections of one job at a time.
const CONNECTIONS_MAX: usize = 128;
/// How long a client may take to send a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// Who is told of refusals: what was refused, and why.
pub type Refusals = Box<dyn Fn(&str, &str) + Send + Sync>;

/// The proxy of one run.
pub struct Adopter {
    settings: AdoptSettings,
    engine: Engine,
    refused: Refusals,
}

impl std::fmt::Debug for Adopter {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Adopter").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Adopter {
    /// One with these settings; `refused` is told of each refusal.
    #[must_use]
    pub fn new(settings: AdoptSettings, refused: Refusals) -> Self {
        let engine = Engine::at(settings.engine.clone());
        Self { settings, engine, refused }
    }

    /// Serves until the surrounding task is aborted.
    pub async fn serve(self: Arc<Self>, listener: UnixListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let adopter = Arc::clone(&self);
                    tokio::spawn(async move {
                        adopter.connection(stream, Arc::new(place)).await;
                    });
                }
                Err(error) => {
                    tracing::error!(%error, "the job's container socket can't accept a connection");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: UnixStream, place: Arc<OwnedSemaphorePermit>) {
        if !self.is_the_job(&stream) {
            (self.refused)("the container socket", "a process outside the job opened it");
            return;
        }
        let service = service_fn(move |mut request: Request<Incoming>| {
            let adopter = Arc::clone(&self);
            // A stream outlives its request's connection, and counts as one.
            request.extensions_mut().insert(Arc::clone(&place));
            async move { Ok::<_, Infallible>(adopter.answer(request).await) }
        });
        let served = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        if let Err(error) = served.await {
            tracing::debug!(%error, "a connection to the job's container socket ended early");
        }
    }

    /// Whether the process at the other end is in the job's cgroup, or below it.
    fn is_the_job(&self, stream: &UnixStream) -> bool {
        let cgroup = stream.peer_cred().ok().and_then(|peer| peer.pid()).and_then(cgroup_of);
        cgroup.is_some_and(|cgroup| Path::new(&cgroup).starts_with(&self.settings.cgroup))
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match self.handle(request).await {
            Ok(response) => response,
            Err(Refusal { status, refused }) => {
                (self.refused)(&refused.what, &refused.why);
                said(status, refused.body())
            }
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let path = request.uri().path().to_owned();
        let route = route(request.method(), &path)?;
        match route {
            Route::Pass => self.pass(request, None).await,
            Route::Pull if self.settings.pull => self.pass(request, None).await,
            Route::Pull => Err(Refused::new(
                "the image's download",
                "the engine would fetch it outside the job: load it (docker load), or allow it (weir run --containers-pull)",
            )
            .into()),
            Route::Create => self.create(request).await,
            Route::List => {
                let label = format!("{LABEL}={}", self.settings.run);
                let query = with_filters(request.uri().query(), &label)?;
                self.pass(request, Some(format!("{path}?{query}"))).await
            }
            Route::Container(name) => {
                let id = self.own(&name).await?;
                let starts = path.ends_with("/start") || path.ends_with("/restart");
                let to =
                    with_query(&path.replacen(&format!("/containers/{name}"), &format!("/containers/{id}"), 1), request.uri());
                let response = self.pass(request, Some(to)).await?;
                if starts && response.status().is_success() {
                    self.verify(&id).await?;
                }
                Ok(response)
            }
            Route::ExecCreate(name) => {
                let id = self.own(&name).await?;
                let to =
                    with_query(&path.replacen(&format!("/containers/{name}"), &format!("/containers/{id}"), 1), request.uri());
                self.rewritten(request, Some(to), others::exec).await
            }
            Route::Exec(exec) => {
                let found =
                    self.engine.ask(&format!("/exec/{exec}/json")).await?.ok_or_else(|| missing("exec instance", &exec))?;
                let container = found["ContainerID"].as_str().unwrap_or_default();
                self.own(container).await.map_err(|_| missing("exec instance", &exec))?;
                self.pass(request, None).await
            }
            Route::NetworkCreate => self.rewritten(request, None, |body| others::network(body, &self.settings.run)).await,
            Route::Network(name) => {
                let found = self.engine.ask(&format!("/networks/{name}")).await?;
                if found.is_none_or(|found| found["Labels"][LABEL] != self.settings.run.as_str()) {
                    return Err(missing("network", &name));
                }
                self.pass(request, None).await
            }
            Route::NetworkJoin => {
                let (parts, body) = request.into_parts();
                let (container, mut made) = others::joined(&whole(body).await?)?;
                made.insert("Container".to_owned(), json!(self.own(&container).await?));
                self.send(parts, None, full(others::written(made)?)).await
            }
            Route::VolumeCreate => self.rewritten(request, None, |body| others::volume(body, &self.settings.run)).await,
            Route::Volume(name) => {
                let own = create::volume_name(&name, &self.settings.run);
                let to = with_query(&path.replacen(&format!("/volumes/{name}"), &format!("/volumes/{own}"), 1), request.uri());
                self.pass(request, Some(to)).await
            }
        }
    }

    async fn create(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let known = |pair: &str| pair.is_empty() || pair.starts_with("name=") || pair.starts_with("platform=");
        if !query.split('&').all(known) {
            return Err(Refused::new("the query", "weir knows only `name` and `platform`").into());
        }
        let cgroup_parent = self.engine.name_of(&self.settings.cgroup).await?;
        let (run, binds) = (self.settings.run.clone(), self.settings.binds.clone());
        let adoption = Adoption { run, cgroup_parent, binds };
        self.rewritten(request, None, |body| create::adopt(body, &adoption)).await
    }

    /// The full id of a container that is the job's own; to the job there is no other.
    async fn own(&self, name: &str) -> Result<String, Refusal> {
        let found = self.engine.ask(&format!("/containers/{name}/json")).await?;
        let own = found.as_ref().filter(|found| found["Config"]["Labels"][LABEL] == self.settings.run.as_str());
        let id = own.and_then(|found| found["Id"].as_str()).filter(|id| create::is_name(id));
        id.map(str::to_owned).ok_or_else(|| missing("container", name))
    }

    /// A container that the engine started elsewhere than asked is ended at once.
    async fn verify(&self, id: &str) -> Result<(), Refusal> {
        // One that can't be asked for is ended as well.
        if let Ok(found) = self.engine.ask(&format!("/containers/{id}/json")).await {
            let pid = found.as_ref().and_then(|found| found["State"]["Pid"].as_i64()).unwrap_or(0);
            // One that has ended already is nowhere.
            let Some(cgroup) = i32::try_from(pid).ok().filter(|&pid| pid > 0).and_then(cgroup_of) else { return Ok(()) };
            if Path::new(&cgroup).starts_with(&self.settings.cgroup) {
                return Ok(());
            }
        }
        let kill = Request::post(format!("/containers/{id}/kill")).header(hyper::header::HOST, "weir").body(empty());
        if let Ok(kill) = kill {
            self.engine.send(kill).await?;
        }
        Err(Refused::new("the container", "the engine did not start it in the job's cgroup; it has been killed").into())
    }

    /// Reads the body, has it rewritten, and sends the result.
    async fn rewritten(
        &self,
        request: Request<Incoming>,
        to: Option<String>,
        rewrite: impl FnOnce(&[u8]) -> Result<Vec<u8>, Refused>,
    ) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let made = rewrite(&whole(body).await?)?;
        self.send(parts, to, full(made)).await
    }

    async fn pass(&self, request: Request<Incoming>, to: Option<String>) -> Result<Response<Body>, Refusal> {
        if opens_a_stream(&request) {
            return self.hijack(request, to).await;
        }
        let (parts, body) = request.into_parts();
        self.send(parts, to, body.boxed()).await
    }

    async fn send(&self, parts: hyper::http::request::Parts, to: Option<String>, body: Body) -> Result<Response<Body>, Refusal> {
        let known_length = hyper::body::Body::size_hint(&body).exact();
        let mut request = towards_engine(&parts, to, body)?;
        request.headers_mut().remove(CONTENT_LENGTH);
        if let Some(length) = known_length {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut answer = self.engine.send(request).await?;
        without_hop(answer.headers_mut());
        Ok(answer.map(BodyExt::boxed))
    }

    /// Attach and exec: after the answer 101 both ends speak freely.
    async fn hijack(&self, mut request: Request<Incoming>, to: Option<String>) -> Result<Response<Body>, Refusal> {
        let place = request.extensions_mut().remove::<Arc<OwnedSemaphorePermit>>();
        let towards_job = hyper::upgrade::on(&mut request);
        let protocol = request.headers().get(UPGRADE).cloned();
        let (parts, body) = request.into_parts();
        // What the job sends before it is answered is its request's body, and short: exec's options.
        let body = full(whole(body).await?.to_vec());
        let mut asked = towards_engine(&parts, to, body)?;
        asked.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Some(protocol) = protocol {
            asked.headers_mut().insert(UPGRADE, protocol);
        }
        let mut answer = self.engine.send(asked).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            without_hop(answer.headers_mut());
            return Ok(answer.map(BodyExt::boxed));
        }
        let towards_engine = hyper::upgrade::on(&mut answer);
        tokio::spawn(async move {
            let (Ok(job), Ok(engine)) = (towards_job.await, towards_engine.await) else { return };
            let (mut job, mut engine) = (TokioIo::new(job), TokioIo::new(engine));
            if let Err(error) = tokio::io::copy_bidirectional(&mut job, &mut engine).await {
                tracing::debug!(%error, "a container's stream ended early");
            }
            drop(place);
        });
        let (parts, _) = answer.into_parts();
        Ok(Response::from_parts(parts, empty()))
    }
}

/// A refusal, and the status that it is told with.
struct Refusal {
    status: StatusCode,
    refused: Refused,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self { status: StatusCode::FORBIDDEN, refused }
    }
}

/// Whether a request is to become a stream: only where it is one of a container's own. Any other upgrade (`h2c`) would be a
/// way to the engine itself that nobody reads, and is not passed on.
fn opens_a_stream<B>(request: &Request<B>) -> bool {
    let wanted = request.headers().get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"tcp"));
    let path = request.uri().path();
    wanted && (path.ends_with("/attach") || (path.contains("/exec/") && path.ends_with("/start")))
}

fn missing(what: &str, name: &str) -> Refusal {
    Refusal {
        status: StatusCode::NOT_FOUND,
        refused: Refused::new(&format!("{what} {name}"), "No such container among this run's own"),
    }
}

fn said(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed()
}

async fn whole(body: Incoming) -> Result<Bytes, Refusal> {
    let read = Limited::new(body, REQUEST_MAX).collect().await;
    read.map(http_body_util::Collected::to_bytes).map_err(|_| Refused::new("body", "it is too long, or cut").into())
}

fn towards_engine(parts: &hyper::http::request::Parts, to: Option<String>, body: Body) -> Result<Request<Body>, Refusal> {
    let odd = || Refused::new("the path", "it can't be asked for");
    let same = || parts.uri.path_and_query().map(ToString::to_string);
    let uri: Uri = to.or_else(same).ok_or_else(odd)?.parse().map_err(|_| odd())?;
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = parts.headers.clone();
    without_hop(request.headers_mut());
    Ok(request)
}

/// What is between two ends of one connection only.
fn without_hop(headers: &mut HeaderMap) {
    for name in [CONNECTION, UPGRADE, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

fn with_query(path: &str, uri: &Uri) -> String {
    uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

/// The cgroup of a process, from the root of the hierarchy.
fn cgroup_of(pid: i32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_a_container_s_stream_or_none() {
        let asks = |path: &str, to: &str| opens_a_stream(&Request::post(path).header(UPGRADE, to).body(()).expect("plain"));
        assert!(asks("/v1.41/containers/abc/attach?stream=1", "tcp") && asks("/exec/f00/start", "TCP"));
        for (path, to) in
            [("/v1.41/containers/abc/attach", "h2c"), ("/info", "tcp"), ("/images/load", "h2c"), ("/info", "tcp, h2c")]
        {
            assert!(!asks(path, to), "{path} {to}");
        }
    }
}
