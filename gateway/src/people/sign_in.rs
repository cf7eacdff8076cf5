//! Signing in with a browser: the authorization code flow with PKCE (RFC 6749, RFC 7636, OpenID Connect Core §3.1).

use super::error::{SignInError, foreign};
use super::pending::Waiting;
use super::provider::not_given;
use super::sessions::Cookie;
use super::{People, claims, random};
use crate::credential::fingerprint;
use crate::ledger::{Account, How, Kind};
use openidconnect::core::CoreResponseType;
use openidconnect::url::Url;
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, CsrfToken, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
};
use serde_json::json;
use std::collections::BTreeSet;

/// A sign-in that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes: to the provider.
    pub location: String,
    /// What it is known by when it comes back.
    pub browser: String,
}

/// What the provider sends a browser back with.
#[derive(Debug, Default)]
pub struct Callback {
    /// The sign-in that it belongs to.
    pub state: Option<String>,
    /// What there are tokens for.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// Which provider says so (RFC 9207).
    pub issuer: Option<String>,
}

/// What an answer has to fit.
pub(super) struct Asked {
    nonce: String,
    verifier: String,
}

/// Somebody who is signed in.
#[derive(Debug)]
pub struct Arrived {
    /// Their session.
    pub cookie: Cookie,
    /// Where they wanted to go: a path here.
    pub next: String,
}

/// Somebody who is let in.
#[derive(Debug)]
pub(super) struct Admitted {
    /// The name that records have.
    pub(super) name: String,
    /// Who that is to the provider.
    pub(super) subject: String,
    /// Their groups: the provider's where it says any, else the directory's.
    pub(super) groups: BTreeSet<String>,
}

impl People {
    /// Begins a sign-in, after which the person is at `next`.
    ///
    /// # Errors
    /// Where there is no provider, or it can't be asked.
    pub async fn begin(&self, next: Option<&str>) -> Result<Begun, SignInError> {
        let provider = self.provider()?;
        let metadata = provider.metadata().await?;
        let client = provider.client(&metadata)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (state, nonce, browser) = (random()?, random()?, random()?);
        let (csrf, own_nonce) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let request = client.authorize_url(flow, move || csrf, move || own_nonce);
        let (location, ..) = request.add_scopes(provider.scopes()).set_pkce_challenge(challenge).url();
        let next = path_here(&self.console.url, next.unwrap_or("/"));
        let asked = Asked { nonce, verifier: verifier.into_secret() };
        let waiting = Waiting { browser: fingerprint(&browser), asked, next };
        self.pending.put(state, waiting);
        Ok(Begun { location: location.into(), browser })
    }

    /// Ends it: who it is, in a session of their own. The session that this browser had before, `old`, is over.
    ///
    /// # Errors
    /// Where it is not this browser's, what the provider says does not hold, or the person may nothing here.
    pub async fn finish(&self, callback: Callback, browser: Option<&str>, old: Option<&str>) -> Result<Arrived, SignInError> {
        let provider = self.provider()?;
        let state = callback.state.as_deref().ok_or(SignInError::Stale)?;
        let waiting = self.pending.take(state, browser.ok_or(SignInError::Stale)?).ok_or(SignInError::Stale)?;
        if callback.issuer.as_ref().is_some_and(|issuer| *issuer != provider.settings.issuer) {
            return Err(SignInError::Unbelievable("another provider's answer came (`iss`)".to_owned()));
        }
        if let Some(error) = &callback.error {
            return Err(SignInError::Declined(foreign(error)));
        }
        let code = callback.code.ok_or_else(|| SignInError::Unbelievable("it has neither a code nor an error".to_owned()))?;
        let metadata = provider.metadata().await?;
        let client = provider.client(&metadata)?;
        let request = client.exchange_code(AuthorizationCode::new(code));
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(waiting.asked.verifier));
        let tokens = request.request_async(&provider.http).await.map_err(not_given)?;
        let nonce = Nonce::new(waiting.asked.nonce);
        let issuer = provider.settings.issuer.as_str();
        let known = self.admitted(provider.person(&tokens, Some(&nonce)).await, issuer).await?;
        let name = known.name.clone();
        let cookie = self.open_session(known, old.map(str::to_owned), None).await?;
        self.keep_checking(fingerprint(&cookie.value), &name, tokens.refresh_token());
        Ok(Arrived { cookie, next: waiting.next })
    }

    /// Lets in who is there and has a role, and writes down who is not: whom `provider` has said it is.
    pub(super) async fn admitted(
        &self,
        found: Result<claims::Known, SignInError>,
        provider: &str,
    ) -> Result<Admitted, SignInError> {
        let found = match found {
            Ok(known) => self.placed(known).await,
            Err(error) => Err(error),
        };
        let found = found.and_then(|known| {
            if self.roles(&known.name, &known.groups).is_empty() {
                let why = "they have no role here: a [[role]] of the configuration names groups or people".to_owned();
                return Err(SignInError::Refused { who: known.name, why });
            }
            Ok(known)
        });
        if let Err(error) = &found
            && let SignInError::Refused { .. } | SignInError::Unbelievable(_) = error
        {
            let who = if let SignInError::Refused { who, .. } = error { who.clone() } else { "somebody".to_owned() };
            let details = json!({ "why": error.to_string(), "provider": provider });
            self.written(move |ledger| ledger.change(|change| change.tell(Kind::SignInRefused, &who, &who, &details))).await?;
        }
        if let Ok(admitted) = &found {
            self.returned(admitted).await?;
        }
        found
    }
}

impl People {
    /// Who it is, with their groups: as the provider says, and where it says nothing of them as the directory has them, never both.
    async fn placed(&self, known: claims::Known) -> Result<Admitted, SignInError> {
        let claims::Known { name, subject, groups } = known;
        let refused = |who: String, why: String| Err(SignInError::Refused { who, why });
        let (said, cut) = match groups {
            claims::Groups::Said(groups) => (Some(groups), None),
            claims::Groups::Unsaid => (None, None),
            claims::Groups::Cut(why) => (None, Some(why)),
        };
        let asked = name.clone();
        let left = self.left(&name).is_some_and(|departure| departure.how != How::Refused);
        let kept = self
            .written(move |ledger| {
                ledger.look(|look| {
                    let account = look.somebody_called(&asked)?;
                    let of = |account: &Account| look.groups_of(account.id);
                    let groups = account.as_ref().map(of).transpose()?;
                    let names =
                        |groups: Vec<crate::ledger::AccountGroup>| groups.into_iter().map(|group| group.group.display_name);
                    Ok(groups.map(|groups| names(groups).collect::<BTreeSet<_>>()))
                })
            })
            .await?;
        if left {
            return refused(name, "they have left: the directory has them as not active, or no more".to_owned());
        }
        match (said, kept, cut) {
            (Some(groups), ..) | (None, Some(groups), _) => Ok(Admitted { name, subject, groups }),
            (None, None, Some(why)) => refused(name, why),
            (None, None, None) => Ok(Admitted { name, subject, groups: BTreeSet::new() }),
        }
    }
}

/// The path that `next` is here; the top where it leads elsewhere.
pub(super) fn path_here(own: &str, next: &str) -> String {
    let top = || "/".to_owned();
    let plain = next.starts_with('/') && next.len() <= 2048 && !next.contains(['\\', '\r', '\n', '\t', '\0']);
    let Some(own) = Url::parse(own).ok().filter(|_| plain) else { return top() };
    match own.join(next) {
        // As a browser reads it, and never as two slashes: those begin a host.
        Ok(url) if url.origin() == own.origin() && !url.path().starts_with("//") => {
            url.as_str().strip_prefix(own.origin().ascii_serialization().as_str()).map_or_else(top, str::to_owned)
        }
        Ok(_) | Err(_) => top(),
    }
}

#[cfg(test)]
mod tests {
    use super::path_here;

    #[test]
    fn nobody_is_sent_elsewhere() {
        let check = |next: &str, expected: &str| assert_eq!(path_here("https://weir.acme.example", next), expected, "{next}");
        check("/holds/h-1?x=1#y", "/holds/h-1?x=1#y");
        check("/a/../b", "/b");
        for elsewhere in [
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "evil.example",
            "",
            "/.//evil.example",
            "/a/..//evil.example",
            "\u{9}//evil.example",
            "@evil.example",
        ] {
            check(elsewhere, "/");
        }
    }
}
