//! `Idempotency-Key`: a request that is sent again is answered again, and not done again.

use super::BODY;
use crate::api::problem::Problem;
use crate::control::{Actor, Desk, Once};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is one of before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Letters that a key may have.
const LETTERS: usize = 128;
/// What is shown once is not kept to be shown again.
const SECRETS: [&str; 2] = ["/v1/tokens", "/v1/break-glass/codes"];

/// Does what has a key once in 24 hours.
pub(super) async fn once(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let key = match key(&request) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    let Some(actor) = request.extensions().get::<Actor>().cloned() else { return Problem::unknown().into_response() };
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY).await else {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the request's body is too large").into_response();
    };
    let asked = format!("{} {}\n{}", head.method, head.uri, String::from_utf8_lossy(&body));
    let (ticket, once) = match desk.once(&actor, &key, &asked).await {
        Ok(taken) => taken,
        Err(error) => return Problem::from(error).into_response(),
    };
    match once {
        Once::Fresh => {}
        Once::Answered { status, body } => return again(status, body),
        Once::Other => {
            let what = "this Idempotency-Key was used for another request: make a new one for each";
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-used", what).into_response();
        }
        Once::Unknown => {
            let what =
                "a request with this Idempotency-Key was begun, and its answer can't be told again: look whether it was done";
            return Problem::new(StatusCode::CONFLICT, "key-begun", what).into_response();
        }
    }
    let secret = SECRETS.contains(&head.uri.path());
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_else(|_broken| Bytes::new());
    let answer = match (head.status.is_success(), std::str::from_utf8(&body)) {
        // What was refused may be asked again.
        (false, _) => Some(None),
        (true, Ok(text)) if !secret && text.len() <= BODY => Some(Some((head.status.as_u16(), text.to_owned()))),
        (true, _) => None,
    };
    if let Some(answer) = answer
        && let Err(error) = desk.answered(ticket, answer).await
    {
        tracing::warn!(%error, "what a request with a key was answered with can't be remembered");
    }
    Response::from_parts(head, Body::from(body))
}

fn again(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn key(request: &Request) -> Result<Option<String>, Problem> {
    let mut all = request.headers().get_all(KEY).iter();
    let Some(key) = all.next().filter(|_| request.method() == Method::POST) else { return Ok(None) };
    let text = key.to_str().ok().filter(|key| (1..=LETTERS).contains(&key.len()) && all.next().is_none());
    let what = || format!("an Idempotency-Key is one of 1 to {LETTERS} letters of ASCII");
    text.map(|key| Some(key.to_owned())).ok_or_else(|| Problem::bad_request(what()))
}
