//! A request's body whose rest is read even where nobody wants it: a client of HTTP/2 whose stream is reset while it still sends
//! may lose the answer with it.

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes that are read for nobody, and how long that may take.
const BYTES: usize = super::BODY;
const PATIENCE: Duration = Duration::from_secs(5);

/// A body, read to its end.
pub(super) struct Rest(Option<Incoming>);

impl Rest {
    pub(super) fn of(body: Incoming) -> Body {
        Body::new(Self(Some(body)))
    }
}

impl HttpBody for Rest {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.0.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        tokio::spawn(tokio::time::timeout(PATIENCE, read(body)));
    }
}

/// Reads to the end, or as much as is read for nobody.
async fn read(mut body: Incoming) {
    let mut left = BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        match frame.data_ref().map(|data| left.checked_sub(data.len())) {
            Some(None) => return,
            Some(Some(less)) => left = less,
            None => {}
        }
    }
}
