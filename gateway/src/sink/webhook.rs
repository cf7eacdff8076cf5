//! `kind = "webhook"`: a batch as a JSON array, posted and signed.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::http::{Answer, address, client, post};
use super::kind::Limits;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch, signature};
use crate::evidence::now;
use crate::https::{Client, Url};
use hyper::StatusCode;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to, which is a secret.
    pub url: Source,
    /// What signs: whoever has it can tell that a request is weir's.
    pub secret: Source,
    /// The CAs to trust instead of the system's.
    pub ca: Option<PathBuf>,
}

/// What posts.
pub(super) struct WebhookLink {
    settings: Webhook,
    client: Client,
}

impl Webhook {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let url = secret(table, "url", directory);
        let url =
            table.required("url", url, "where to, by reference: url = \"env:WEIR_SINK_URL\" or \"file:/etc/weir/sink.url\"");
        let signing = secret(table, "secret", directory);
        let hint = "what its requests are signed with: secret = \"env:WEIR_SINK_SECRET\" or \"file:…\"";
        let signing = table.required("secret", signing, hint);
        let ca = ca(table, directory);
        Some(Self { url: url?, secret: signing?, ca })
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits { entries: 200, bytes: 1 << 20, linger: Duration::ZERO }
    }

    pub(super) fn place(&self) -> String {
        let known = fetch(&self.url).ok().and_then(|secret| address(&secret.password).ok());
        known.map_or_else(|| self.url.to_string(), |url| url.place())
    }

    pub(super) fn secrets(&self) -> Vec<&Source> {
        vec![&self.url, &self.secret]
    }

    pub(super) async fn link(&self) -> Result<WebhookLink, Failure> {
        Ok(WebhookLink { settings: self.clone(), client: client(self.ca.as_deref()) })
    }
}

impl WebhookLink {
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let url = address(&fetch(&self.settings.url)?.password)?;
        let answer = self.post(&url, batch).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        let failure = answer.failure(&url);
        if !is_of_the_content(answer.status) {
            return Err(failure);
        }
        // One of them is at fault: which, shows when each is sent alone.
        if batch.len() == 1 {
            return Err(Failure::Refused { index: 0, why: failure.to_string() });
        }
        for (index, entry) in batch.iter().enumerate() {
            let answer = self.post(&url, std::slice::from_ref(entry)).await;
            let failure = match answer {
                Ok(answer) if answer.status.is_success() => continue,
                Ok(answer) if is_of_the_content(answer.status) => {
                    return Err(Failure::Refused { index, why: answer.failure(&url).to_string() });
                }
                Ok(answer) => answer.failure(&url),
                Err(failure) => failure,
            };
            return Err(match failure {
                Failure::Again { why, wait, .. } => Failure::Again { taken: index, why, wait },
                refused @ Failure::Refused { .. } => refused,
            });
        }
        Ok(())
    }

    async fn post(&self, url: &Url, batch: &[Entry<'_>]) -> Result<Answer, Failure> {
        let secret = fetch(&self.settings.secret)?.password;
        let texts = batch.iter().map(|entry| {
            let text = entry.numbered();
            // CEF and LEEF are lines.
            if text.starts_with('{') { text.into_owned() } else { serde_json::Value::from(&*text).to_string() }
        });
        let body = format!("[{}]", texts.collect::<Vec<_>>().join(",")).into_bytes();
        let number = |entry: Option<&Entry<'_>>| entry.map_or(0, |entry| entry.number);
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("weir-numbers", format!("{}-{}", number(batch.first()), number(batch.last()))),
            ("weir-signature", signature(secret.as_bytes(), now().0 / 1_000_000_000, &body)),
        ];
        post(&self.client, url, &headers, body).await
    }
}

/// Whether an answer says that what was sent is at fault, and will be the next time.
fn is_of_the_content(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY)
}
