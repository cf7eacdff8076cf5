//! One HTTPS GET to an issuer: JSON, and nothing else than 200 is an answer.

use super::failure::Failure;
use crate::https::{Client, Url};
use hyper::header::{ACCEPT, AUTHORIZATION};
use hyper::{Request, StatusCode};
use std::path::PathBuf;
use std::time::Duration;

/// How long one request may take, from the name's look-up to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);

/// What asks an issuer.
#[derive(Debug)]
pub(super) struct Fetcher(Client);

impl Fetcher {
    /// Trusts the CAs of this file, or the system's.
    pub(super) const fn new(ca: Option<PathBuf>) -> Self {
        Self(Client::new(ca, PATIENCE))
    }

    /// Gets at most `limit` bytes of JSON.
    pub(super) async fn get(&self, url: &Url, bearer: Option<&str>, limit: usize) -> Result<Vec<u8>, Failure> {
        let answer = self.0.ask(url, request(bearer)?, limit).await.map_err(Failure::unavailable)?;
        if answer.status() != StatusCode::OK {
            let place = format!("https://{}:{}", url.host(), url.port());
            return Err(Failure::unavailable(format!("{place}: it answered {}", answer.status())));
        }
        Ok(answer.into_body())
    }
}

/// Reads an address.
pub(super) fn url(text: &str) -> Result<Url, Failure> {
    Url::read(text).map_err(|why| Failure::unavailable(format!("{text:?} can't be asked: {why}")))
}

fn request(bearer: Option<&str>) -> Result<Request<Vec<u8>>, Failure> {
    let mut request = Request::get("/").header(ACCEPT, "application/json");
    if let Some(bearer) = bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
    }
    request.body(Vec::new()).map_err(|_| Failure::unavailable("the request can't be written"))
}
