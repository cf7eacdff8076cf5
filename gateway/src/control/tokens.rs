//! Tokens of the API's are made, looked at and revoked. Shown once, they are kept as hashes.

use super::actor::{Actor, On, Role, Scoped, Via};
use super::error::CommandError;
use super::page::{Listed, Page};
use crate::credential::{fingerprint, random_token};
use crate::evidence::now;
use crate::ledger::{Answer, Change, Kind, Ledger, Token};
use crate::session::context::random;
use gateway_core::control::hold;
use gateway_core::model::ids::TokenId;
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// The longest that a token is good, in seconds.
const LONGEST: u64 = 366 * 24 * 60 * 60;
/// How each begins, so that whoever finds one knows what it is.
const PREFIX: &str = "weir_";
const SECRET_LETTERS: usize = 43;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// What it is for.
    pub name: String,
    /// What may be done with it.
    pub roles: Vec<Scoped>,
    /// For how long, in seconds.
    pub seconds: u64,
}

/// A token as it is shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct ShownToken {
    pub id: TokenId,
    pub name: String,
    pub person: String,
    /// What its person may, where there is none.
    pub roles: Option<Vec<Scoped>>,
    pub made_at: Timestamp,
    pub until: Timestamp,
    pub seen_at: Option<Timestamp>,
    pub revoked: Option<Answer>,
    pub ended_at: Option<Timestamp>,
}

/// Whose a token is.
#[derive(Clone, Debug)]
pub struct TokenOf {
    /// Its person.
    pub person: String,
    /// Their groups.
    pub groups: BTreeSet<String>,
    /// Whether that is root of the host.
    pub by_root: bool,
    /// What may be done with it; what its person may where there is none.
    pub roles: Option<Vec<Scoped>>,
}

impl From<Token> for ShownToken {
    fn from(token: Token) -> Self {
        let Token { id, name, person, roles, made_at, until, seen_at, revoked, ended_at, .. } = token;
        Self { id, name, person, roles, made_at, until, seen_at, revoked, ended_at }
    }
}

/// Makes a token, as part of a change: it, and the text that nobody can make of what is kept.
///
/// # Errors
/// Where the system has no randomness, or it can't be written.
pub fn issue(change: &mut Change<'_>, name: &str, of: TokenOf, seconds: u64) -> Result<(Token, String), CommandError> {
    let secret = random_token().map_err(|error| CommandError::Wrong(error.to_string()))?;
    let (id, at) = (TokenId::new(change.at, random()), change.at);
    let TokenOf { person, groups, by_root, roles } = of;
    let token = Token {
        id,
        name: name.to_owned(),
        sha256: fingerprint(&secret),
        person,
        groups,
        by_root,
        roles,
        made_at: at,
        until: at.after(Duration::from_secs(seconds)),
        seen_at: None,
        revoked: None,
        ended_at: None,
    };
    change.put(&token)?;
    let details = json!({ "name": token.name, "roles": token.roles, "until": token.until });
    change.tell(Kind::TokenMade, &token.person, &id.to_string(), &details)?;
    let text = format!("{PREFIX}{}_{secret}", id.to_string().trim_start_matches("t-"));
    Ok((token, text))
}

/// The id of a token that somebody shows, and the hash of its secret; none where it is no token.
#[must_use]
pub fn read_token(text: &str) -> Option<(TokenId, String)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let id = format!("t-{id}").parse().ok()?;
    (secret.len() == SECRET_LETTERS).then(|| (id, fingerprint(secret)))
}

pub(super) fn make(ledger: &Ledger, actor: &Actor, request: &TokenRequest) -> Result<(Token, String), CommandError> {
    let TokenRequest { name, roles, seconds } = request;
    match actor.via {
        Via::Job(..) => return Err(CommandError::Job),
        // What is stolen can't be made to last.
        Via::Token(_) => {
            return Err(CommandError::NotThisWay("a token makes no tokens: sign in in a browser, or ask at the host"));
        }
        Via::Socket(_) | Via::Host | Via::Web => {}
    }
    if name.trim().is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        return Err(CommandError::Wrong("a token has a name that says what it is for, in at most 200 bytes".to_owned()));
    }
    if !(1..=LONGEST).contains(seconds) {
        return Err(CommandError::Wrong(format!("a token is good for 1 s to {} d", LONGEST / 86_400)));
    }
    if roles.is_empty() || roles.len() > 20 {
        return Err(CommandError::Wrong(
            "a token has a role: viewer, auditor, approver, operator, admin or provisioner".to_owned(),
        ));
    }
    // The directory is one, and who keeps it is nobody else.
    let keeps = |role: &Scoped| role.role == Role::Provisioner;
    let whole = |role: &Scoped| role.targets.is_empty() && role.workloads.is_empty();
    if roles.iter().any(keeps) && !(roles.len() == 1 && roles.iter().all(whole)) {
        let what =
            "a provisioner's token is for the whole directory and for nothing else: name no target, no workload, no other role";
        return Err(CommandError::Wrong(what.to_owned()));
    }
    for role in roles {
        if !actor.person.local_root && !actor.roles.iter().any(|own| own.covers(role)) {
            let (who, role) = (actor.name().to_owned(), role.role.name());
            return Err(CommandError::Forbidden { who, what: "to give this role, for all that is named", role });
        }
    }
    let of = TokenOf {
        person: actor.name().to_owned(),
        groups: actor.person.groups.clone(),
        by_root: actor.person.local_root,
        roles: Some(roles.clone()),
    };
    ledger.change(|change| issue(change, name, of, *seconds))
}

/// Those that are good, and up to as many as the page has that are over, the newest first: one's own, and all for an admin.
pub(super) fn list(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<Token>, CommandError> {
    if !actor.may_somewhere(Role::Viewer) {
        actor.must(Role::Viewer, On::default(), "to list tokens")?;
    }
    let (all, next) = ledger.look(|look| look.latest::<Token>(page.past, page.before))?;
    let at = now();
    let kept = |token: &Token| sees(actor, token) && (page.past > 0 || token.holds(at));
    Ok(Listed::behind(all, next.map(TokenId::from_number)).retain(kept))
}

/// Ends a token: one's own, and any for an admin.
pub(super) fn revoke(ledger: &Ledger, actor: &Actor, id: TokenId, reason: &str) -> Result<Token, CommandError> {
    if matches!(actor.via, Via::Job(..)) {
        return Err(CommandError::Job);
    }
    if !actor.may_somewhere(Role::Viewer) {
        actor.must(Role::Viewer, On::default(), "to revoke tokens")?;
    }
    ledger.change(|change| {
        let token = change.find::<Token>(id.number())?.filter(|token| sees(actor, token));
        let mut token = token.ok_or_else(|| CommandError::missing(id))?;
        if reason.trim().is_empty() || reason.len() > hold::REASON_BYTES {
            return Err(hold::Ineligible::Reason.into());
        }
        if token.ended_at.is_some() {
            return Err(CommandError::over(id, if token.revoked.is_some() { "revoked" } else { "over" }));
        }
        token.ended_at = Some(change.at);
        token.revoked = Some(Answer { by: actor.name().to_owned(), reason: reason.to_owned() });
        change.put(&token)?;
        let details = json!({ "name": token.name, "person": token.person, "reason": reason });
        change.tell(Kind::TokenRevoked, actor.name(), &id.to_string(), &details)?;
        Ok(token)
    })
}

fn sees(actor: &Actor, token: &Token) -> bool {
    actor.may(Role::Admin, On::default()) || actor.person.is(&token.person)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::control::person::Person;

    fn person(name: &str, role: Role, targets: &[&str], via: Via) -> Actor {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let person = Person { name: name.to_owned(), ..Person::default() };
        Actor { person, via, roles: vec![Scoped { role, targets, workloads: Vec::new() }] }
    }

    fn request(role: Role, targets: &[&str]) -> TokenRequest {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        TokenRequest { name: "a script".to_owned(), roles: vec![Scoped { role, targets, workloads: Vec::new() }], seconds: 60 }
    }

    #[test]
    fn a_token_is_shown_once_and_kept_as_a_hash() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let ana = person("ana", Role::Approver, &["prod-*"], Via::Web);
        let (token, text) = make(&ledger, &ana, &request(Role::Approver, &["prod-pg"])).unwrap();
        assert_eq!(read_token(&text), Some((token.id, token.sha256.clone())));
        let secret = text.splitn(3, '_').last().unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let kept = std::fs::read(file.path()).unwrap();
            assert!(!kept.windows(20).any(|part| secret.as_bytes().starts_with(part)), "{:?}", file.path());
        }
        for wrong in ["", "weir_", "weir__", "weir_x_y", &text[1..], &text[..text.len() - 1], &format!("{text}a")] {
            assert_eq!(read_token(wrong), None, "{wrong}");
        }
        let shown = serde_json::to_value(ShownToken::from(token)).unwrap().to_string();
        assert!(!shown.contains("sha256") && !shown.contains(secret), "{shown}");
    }

    #[test]
    fn nobody_makes_a_token_that_may_more_than_they() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let by = |via| person("ana", Role::Approver, &["prod-*"], via);
        for (actor, request, made) in [
            (by(Via::Web), request(Role::Approver, &["prod-*"]), true),
            (by(Via::Web), request(Role::Viewer, &["prod-pg"]), true),
            (by(Via::Web), request(Role::Viewer, &[]), false),
            (by(Via::Web), request(Role::Admin, &["prod-pg"]), false),
            (by(Via::Token(TokenId::from_number(1))), request(Role::Viewer, &["prod-pg"]), false),
            (Actor::root(None), request(Role::Admin, &[]), true),
        ] {
            assert_eq!(make(&ledger, &actor, &request).is_ok(), made, "{actor:?} {request:?}");
        }
    }

    #[test]
    fn ones_own_are_seen_and_revoked_and_all_by_an_admin() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let ana = person("ana@acme.example", Role::Viewer, &[], Via::Web);
        let (bo, admin) = (person("bo", Role::Operator, &[], Via::Web), person("cy", Role::Admin, &[], Via::Web));
        let (token, _) = make(&ledger, &ana, &request(Role::Viewer, &[])).unwrap();
        let count = |actor: &Actor, past| list(&ledger, actor, Page::first(past)).unwrap().entries.len();
        assert_eq!([count(&ana, 0), count(&bo, 0), count(&admin, 0)], [1, 0, 1]);
        assert!(matches!(revoke(&ledger, &bo, token.id, "mine"), Err(CommandError::Missing(_))));
        assert!(matches!(revoke(&ledger, &ana, token.id, " "), Err(CommandError::Ineligible(_))));
        assert!(revoke(&ledger, &admin, token.id, "lost").unwrap().ended_at.is_some());
        assert!(matches!(revoke(&ledger, &ana, token.id, "again"), Err(CommandError::Over { .. })));
        assert_eq!([count(&ana, 0), count(&ana, 9)], [0, 1]);
        let kinds: Vec<_> = ledger.events_since(0).unwrap().iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [Kind::TokenMade, Kind::TokenRevoked]);
    }
}
