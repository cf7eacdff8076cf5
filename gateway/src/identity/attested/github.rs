//! GitHub Actions: the gateway asks for a token of its own audience, with the right that the runner gave the job.

use super::failure::Failure;
use super::fetch;
use super::issuer::Issuer;
use super::strict;
use super::token::LONGEST;
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Asks for a token. The address is the job's word, so it counts only where it is one of the configured hosts:
/// else a job could have the gateway dial anything, and hand it what the runner trusted it with.
pub(super) async fn obtain(issuer: &Issuer, url: &str, bearer: &str) -> Result<Zeroizing<String>, Failure> {
    let separator = if url.contains('?') { '&' } else { '?' };
    let asked = fetch::url(&format!("{url}{separator}audience={}", escape(&issuer.settings.audience)));
    let asked = asked.map_err(|error| Failure::invalid(error.to_string()))?;
    if !issuer.settings.may_ask(&asked.host(), asked.port()) {
        let host = asked.host();
        return Err(Failure::invalid(format!(
            "it would be asked for at {host}:{}, which `request_hosts` does not have",
            asked.port()
        )));
    }
    if bearer.len() > LONGEST || !bearer.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::invalid("the right to ask for it is no token"));
    }
    let answer = issuer.fetcher.get(&asked, Some(bearer), 2 * LONGEST).await?;
    let fields = strict::object(&answer).map_err(|error| Failure::invalid(format!("the answer to asking for it: {error}")))?;
    match fields.get("value") {
        Some(Value::String(token)) => Ok(Zeroizing::new(token.clone())),
        _ => Err(Failure::invalid("the answer to asking for it has no token")),
    }
}

/// `OWNER/REPOSITORY/WORKFLOW`.
pub(super) fn path(claims: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let (owner, name) = claims.get("repository")?.split_once('/')?;
    let owned = claims.get("repository_owner").is_none_or(|claimed| claimed == owner);
    let workflow = claims.get("workflow").filter(|workflow| !workflow.is_empty())?;
    let fit = owned && !owner.is_empty() && !name.is_empty() && !name.contains('/');
    fit.then(|| vec![owner.to_owned(), name.to_owned(), workflow.clone()])
}

/// What no two jobs share.
pub(super) fn job(claims: &BTreeMap<String, String>) -> Option<String> {
    Some(format!("{}/{}", claims.get("repository_id")?, claims.get("check_run_id")?))
}

/// A value in a query (RFC 3986 §2.3: what is unreserved stays).
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_name_is_owner_repository_workflow() {
        let full = [("repository", "acme/shop"), ("repository_owner", "acme"), ("workflow", "nightly")];
        assert_eq!(path(&claims(&full)).unwrap(), ["acme", "shop", "nightly"]);
        for (name, bad) in [("repository", "acme"), ("repository", "a/b/c"), ("repository_owner", "evil"), ("workflow", "")] {
            let mut claims = claims(&full);
            claims.insert(name.to_owned(), bad.to_owned());
            assert_eq!(path(&claims), None, "{name}={bad}");
        }
    }

    #[test]
    fn an_audience_can_be_an_address() {
        assert_eq!(escape("https://weir.example/a b"), "https%3A%2F%2Fweir.example%2Fa%20b");
    }
}
