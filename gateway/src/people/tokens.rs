//! Tokens of the API's, as somebody shows one.

use super::error::SignInError;
use super::{NOTED, People};
use crate::control::{Actor, Via, read_token};
use crate::evidence::now;
use crate::ledger::Token;
use gateway_core::control::person::Person;
use gateway_core::control::role::Scoped;

impl People {
    /// Who has this token; nobody where it is over or none.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub async fn by_token(&self, text: &str) -> Result<Option<Actor>, SignInError> {
        let Some((id, sha256)) = read_token(text) else { return Ok(None) };
        let found = self
            .written(move |ledger| {
                let found = ledger.look(|look| look.find::<Token>(id.number()))?;
                let at = now();
                let Some(mut found) = found.filter(|found| found.sha256 == sha256 && found.holds(at)) else { return Ok(None) };
                if found.seen_at.is_none_or(|seen| seen.after(NOTED) < at) {
                    found.seen_at = Some(at);
                    ledger.change(|change| {
                        // It may have ended meanwhile, and stays so.
                        let now = change.find::<Token>(id.number())?.filter(|now| now.ended_at.is_none());
                        if now.is_some() { change.put(&found) } else { Ok(()) }
                    })?;
                }
                Ok(Some(found))
            })
            .await?;
        // What root of the host has made is no person's.
        let found = found.filter(|token| token.by_root || !self.has_left(&token.person));
        Ok(found.map(|token| {
            let roles = self.roles_of(&token);
            // One that was made for a purpose votes for nobody's groups.
            let groups = if token.roles.is_none() { token.groups } else { std::collections::BTreeSet::new() };
            Actor { person: Person { name: token.person, groups, local_root: false }, via: Via::Token(token.id), roles }
        }))
    }

    /// What may be done with it: never more than its person may today.
    fn roles_of(&self, token: &Token) -> Vec<Scoped> {
        let theirs = self.roles(&token.person, &token.groups);
        match &token.roles {
            None => theirs,
            Some(roles) if token.by_root => roles.clone(),
            Some(roles) => roles.iter().filter(|role| theirs.iter().any(|own| own.covers(role))).cloned().collect(),
        }
    }
}
