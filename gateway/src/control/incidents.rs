//! An incident is opened: all that is known of a target is put together, and its records are held.

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use super::legal::{self, LegalHoldRequest};
use crate::evidence::now;
use crate::incident::{self, Incident, Scope};
use crate::index::Index;
use crate::ledger::{HeldFor, Ledger};
use gateway_core::model::time::Timestamp;
use gateway_core::record::log::Entry;
use serde::Deserialize;
use serde_json::json;
use std::path::Path;

/// What is to be looked into.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentRequest {
    /// The target's name.
    pub target: String,
    /// Sessions that went on at this time or later,
    pub since: Timestamp,
    /// and had begun by that; until now where it is not said.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Why: it is the legal hold's reason.
    pub reason: String,
}

impl IncidentRequest {
    fn scope(&self) -> Scope {
        Scope { target: self.target.clone(), since: self.since, until: self.until.unwrap_or_else(now) }
    }
}

/// Holds the records first, so that none goes while they are read; then puts it together.
pub(super) fn open(
    (state_dir, index): (&Path, &Index),
    ledger: &Ledger,
    actor: &Actor,
    request: &IncidentRequest,
) -> Result<Incident, CommandError> {
    let hold = LegalHoldRequest {
        subject: HeldFor::Target(request.target.clone()),
        since: Some(request.since),
        until: request.until,
        reason: request.reason.clone(),
    };
    let hold = legal::set(ledger, actor, &hold)?;
    let mut report = look((state_dir, index), actor, request)?;
    report.hold = Some(hold);
    Ok(report)
}

/// What the log has of somebody's looking into it: it is made of many records.
pub(super) fn note(actor: &Actor, request: &IncidentRequest) -> Entry {
    let details = json!({ "target": request.target, "since": request.since, "until": request.until });
    Entry::Note { at: now().0, by: actor.name().to_owned(), kind: "incident".to_owned(), details }
}

/// Puts it together, and changes nothing.
pub(super) fn look(
    (state_dir, index): (&Path, &Index),
    actor: &Actor,
    request: &IncidentRequest,
) -> Result<Incident, CommandError> {
    let on = On { target: Some(&request.target), workload: None };
    // Where else its runs went is told too: that is for who may see everything.
    let auditor = actor.must(Role::Auditor, On::default(), "to look into an incident");
    auditor.map_err(|error| match actor.may(Role::Auditor, on) {
        true => CommandError::Wrong("an incident tells of other targets too: it takes an auditor of all".to_owned()),
        false => error,
    })?;
    let scope = request.scope();
    if scope.since > scope.until {
        return Err(CommandError::Wrong("the time to look into ends before it begins".to_owned()));
    }
    index.freshen();
    incident::report(state_dir, index, scope, now()).map_err(CommandError::from)
}
