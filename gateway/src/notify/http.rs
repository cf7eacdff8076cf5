//! One POST to where people want to hear; in time by whoever asks.

use super::failure::Failure;
use crate::credential::foreign;
use crate::https::{Client, Url};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use std::path::Path;
use std::time::Duration;

/// Longer than any notifier's own `timeout_seconds`.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of an answer's body, which is looked at only where it says what went wrong.
const ANSWER_BYTES: usize = 4 << 10;

/// Reads an address to post to. No part of it is in the error: the whole is a secret.
pub(super) fn address(text: &str) -> Result<Url, Failure> {
    Url::read_local(text.trim()).map_err(|why| Failure::new(format!("the address can't be posted to: {why}")))
}

/// Posts JSON; 2xx is good.
pub(super) async fn post(url: &Url, ca: Option<&Path>, headers: &[(&'static str, String)], body: Vec<u8>) -> Result<(), Failure> {
    let mut request = Request::post("/").header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(body).map_err(|_| Failure::new("the request can't be written"))?;
    let client = Client::new(ca.map(Path::to_owned), PATIENCE);
    let judged = client.exchange(url, request, |answer| async { Ok(judge(answer, &url.place()).await) }).await;
    judged.map_err(Failure::new)?
}

async fn judge(answer: Response<Incoming>, place: &str) -> Result<(), Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
    let said = body.map(|body| foreign(&String::from_utf8_lossy(&body.to_bytes()))).unwrap_or_default();
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let wait = wait.filter(|_| matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE));
    let mut failure = Failure::new(format!("{place} answered {status}{said}"));
    failure.wait = wait.map(Duration::from_secs);
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_posted_to_and_http_on_this_host() {
        for (good, place) in [
            ("https://hooks.slack.example/services/T/B/x", "hooks.slack.example"),
            ("https://A.example:8443/x\n", "a.example:8443"),
            ("http://127.0.0.1:80/", "127.0.0.1:80"),
            ("http://[::1]/", "::1"),
            ("http://localhost/x", "localhost"),
        ] {
            assert_eq!(address(good).map(|url| url.place()), Ok(place.to_owned()), "{good}");
        }
        for bad in
            ["http://a.example/hunter2", "https://u:hunter2@a.example/", "hunter2", "ftp://hunter2/", "http://127.0.0.1.hunter2/"]
        {
            let failure = address(bad).expect_err(bad).to_string();
            assert!(!failure.contains("hunter2"), "{failure}");
        }
    }
}
