//! The parts of a request, each refused with a problem that says what is wrong with it.

use super::problem::Problem;
use super::query::PastQuery;
use super::respond;
use crate::control::{CommandError, Page, Reply};
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;

/// The id in a path.
pub(super) struct Number<T>(pub(super) T);

/// The name in a path.
pub(super) struct Name(pub(super) String);

/// What stands behind the question mark.
pub(super) struct Question<T>(pub(super) T);

/// A body of JSON.
pub(super) struct Body<T>(pub(super) T);

/// A page of a list of things with such ids.
pub(super) struct Pages<T> {
    path: String,
    past: u32,
    before: Option<T>,
}

impl<T: Copy> Pages<T> {
    pub(super) fn page(&self, number: fn(T) -> u64) -> Page {
        Page { past: usize::try_from(self.past).unwrap_or(usize::MAX), before: self.before.map(number) }
    }

    /// The list, and where it goes on.
    pub(super) fn respond(&self, result: Result<Reply, CommandError>) -> Response {
        let next = result.as_ref().ok().and_then(Reply::next);
        let next = next.map(|before| format!("{}?past={}&before={before}", self.path, self.past));
        linked(respond(result), next)
    }
}

/// An answer that says where it goes on (RFC 8288).
pub(super) fn linked(mut response: Response, next: Option<String>) -> Response {
    let link = next.and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

impl<S: Send + Sync, T: FromStr<Err: Display>> FromRequestParts<S> for Pages<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Question(PastQuery { past, before }) = Question::from_request_parts(parts, state).await?;
        let before = before.map(|text| text.parse().map_err(Problem::bad_request)).transpose()?;
        Ok(Self { path: parts.uri.path().to_owned(), past: past.unwrap_or(0), before })
    }
}

impl<S: Send + Sync, T: FromStr<Err: Display>> FromRequestParts<S> for Number<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(Problem::bad_request)?;
        text.parse().map(Self).map_err(Problem::bad_request)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(Problem::bad_request)?;
        Ok(Self(text))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Question<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let asked = Query::<T>::from_request_parts(parts, state).await;
        let Query(question) = asked.map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Self(question))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = Json::from_request(request, state).await;
        let Json(body) = read.map_err(|error| Problem::new(error.status(), "bad-request", error.body_text()))?;
        Ok(Self(body))
    }
}
