//! `kind = "webhook"`: the event as JSON, posted and signed.

use super::failure::Failure;
use super::http::{address, post};
use super::settings::{ca, secret};
use super::told::Told;
use crate::config::Table;
use crate::credential::{Source, fetch};
use crate::evidence::now;
use aws_lc_rs::hmac;
use gateway_core::hex::hex;
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
            ("weir-signature", signature(secret.as_bytes(), now().0 / 1_000_000_000, &body)),
        ];
        post(&url, self.ca.as_deref(), &headers, body.into_bytes()).await
    }
}

/// `t=<seconds>,v1=<HMAC-SHA256 of "t.body", in hex>`: nobody can play an old one back who looks at the time.
fn signature(secret: &[u8], seconds: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn a_signature_is_over_the_time_and_every_byte() {
        // As `printf '1700000000.{}' | openssl dgst -sha256 -hmac hunter2` has it.
        let one = signature(b"hunter2", 1_700_000_000, "{}");
        assert_eq!(one, "t=1700000000,v1=ff2f975170d2a2ea3d6177dad44d002ac729fec15c2e1053dc096496e07f8401");
        for other in [
            signature(b"hunter3", 1_700_000_000, "{}"),
            signature(b"hunter2", 1_700_000_001, "{}"),
            signature(b"hunter2", 1_700_000_000, "{ }"),
        ] {
            assert_ne!(one, other);
        }
    }
}
