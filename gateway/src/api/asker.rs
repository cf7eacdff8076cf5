//! Who asks: what the kernel noted of the connection.

use super::Caller;
use crate::control::{Actor, Desk};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use std::convert::Infallible;

/// The actor behind a request.
pub(super) struct Asker(pub(super) Actor);

impl FromRequestParts<Desk> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Infallible> {
        let caller = ConnectInfo::<Caller>::from_request_parts(parts, desk).await;
        let peer = caller.map_or(Caller::NOBODY, |ConnectInfo(Caller(peer))| peer);
        Ok(Self(Actor::at_socket(desk.shared(), peer)))
    }
}
