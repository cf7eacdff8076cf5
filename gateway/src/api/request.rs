//! The parts of a request, each refused with a problem that says what is wrong with it.

use super::problem::Problem;
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;

/// The id in a path.
pub(super) struct Number<T>(pub(super) T);

/// A body of JSON.
pub(super) struct Body<T>(pub(super) T);

/// How much of what is over a list shows.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Past {
    #[serde(default)]
    pub(super) past: usize,
}

impl<S: Send + Sync, T: FromStr<Err: Display>> FromRequestParts<S> for Number<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(Problem::bad_request)?;
        text.parse().map(Self).map_err(Problem::bad_request)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(body) = Json::from_request(request, state).await.map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Self(body))
    }
}
