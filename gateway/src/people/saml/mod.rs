//! Signing in with SAML 2.0 (Web Browser SSO, Profiles §4.1): asked by a redirect, answered by a post, verified by a process without privileges.

mod seen;
mod verifier;
mod worker;

pub(crate) use worker::work;

use super::claims::{self, Groups, Known};
use super::error::{SignInError, foreign};
use super::pending::{Pending, Waiting};
use super::sign_in::path_here;
use super::{Arrived, Begun, People, random};
use crate::config::{SamlName, SamlSettings};
use crate::credential::fingerprint;
use crate::evidence::now;
use gateway_core::saml::{Expected, Person, Refusal, Request, metadata};
use openidconnect::url::Url;
use seen::Seen;
use std::time::Duration;
use verifier::Verifier;
use worker::{Answer, Question};

/// How far clocks may differ.
const SKEW: Duration = Duration::from_secs(60);
/// A name that is another one at each sign-in (SAML 2.0 Core §8.3.8).
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// What Entra sends in the place of groups where there are more than 150.
const GROUPS_ELSEWHERE: &str = "http://schemas.microsoft.com/claims/groups.link";

/// The provider that people sign in at by SAML.
pub(super) struct Saml {
    settings: SamlSettings,
    entity_id: String,
    /// Where answers are posted.
    recipient: String,
    pending: Pending<Asked>,
    verifier: Verifier,
    seen: Seen,
}

/// What an answer has to fit, and what it ends.
struct Asked {
    /// The request's id.
    request: String,
    /// The session that the browser had. It does not send that cookie with a post of the provider's page.
    old: Option<String>,
}

impl Saml {
    pub(super) fn new(settings: SamlSettings, url: &str) -> Self {
        let entity_id = settings.entity_id.clone().unwrap_or_else(|| format!("{url}/auth/saml/metadata"));
        let recipient = format!("{url}/auth/saml/acs");
        let (pending, verifier, seen) = (Pending::default(), Verifier::default(), Seen::default());
        Self { settings, entity_id, recipient, pending, verifier, seen }
    }

    fn question(&self, response: String, request: String) -> Result<Question, SignInError> {
        let read = |path: &std::path::PathBuf| {
            let unfit = |error| SignInError::Setup(format!("the certificate {} can't be read: {error}", path.display()));
            std::fs::read_to_string(path).map_err(unfit)
        };
        let certificates = self.settings.certificates.iter().map(read).collect::<Result<_, _>>()?;
        let expected = Expected {
            issuer: self.settings.idp_entity_id.clone(),
            audience: self.entity_id.clone(),
            recipient: self.recipient.clone(),
            in_response_to: request,
            now: now(),
            skew: SKEW,
        };
        Ok(Question { response, certificates, expected })
    }

    /// Whoever the response says has signed in, once.
    async fn person(&self, response: String, request: String) -> Result<Person, SignInError> {
        let unbelievable = |why: Refusal| SignInError::Unbelievable(why.to_string());
        let person = match self.verifier.ask(&self.question(response, request)?).await? {
            Answer::Person(person) => person,
            Answer::Refused(why) => return Err(unbelievable(why)),
            Answer::Unfit => {
                let why = "a file of [console.saml] certificates has no certificate with an RSA, P-256 or P-384 key";
                return Err(SignInError::Setup(why.to_owned()));
            }
        };
        self.seen.first(&person.assertion_id, person.not_on_or_after, now())?;
        Ok(person)
    }

    /// Who that is to weir.
    fn known(&self, person: &Person) -> Result<Known, SignInError> {
        let subject = person.name_id.clone();
        let refused = |why: String| Err(SignInError::Refused { who: foreign(&subject), why });
        let (name, what) = match &self.settings.name {
            SamlName::NameId if person.format.as_deref() == Some(TRANSIENT) => {
                return refused(
                    "the provider's NameID is another at each sign-in: have it send a lasting one, or set [console.saml] name"
                        .to_owned(),
                );
            }
            SamlName::NameId => (subject.as_str(), "the NameID".to_owned()),
            SamlName::Attribute(attribute) => match person.values(attribute).as_deref() {
                Some([name]) => (*name, format!("the attribute {attribute:?}")),
                Some(_) => return refused(format!("the attribute {attribute:?} has not one value")),
                None => {
                    return refused(format!(
                        "the provider sends no attribute {attribute:?}: have it send one, or set [console.saml] name"
                    ));
                }
            },
        };
        claims::checked(name, &what).map_err(|error| match error {
            SignInError::Refused { who, why } if who.is_empty() => SignInError::Refused { who: foreign(&subject), why },
            other => other,
        })?;
        Ok(Known { name: name.to_owned(), groups: self.groups(person), subject: person.name_id.clone() })
    }

    fn groups(&self, person: &Person) -> Groups {
        let Some(attribute) = &self.settings.groups_attribute else { return Groups::Unsaid };
        match person.values(attribute) {
            Some(groups) => Groups::Said(claims::own(groups.into_iter().map(str::to_owned))),
            None if person.values(GROUPS_ELSEWHERE).is_some() => Groups::Cut(
                "they are in more groups than the provider puts into an assertion: have it send only the groups that are assigned to the \
                 application, or give application roles and set [console.saml] groups_attribute to their attribute"
                    .to_owned(),
            ),
            None => Groups::Unsaid,
        }
    }
}

impl People {
    /// Begins a sign-in by SAML, after which the person is at `next`. `old` is the session that the browser has.
    ///
    /// # Errors
    /// Where there is no provider.
    pub fn begin_saml(&self, next: Option<&str>, old: Option<&str>) -> Result<Begun, SignInError> {
        let saml = self.saml()?;
        let (state, browser, request) = (random()?, random()?, format!("_{}", random()?));
        let destination = saml.settings.idp_sso_url.as_str();
        let mut location = Url::parse(destination).map_err(|error| SignInError::Setup(error.to_string()))?;
        let asked = Request { id: &request, at: now(), destination, issuer: &saml.entity_id, recipient: &saml.recipient };
        location.query_pairs_mut().append_pair("SAMLRequest", &asked.encoded()).append_pair("RelayState", &state);
        let next = path_here(&self.console.url, next.unwrap_or("/"));
        let asked = Asked { request, old: old.map(str::to_owned) };
        saml.pending.put(state, Waiting { browser: fingerprint(&browser), asked, next });
        Ok(Begun { location: location.into(), browser })
    }

    /// Ends it: who the provider's `response` says it is, in a session of their own.
    ///
    /// # Errors
    /// Where it is not this browser's, what the provider says does not hold, or the person may nothing here.
    pub async fn finish_saml(&self, state: &str, response: String, browser: Option<&str>) -> Result<Arrived, SignInError> {
        let saml = self.saml()?;
        let waiting = saml.pending.take(state, browser.ok_or(SignInError::Stale)?).ok_or(SignInError::Stale)?;
        let Waiting { asked: Asked { request, old }, next, .. } = waiting;
        let person = saml.person(response, request).await;
        let end = person.as_ref().ok().and_then(|person| person.session_until);
        let known = person.and_then(|person| saml.known(&person));
        let admitted = self.admitted(known, &saml.settings.idp_entity_id).await?;
        Ok(Arrived { cookie: self.open_session(admitted, old, end).await?, next })
    }

    /// What the provider is told of weir; nothing where nobody signs in by SAML.
    #[must_use]
    pub fn saml_metadata(&self) -> Option<String> {
        self.saml.as_ref().map(|saml| metadata(&saml.entity_id, &saml.recipient))
    }

    /// Whether people sign in by SAML and by nothing else.
    #[must_use]
    pub const fn has_saml_alone(&self) -> bool {
        self.saml.is_some() && self.provider.is_none()
    }

    fn saml(&self) -> Result<&Saml, SignInError> {
        self.saml.as_ref().ok_or(SignInError::NoProvider)
    }
}
