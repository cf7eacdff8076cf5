//! An HTTP server whose end is a crash: every connection is cut where it is.

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What was asked, whole.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) query: String,
    parts: hyper::http::request::Parts,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A status with a body; `None`: what was asked was done, and the answer is lost on its way.
pub(super) type Said = Option<(u16, String)>;
type Handler = Arc<dyn Fn(&Asked) -> Said + Send + Sync>;

/// The server, on a port of its own that it keeps.
pub(super) struct HttpServer {
    pub(super) port: u16,
    handler: Handler,
    running: Option<Runtime>,
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpServer({})", self.port)
    }
}

impl HttpServer {
    pub(super) fn start(handler: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let mut server = Self { port: 0, handler: Arc::new(handler), running: None };
        server.again();
        server
    }

    /// Begins to listen, where it did before.
    pub(super) fn again(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let listener = listen(self.port);
        self.port = listener.local_addr().expect("a bound socket has an address").port();
        let handler = Arc::clone(&self.handler);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("it does not block");
            while let Ok((tcp, _)) = listener.accept().await {
                let handler = Arc::clone(&handler);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, Arc::clone(&handler)));
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await.ok();
                });
            }
        });
        self.running = Some(runtime);
    }

    pub(super) fn kill(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.running.take() {
            // It may be dropped where nothing may wait.
            runtime.shutdown_background();
        }
    }
}

/// At this port of 127.0.0.1, or any with 0; whatever runtime this is called in.
pub(super) fn listen(port: u16) -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    listener.set_nonblocking(true).expect("a socket can be set so");
    listener
}

/// Lost on its way: the connection ends without an answer.
#[derive(Debug)]
struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lost")
    }
}

impl std::error::Error for Lost {}

async fn answer(request: Request<Incoming>, handler: Handler) -> Result<Response<Full<Bytes>>, Lost> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Lost)?.to_bytes().to_vec();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
    let (status, text) = handler(&Asked { path, query, parts, body }).ok_or(Lost)?;
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    Ok(response)
}
