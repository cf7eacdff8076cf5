//! Who asks: whom the web let in, or what the kernel noted of the connection to a socket.

use super::Caller;
use super::problem::Problem;
use crate::control::{Actor, Desk};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

/// The actor behind a request.
pub(super) struct Asker(pub(super) Actor);

impl FromRequestParts<Desk> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Problem> {
        if let Some(actor) = parts.extensions.get::<Actor>() {
            return Ok(Self(actor.clone()));
        }
        let caller = ConnectInfo::<Caller>::from_request_parts(parts, desk).await;
        let ConnectInfo(Caller(peer)) = caller.map_err(|_on_the_web| Problem::unknown())?;
        Ok(Self(Actor::at_socket(desk.shared(), peer)))
    }
}
