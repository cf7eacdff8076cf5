//! Shells in which somebody has signed in: what comes from there is theirs, as long as their token is good.

use super::entry::Entry;
use super::people::Token;
use super::{Ledger, LedgerError};
use gateway_core::model::ids::{RunId, TokenId};
use gateway_core::model::principal::SignedIn;
use gateway_core::model::time::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A shell, and who has signed in there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The shell's run.
    pub run: RunId,
    /// The token that the sign-in brought.
    pub token: TokenId,
    /// Who.
    pub who: SignedIn,
    /// When.
    pub since: Timestamp,
    /// Until when at most.
    pub until: Timestamp,
}

impl Entry for Binding {
    const TABLE: &'static str = "binding";
    const IN_FORCE: bool = true;

    fn number(&self) -> u64 {
        self.run.number()
    }

    fn is_open(&self) -> bool {
        true
    }
}

impl Ledger {
    /// Those that count: their tokens are good.
    pub(super) fn read_bindings(&self, connection: &Connection, at: Timestamp) -> Result<HashMap<RunId, Binding>, LedgerError> {
        let bindings = self.open_entries::<Binding>(connection)?;
        if bindings.is_empty() {
            return Ok(HashMap::new());
        }
        let tokens: HashSet<_> =
            self.open_entries::<Token>(connection)?.into_iter().filter(|token| token.holds(at)).map(|token| token.id).collect();
        Ok(bindings.into_iter().filter(|one| tokens.contains(&one.token)).map(|one| (one.run, one)).collect())
    }
}
