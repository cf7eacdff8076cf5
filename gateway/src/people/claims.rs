//! What a provider says of a person: their name in records, and their groups.

use super::error::{SignInError, foreign};
use crate::config::OidcSettings;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const LONGEST: usize = 256;
const MOST_GROUPS: usize = 2_000;
/// Names that records use for others than people of a provider's.
const TAKEN: [&str; 2] = ["weir", "root"];

/// A person as their provider has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The name that records have.
    pub(super) name: String,
    /// Who that is to the provider; stays when the name changes.
    pub(super) subject: String,
    pub(super) groups: Groups,
}

/// What a provider says of somebody's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Groups {
    /// These, which may be none.
    Said(BTreeSet<String>),
    /// Nothing.
    Unsaid,
    /// That there are more than it says, and what to do about that.
    Cut(String),
}

/// Whether these claims say all that is wanted, so that nobody else has to be asked.
pub(super) fn are_complete(claims: &Map<String, Value>, settings: &OidcSettings) -> bool {
    claims.contains_key(&settings.name_claim) && (claims.contains_key(&settings.groups_claim) || is_cut(claims, settings))
}

/// Reads who it is. The claims are verified.
pub(super) fn read(claims: &Map<String, Value>, settings: &OidcSettings) -> Result<Known, SignInError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    // OpenID Connect Core §2: 255 characters at most.
    let subject = text("sub").filter(|subject| !subject.is_empty() && subject.len() <= LONGEST).map(str::to_owned);
    let subject = subject.ok_or_else(|| SignInError::Unbelievable("the id_token has no `sub` that can be used".to_owned()))?;
    let refused = |who: &str, why: String| Err(SignInError::Refused { who: foreign(who), why });
    let claim = settings.name_claim.as_str();
    let Some(name) = text(claim) else {
        let why =
            format!("the provider sends no claim {claim:?}: have it send one, or name another with [console.oidc] name_claim");
        return refused(&subject, why);
    };
    checked(name, &format!("the claim {claim:?}")).map_err(|error| match error {
        SignInError::Refused { who, why } if who.is_empty() => SignInError::Refused { who: foreign(&subject), why },
        other => other,
    })?;
    // OpenID Connect Core §5.1: an address that was not verified is whatever somebody has typed.
    if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
        let why = "the provider does not say that their e-mail address is verified (`email_verified`): have it verified there, or name \
                   another claim with [console.oidc] name_claim";
        return refused(name, why.to_owned());
    }
    let known = |groups| Known { name: name.to_owned(), subject: subject.clone(), groups };
    if is_cut(claims, settings) {
        return Ok(known(Groups::Cut(format!(
            "they are in more groups than the provider puts into a token: have it send only the groups that are assigned to the application \
             (Entra: Token configuration, Groups assigned to the application), or give application roles and set [console.oidc] \
             groups_claim = \"roles\" instead of {:?}",
            settings.groups_claim
        ))));
    }
    Ok(known(claims.get(&settings.groups_claim).map_or(Groups::Unsaid, |claim| Groups::Said(groups(claim)))))
}

/// That a name can be one of a person's, and which part of what the provider says is to blame where not. Where it is no name, the refusal is
/// of nobody.
pub(super) fn checked(name: &str, what: &str) -> Result<(), SignInError> {
    if name.is_empty() || name.len() > LONGEST || name.trim() != name || name.chars().any(char::is_control) {
        return Err(SignInError::Refused { who: String::new(), why: format!("{what} is no name") });
    }
    if TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
        return Err(SignInError::Refused { who: name.to_owned(), why: "records use that name for another".to_owned() });
    }
    Ok(())
}

/// Whether the provider has left the groups out because there are too many (Entra's "groups overage").
fn is_cut(claims: &Map<String, Value>, settings: &OidcSettings) -> bool {
    let elsewhere = claims.get("_claim_names").and_then(Value::as_object);
    let has_more = claims.get("hasgroups").is_some_and(|has| *has != Value::Bool(false));
    elsewhere.is_some_and(|names| names.contains_key(&settings.groups_claim)) || (has_more && settings.groups_claim == "groups")
}

fn groups(claim: &Value) -> BTreeSet<String> {
    let one = |value: &Value| value.as_str().map(str::to_owned);
    let all: Vec<_> = match claim {
        Value::Array(list) => list.iter().take(MOST_GROUPS).filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    };
    own(all)
}

/// Groups as they are taken from a provider.
pub(super) fn own(all: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    // What begins so is a role of weir's, and nobody's to give but the configuration's.
    all.into_iter().take(MOST_GROUPS).filter(|group| !group.is_empty() && !group.starts_with("role:")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(name_claim: &str, groups_claim: &str) -> OidcSettings {
        OidcSettings {
            issuer: "https://login.acme.example".to_owned(),
            client_id: "weir".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            name_claim: name_claim.to_owned(),
            groups_claim: groups_claim.to_owned(),
            ca: None,
            origins: Vec::new(),
            check: None,
        }
    }

    fn known(claims: Value, settings: &OidcSettings) -> Result<Known, String> {
        read(claims.as_object().unwrap(), settings).map_err(|error| error.to_string())
    }

    fn said(known: &Known) -> BTreeSet<String> {
        match &known.groups {
            Groups::Said(groups) => groups.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_provider_says_it_in_its_own_way() {
        let okta = json!({ "sub": "00u1", "email": "ana@acme.example", "email_verified": true, "groups": ["dba", "Everyone"] });
        let found = known(okta, &settings("email", "groups")).unwrap();
        assert_eq!((found.name.as_str(), found.subject.as_str(), said(&found).len()), ("ana@acme.example", "00u1", 2));
        // Google has no groups at all: people are named.
        let google = json!({ "sub": "1", "email": "ana@acme.example", "email_verified": true, "hd": "acme.example" });
        assert_eq!(known(google, &settings("email", "groups")).unwrap().groups, Groups::Unsaid);
        let none = json!({ "sub": "1", "email": "ana@acme.example", "email_verified": true, "groups": [] });
        assert!(said(&known(none, &settings("email", "groups")).unwrap()).is_empty());
        let entra = json!({ "sub": "x", "preferred_username": "ana@acme.example", "roles": ["Weir.Approver"] });
        let found = known(entra, &settings("preferred_username", "roles")).unwrap();
        assert_eq!(said(&found), ["Weir.Approver".to_owned()].into());
        let one = json!({ "sub": "x", "upn": "ana", "groups": "dba" });
        assert_eq!(said(&known(one, &settings("upn", "groups")).unwrap()), ["dba".to_owned()].into());
    }

    #[test]
    fn groups_that_did_not_fit_are_told_and_nobody_is_let_in_without() {
        for cut in [json!({ "_claim_names": { "groups": "src1" } }), json!({ "hasgroups": true }), json!({ "hasgroups": "true" })]
        {
            let mut claims = json!({ "sub": "x", "preferred_username": "ana" });
            claims.as_object_mut().unwrap().extend(cut.as_object().unwrap().clone());
            let Groups::Cut(error) = known(claims, &settings("preferred_username", "groups")).unwrap().groups else {
                panic!("they are cut");
            };
            assert!(error.contains("more groups") && error.contains("groups_claim = \"roles\""), "{error}");
        }
        let roles = json!({ "sub": "x", "preferred_username": "ana", "_claim_names": { "groups": "src1" }, "roles": ["a"] });
        assert!(known(roles, &settings("preferred_username", "roles")).is_ok());
    }

    #[test]
    fn whoever_is_not_surely_somebody_is_refused() {
        for (claims, why) in [
            (json!({ "sub": "x", "email": "ana@acme.example" }), "verified"),
            (json!({ "sub": "x", "email": "ana@acme.example", "email_verified": false }), "verified"),
            (json!({ "sub": "x", "email": "ana@acme.example", "email_verified": "false" }), "verified"),
            (json!({ "sub": "", "email": "ana@acme.example", "email_verified": true }), "`sub`"),
            (json!({ "email": "ana@acme.example", "email_verified": true }), "`sub`"),
            (json!({ "sub": "x" }), "no claim \"email\""),
            (json!({ "sub": "x", "email": ["ana"], "email_verified": true }), "no claim"),
            (json!({ "sub": "x", "email": "a\nb", "email_verified": true }), "is no name"),
            (json!({ "sub": "x", "email": " ana", "email_verified": true }), "is no name"),
            (json!({ "sub": "x", "email": "", "email_verified": true }), "is no name"),
            (json!({ "sub": "x", "email": "Root", "email_verified": true }), "another"),
            (json!({ "sub": "x", "email": "weir", "email_verified": true }), "another"),
        ] {
            let error = known(claims.clone(), &settings("email", "groups")).unwrap_err();
            assert!(error.contains(why), "{claims}: {error}");
        }
        let sly = json!({ "sub": "x", "email": "a@b", "email_verified": true, "groups": ["role:approver", "", 7, "dba"] });
        assert_eq!(said(&known(sly, &settings("email", "groups")).unwrap()), ["dba".to_owned()].into());
    }
}
