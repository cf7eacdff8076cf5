//! What is asked with a key of its own is done once, however often it is asked.

use super::actor::{Actor, Via};
use super::{CommandError, Desk};
use crate::credential::fingerprint;
pub use crate::ledger::Once;

/// A key that is taken for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(String);

impl Desk {
    /// Takes `key` for a request of `actor`'s: nobody else's key is the same.
    ///
    /// # Errors
    /// Where the ledger can't be written.
    pub async fn once(&self, actor: &Actor, key: &str, request: &str) -> Result<(Ticket, Once), CommandError> {
        let via = match actor.via {
            Via::Token(id) => id.to_string(),
            Via::Web => "web".to_owned(),
            Via::Socket(_) | Via::Job(..) | Via::Host => "host".to_owned(),
        };
        let key = fingerprint(&serde_json::json!([actor.name(), via, key]).to_string());
        let (ticket, request) = (Ticket(key.clone()), fingerprint(request));
        let once = self.written(move |ledger| ledger.change(|change| change.once(&key, &request))).await?;
        Ok((ticket, once))
    }

    /// Remembers what that request was answered with; nothing was done where there is no answer.
    ///
    /// # Errors
    /// Where the ledger can't be written.
    pub async fn answered(&self, ticket: Ticket, answer: Option<(u16, String)>) -> Result<(), CommandError> {
        self.written(move |ledger| {
            ledger.change(|change| match &answer {
                Some((status, body)) => change.answered(&ticket.0, *status, body),
                None => change.not_done(&ticket.0),
            })
        })
        .await
    }
}
