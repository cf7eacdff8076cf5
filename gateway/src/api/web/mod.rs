//! The API for people elsewhere, over HTTPS: who asks is shown by a session's cookie or by a token.

mod guard;
mod headers;
mod limits;
mod once;
mod pages;
mod rest;
mod saml;
mod scim;
mod sign_in;
mod still;

use super::problem::Problem;
use super::{openapi, routes};
use crate::control::{Actor, Command, Desk, Reply, Role};
use crate::people::People;
use crate::tls::WebCertificate;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Json, Router};
use guard::Guard;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use limits::Remote;
use rest::Rest;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
pub(in crate::api) use still::Still;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;

/// Connections at once; others wait.
const MOST_CONNECTIONS: usize = 2_048;
/// How long a handshake may take, and how long a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// How long an answer may take to begin.
const ANSWER: Duration = Duration::from_secs(30);
/// Bytes that a request's body may have.
const BODY: usize = 256 << 10;
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 64 << 10;
const HEADER_BYTES_H2: u32 = 64 << 10;
/// Requests at once of one HTTP/2 connection.
const STREAMS: u32 = 64;
/// How often it is seen whether the other end of one is there.
const ALIVE: Duration = Duration::from_secs(20);
/// How long requests under way may take once the gateway stops.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long to wait after an accept that failed, as where no file may be opened any more.
const PAUSE: Duration = Duration::from_millis(100);

/// Where people come in.
pub struct Door {
    listener: std::net::TcpListener,
    certificate: Option<Arc<WebCertificate>>,
}

impl Door {
    /// Listens where `people` are to come in.
    ///
    /// # Errors
    /// Where the address is not to be had, or the certificate can't be used.
    pub fn open(people: &People) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let console = people.console();
        let certificate = console.tls.clone().map(|(chain, key)| WebCertificate::open(chain, key)).transpose()?.map(Arc::new);
        let listener = std::net::TcpListener::bind(console.listen);
        let listener = listener.with_context(|| format!("cannot listen at [console] listen = \"{}\"", console.listen))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, certificate })
    }
}

/// Answers requests until it is told to stop; those under way get their answer first.
pub async fn serve(door: Door, desk: Desk, people: Arc<People>, mut stopped: oneshot::Receiver<()>) {
    let Door { listener, certificate } = door;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "nobody can be let in from the web"),
    };
    let guard = Arc::new(Guard::new(people));
    let router = router(desk.clone(), &guard);
    let (places, farewell) = (Arc::new(Semaphore::new(MOST_CONNECTIONS)), GracefulShutdown::new());
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            _ = &mut stopped => break,
            next = next => next,
        };
        let Ok(place) = place else { break };
        match accepted {
            Ok((_, from)) if !guard.limits.connection(Remote::of(from.ip())) => {}
            Ok((stream, from)) => {
                let tls = certificate.as_ref().map(|certificate| TlsAcceptor::from(certificate.config()));
                let watcher = farewell.watcher();
                tokio::spawn(connection(stream, from, tls, router.clone(), watcher, place));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection from the web can't be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    desk.close();
    if tokio::time::timeout(FAREWELL, farewell.shutdown()).await.is_err() {
        tracing::warn!("a client of the web listener did not let go in time");
    }
}

async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
    _place: OwnedSemaphorePermit,
) {
    let Some(tls) = tls else { return exchange(stream, from, router, watcher).await };
    match tokio::time::timeout(HEAD, tls.accept(stream)).await {
        Ok(Ok(stream)) => exchange(stream, from, router, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, %from, "no TLS from the web"),
        Err(_elapsed) => tracing::debug!(%from, "no TLS from the web in time"),
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: SocketAddr,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Remote::of(from.ip()));
        let request = request.map(Rest::of);
        hyper::service::Service::call(&router, request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(HEADERS).max_buf_size(HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES_H2)
        .keep_alive_interval(Some(ALIVE))
        .keep_alive_timeout(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, %from, "a connection from the web has broken");
    }
}

/// All that is to be had on the web.
fn router(desk: Desk, guard: &Arc<Guard>) -> Router {
    let known = routes::all()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(&route.path(), needs(route.role, route.handler())));
    let known = known.layer(middleware::from_fn_with_state(desk.clone(), once::once));
    // What is not there is nobody's to know who is not let in.
    let known = known.route("/v1/{*rest}", any(nothing)).layer(middleware::from_fn_with_state(Arc::clone(guard), guard::let_in));
    let open = Router::new()
        .route("/v1/openapi.json", get(openapi::show))
        .route("/auth/login", get(sign_in::login))
        .route("/auth/callback", get(sign_in::callback))
        .route("/auth/saml/login", get(saml::login))
        .route("/auth/saml/acs", post(saml::answer))
        .route("/auth/saml/metadata", get(saml::metadata))
        .route("/auth/logout", post(sign_in::logout))
        .route("/auth/device", post(sign_in::device))
        .route("/auth/device/answer", post(sign_in::device_answer))
        .with_state(Arc::clone(guard));
    let health = Router::new().route("/healthz", get(health));
    health
        .merge(known)
        .merge(scim::router(guard))
        .with_state(desk)
        .merge(open)
        .fallback(pages::page)
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(guard), guard::not_too_often))
        .layer(middleware::from_fn_with_state(Arc::clone(guard), headers::harden))
}

/// Lets those through who have this role anywhere.
fn needs(role: Role, handler: MethodRouter<Desk>) -> MethodRouter<Desk> {
    handler.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        match request.extensions().get::<Actor>() {
            Some(actor) if actor.may_somewhere(role) => next.run(request).await,
            Some(_) => {
                let what = format!("this takes the role {} somewhere, which you have nowhere", role.name());
                Problem::new(StatusCode::FORBIDDEN, "forbidden", what).into_response()
            }
            None => Problem::unknown().into_response(),
        }
    }))
}

/// Whether jobs can rely on the gateway, and no more: whoever asks is not known.
async fn health(State(desk): State<Desk>) -> Response {
    let health = desk.handle(&Actor::nobody(), Command::Health).await;
    let well = matches!(&health, Ok(Reply::Health(health)) if health.is_well());
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(serde_json::json!({ "well": well }))).into_response()
}

async fn nothing() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here").into_response()
}

async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(ANSWER, next.run(request)).await.unwrap_or_else(|_elapsed| {
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "too-slow", "the gateway could not answer in time: look whether it was done")
            .into_response()
    })
}
