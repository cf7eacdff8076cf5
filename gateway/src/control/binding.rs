//! Somebody signs in at a shell of this host: it becomes a job, and what comes from it is theirs.

use super::error::CommandError;
use super::tokens::read_token;
use super::{Desk, jobs};
use crate::host::{BeginJob, Peer};
use crate::ledger::{Binding, Kind, Ledger, Token};
use gateway_core::model::ids::RunId;
use gateway_core::model::principal::SignedIn;
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// A shell that is somebody's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct ShellBound {
    pub run: RunId,
    pub person: String,
    pub groups: Vec<String>,
    pub until: Timestamp,
    pub environment: BTreeMap<String, String>,
}

impl Desk {
    /// Makes the shell that `peer` was started from a job, and whoever `token` signed in the one whose it is.
    ///
    /// What is a job already stays whose it is: a job that has found a token becomes nobody else by it.
    pub(super) async fn bind_shell(&self, peer: Peer, token: &str) -> Result<ShellBound, CommandError> {
        let unknown =
            || CommandError::Wrong("nobody has signed in here with that token: sign in at this host's daemon".to_owned());
        let (id, sha256) = read_token(token).ok_or_else(unknown)?;
        let shown = move |ledger: &Ledger| {
            let found = ledger.look(|look| look.find::<Token>(id.number()))?;
            let at = crate::evidence::now();
            Ok::<_, CommandError>(found.filter(|found| found.sha256 == sha256 && found.holds(at)))
        };
        let token = self.written(shown).await?.ok_or_else(unknown)?;
        if token.roles.is_some() {
            let what = "this token was made for a purpose and stands for nobody: sign in with weir login";
            return Err(CommandError::Wrong(what.to_owned()));
        }
        if self.shared.ledger.in_force().left.find(&token.person).is_some() {
            return Err(unknown());
        }
        let begun =
            jobs::begin(self, peer, BeginJob { pid: None, name: Some(format!("shell of {}", token.person)), alone: false });
        let begun = begun.await?;
        let bound = self.shared.ledger.in_force().bindings.contains_key(&begun.run);
        if begun.already && !bound {
            let what = "this shell is a job already, and stays whose it is: sign in from one that is none";
            return Err(CommandError::Wrong(what.to_owned()));
        }
        let who = SignedIn { name: token.person.clone(), groups: token.groups.clone() };
        let run = begun.run;
        let written = self.written(move |ledger| {
            ledger.change(|change| {
                let binding = Binding { run, token: token.id, who, since: change.at, until: token.until };
                change.put(&binding)?;
                let details = json!({ "run": run, "uid": peer.uid, "token": token.id, "groups": binding.who.groups });
                change.tell(Kind::ShellBound, &token.person, &run.to_string(), &details)?;
                Ok::<_, CommandError>(binding)
            })
        });
        let Binding { who: SignedIn { name, groups }, until, .. } = written.await?;
        Ok(ShellBound { run, person: name, groups: groups.into_iter().collect(), until, environment: begun.environment })
    }
}
