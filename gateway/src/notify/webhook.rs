//! `kind = "webhook"`: the event as JSON, posted and signed.

use super::failure::Failure;
use super::http::{address, post};
use super::told::Told;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch, signature};
use crate::evidence::now;
use std::path::{Path, PathBuf};

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

impl Webhook {
    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let url = secret(table, "url", directory);
        let url =
            table.required("url", url, "where to, by reference: url = \"env:WEIR_HOOK_URL\" or \"file:/etc/weir/hook.url\"");
        let signing = secret(table, "secret", directory);
        let hint = "what its requests are signed with: secret = \"env:WEIR_HOOK_SECRET\" or \"file:…\"";
        let signing = table.required("secret", signing, hint);
        let ca = ca(table, directory);
        Some(Self { url: url?, secret: signing?, ca })
    }

    pub(super) async fn send(&self, told: &Told<'_>) -> Result<(), Failure> {
        let url = address(&fetch(&self.url)?.password)?;
        let secret = fetch(&self.secret)?.password;
        let body = told.json().to_string();
        let headers = [
            ("weir-event", told.event.kind.name().to_owned()),
            ("weir-delivery", told.id()),
            ("weir-signature", signature(secret.as_bytes(), now().0 / 1_000_000_000, body.as_bytes())),
        ];
        post(&url, self.ca.as_deref(), &headers, body.into_bytes()).await
    }
}
