//! `/scim/v2`: the directory as an identity provider keeps it here (RFC 7644). Bytes to commands, and back to resources.

mod answer;
mod discovery;
mod groups;
mod query;
mod resource;
mod users;

use super::guard::{self, Guard};
use crate::control::{Actor, Command, CommandError, Desk, DirectoryCommand, DirectoryReply, Expected, Reply};
pub(super) use answer::Failed;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::routing::get;
use gateway_core::directory::{Kind, Refused};
use serde_json::Value;
use std::str::FromStr;
use std::sync::Arc;

/// Where all of it is.
pub(super) const ROOT: &str = "/scim/v2";
/// Bytes that a body may have: a group with as many members as it may have.
const BODY: usize = 2 << 20;

/// What is below [`ROOT`], for who shows a provisioner's token.
pub(super) fn router(guard: &Arc<Guard>) -> Router<Desk> {
    let routes = Router::new()
        .route("/ServiceProviderConfig", get(discovery::service))
        .route("/ResourceTypes", get(discovery::resource_types))
        .route("/ResourceTypes/{id}", get(discovery::resource_type))
        .route("/Schemas", get(discovery::schemas))
        .route("/Schemas/{id}", get(discovery::schema))
        .route("/Users", get(users::list).post(users::make))
        .route("/Users/{id}", get(users::show).put(users::put).patch(users::patch).delete(users::remove))
        .route("/Groups", get(groups::list).post(groups::make))
        .route("/Groups/{id}", get(groups::show).put(groups::put).patch(groups::patch).delete(groups::remove))
        .fallback(nothing)
        .method_not_allowed_fallback(not_so);
    let routes = routes.layer(DefaultBodyLimit::max(BODY));
    Router::new().nest(ROOT, routes).layer(middleware::from_fn_with_state(Arc::clone(guard), guard::let_provisioner_in))
}

async fn nothing() -> Failed {
    Failed::new(StatusCode::NOT_FOUND, None, "there is nothing here")
}

async fn not_so() -> Failed {
    Failed::new(StatusCode::METHOD_NOT_ALLOWED, None, "this is not done there")
}

/// Who asks, and what they send along.
struct Asked {
    desk: Desk,
    actor: Actor,
    headers: HeaderMap,
}

impl Asked {
    /// Does what is asked of the directory.
    async fn ask(&self, command: DirectoryCommand) -> Result<DirectoryReply, Failed> {
        match self.desk.handle(&self.actor, Command::Directory(Box::new(command))).await? {
            Reply::Directory(reply) => Ok(*reply),
            _ => Err(CommandError::Broken.into()),
        }
    }

    /// The versions that the client means (RFC 9110 §13.1.1); any where it says nothing.
    fn expected(&self) -> Expected {
        let text = self.headers.get(header::IF_MATCH)?.to_str().unwrap_or_default();
        if text.trim() == "*" { None } else { Some(versions(text)) }
    }

    /// Whether the client has this version already.
    fn has(&self, version: u64) -> bool {
        let text = self.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        text.is_some_and(|text| text.trim() == "*" || versions(text).contains(&version))
    }
}

fn versions(text: &str) -> Vec<u64> {
    let one = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok();
    text.split(',').filter_map(one).collect()
}

impl FromRequestParts<Desk> for Asked {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Failed> {
        let actor = parts.extensions.get::<Actor>().cloned().ok_or_else(Failed::unknown)?;
        Ok(Self { desk: desk.clone(), actor, headers: parts.headers.clone() })
    }
}

/// The id in a path. One that is none is nobody's.
struct Id<T>(T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        let text = Path::<String>::from_request_parts(parts, state).await.map(|Path(text)| text).unwrap_or_default();
        let shown: String = text.chars().filter(|letter| !letter.is_control()).take(50).collect();
        text.parse().map(Self).map_err(|_none| Refused::new(Kind::Missing, format!("there is no {shown}")).into())
    }
}

/// A body of JSON.
struct Body(Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !["", "application/scim+json", "application/json"].contains(&kind.as_str()) {
            return Err(Failed::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, None, "a body is application/scim+json"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| match error {
            BytesRejection::FailedToBufferBody(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Failed::new(StatusCode::PAYLOAD_TOO_LARGE, None, format!("a body has at most {BODY} bytes"))
            }
            _ => Failed::from(Refused::new(Kind::Syntax, "the body can't be read")),
        })?;
        // What is wrong with it may hold what nobody is to see.
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let place = format!("the body is no JSON: line {}, column {}", error.line(), error.column());
            Refused::new(Kind::Syntax, place).into()
        })
    }
}
