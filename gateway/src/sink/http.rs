//! One POST to a receiver, and what it answered; in time by whoever asks.

use super::failure::Failure;
use crate::credential::foreign;
use crate::https::{Client, Url};
use hyper::header::RETRY_AFTER;
use hyper::{Request, StatusCode};
use std::path::Path;
use std::time::Duration;

/// Longer than any sink's own `timeout_seconds`.
const PATIENCE: Duration = Duration::from_secs(150);
/// Of an answer's body: one that says how each entry of a batch went has a few hundred bytes for each.
const ANSWER_BYTES: usize = 8 << 20;

/// What a receiver answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// Whether it says yes is for who asked to judge.
    pub(super) status: StatusCode,
    /// How long it wishes to be left alone.
    pub(super) wait: Option<Duration>,
    /// The whole of it.
    pub(super) body: Vec<u8>,
}

/// Reads an address to post to. No part of it is in the error: the whole may be a secret.
pub(super) fn address(text: &str) -> Result<Url, Failure> {
    Url::read_local(text.trim()).map_err(|why| Failure::again(format!("the address can't be posted to: {why}")))
}

/// What asks, on a connection that it keeps: it trusts the CAs of this file, or the system's.
pub(super) fn client(ca: Option<&Path>) -> Client {
    Client::keeping(ca.map(Path::to_owned), PATIENCE)
}

/// Posts `body`; any answer is one.
pub(super) async fn post(client: &Client, url: &Url, headers: &[(&str, String)], body: Vec<u8>) -> Result<Answer, Failure> {
    let mut request = Request::post("/");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(body).map_err(|_| Failure::again("the request can't be written"))?;
    let answer = client.ask(url, request, ANSWER_BYTES).await.map_err(Failure::again)?;
    let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer { status: answer.status(), wait: wait.map(Duration::from_secs), body: answer.into_body() })
}

impl Answer {
    /// Where nothing of the batch was taken: what the receiver said, for an error.
    pub(super) fn failure(&self, url: &Url) -> Failure {
        let said = foreign(&String::from_utf8_lossy(self.body.get(..1024).unwrap_or(&self.body)));
        let said = if said.is_empty() { said } else { format!(": {said}") };
        Failure::Again { taken: 0, why: format!("{} answered {}{said}", url.place(), self.status), wait: self.wait }
    }
}
