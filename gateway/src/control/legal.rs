//! Legal holds are set and lifted.

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use super::page::{Listed, Page};
use crate::ledger::{Answer, Change, HeldFor, Kind, Ledger, LegalHold};
use crate::session::context::random;
use gateway_core::control::hold;
use gateway_core::model::ids::LegalHoldId;
use gateway_core::model::time::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// What is to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LegalHoldRequest {
    /// Of what.
    pub subject: HeldFor,
    /// Of sessions that went on at this time or later.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Of sessions that had begun by this time.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// Sets one. It is on the disk once this comes back.
pub(super) fn set(ledger: &Ledger, actor: &Actor, request: &LegalHoldRequest) -> Result<LegalHold, CommandError> {
    check(actor, request)?;
    ledger.change(|change| put(change, actor, request))
}

/// The same as part of a change.
pub(super) fn put(change: &mut Change<'_>, actor: &Actor, request: &LegalHoldRequest) -> Result<LegalHold, CommandError> {
    let LegalHoldRequest { subject, since, until, reason } = request;
    let hold = LegalHold {
        id: LegalHoldId::new(change.at, random()),
        subject: subject.clone(),
        since: *since,
        until: *until,
        reason: reason.clone(),
        by: actor.name().to_owned(),
        set_at: change.at,
        lifted: None,
        lifted_at: None,
    };
    change.put(&hold)?;
    let details = json!({ "subject": subject, "since": since, "until": until, "reason": reason });
    change.tell(Kind::LegalHoldSet, &hold.by, &hold.id.to_string(), &details)?;
    Ok(hold)
}

/// Whether `actor` may set it, and it can be.
pub(super) fn check(actor: &Actor, request: &LegalHoldRequest) -> Result<(), CommandError> {
    actor.must(Role::Auditor, on(&request.subject), "to set a legal hold")?;
    if let HeldFor::Target(name) | HeldFor::Workload(name) = &request.subject
        && (name.is_empty() || name.len() > 1024)
    {
        return Err(CommandError::Wrong("a legal hold names something, in at most 1024 bytes".to_owned()));
    }
    if request.since.zip(request.until).is_some_and(|(since, until)| since > until) {
        return Err(CommandError::Wrong("a legal hold ends before it begins".to_owned()));
    }
    reasoned(&request.reason)
}

/// Lifts one: what its time of keeping is over for goes then.
pub(super) fn lift(ledger: &Ledger, actor: &Actor, id: LegalHoldId, reason: &str) -> Result<LegalHold, CommandError> {
    ledger.change(|change| {
        let mut hold: LegalHold = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        actor.must(Role::Auditor, on(&hold.subject), "to lift a legal hold")?;
        reasoned(reason)?;
        if hold.lifted_at.is_some() {
            return Err(CommandError::over(id, "lifted"));
        }
        hold.lifted_at = Some(change.at);
        hold.lifted = Some(Answer { by: actor.name().to_owned(), reason: reason.to_owned() });
        change.put(&hold)?;
        let details = json!({ "subject": hold.subject, "reason": reason });
        change.tell(Kind::LegalHoldLifted, actor.name(), &id.to_string(), &details)?;
        Ok(hold)
    })
}

/// Those in force, and of the newest so many those that are lifted, the newest first.
pub(super) fn list(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<LegalHold>, CommandError> {
    let (all, next) = ledger.look(|look| look.latest::<LegalHold>(page.past, page.before))?;
    let page = Listed::behind(all, next.map(LegalHoldId::from_number));
    Ok(page.retain(|hold| actor.may(Role::Viewer, on(&hold.subject))))
}

fn reasoned(reason: &str) -> Result<(), CommandError> {
    let fits = !reason.trim().is_empty() && reason.len() <= hold::REASON_BYTES;
    if fits { Ok(()) } else { Err(hold::Ineligible::Reason.into()) }
}

/// What a hold on a target or a workload is about; others are about everything.
fn on(subject: &HeldFor) -> On<'_> {
    match subject {
        HeldFor::Target(name) => On { target: Some(name), workload: None },
        HeldFor::Workload(name) => On { target: None, workload: Some((name, None)) },
        HeldFor::Session(_) | HeldFor::Run(_) => On::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_set_survives_a_restart_and_is_lifted_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = Actor::root(Some("ana".to_owned()));
        let request = |subject, reason: &str| LegalHoldRequest {
            subject,
            since: Some(Timestamp(1)),
            until: None,
            reason: reason.to_owned(),
        };
        let target = || HeldFor::Target("prod-pg".to_owned());
        let id = {
            let ledger = Ledger::open(folder.path()).unwrap();
            for bad in [
                request(target(), " "),
                request(HeldFor::Target(String::new()), "x"),
                LegalHoldRequest { until: Some(Timestamp(0)), ..request(target(), "x") },
            ] {
                assert!(set(&ledger, &root, &bad).is_err(), "{bad:?}");
            }
            assert!(set(&ledger, &Actor::nobody(), &request(target(), "x")).is_err());
            set(&ledger, &root, &request(target(), "a breach")).unwrap().id
        };
        let ledger = Ledger::open(folder.path()).unwrap();
        let held = ledger.legal_holds().unwrap();
        assert_eq!((held.len(), held[0].id, held[0].by.as_str()), (1, id, "ana"));
        assert!(lift(&ledger, &Actor::nobody(), id, "x").is_err());
        assert_eq!(lift(&ledger, &root, id, "over").unwrap().lifted.unwrap().reason, "over");
        assert!(lift(&ledger, &root, id, "again").is_err());
        assert!(ledger.legal_holds().unwrap().is_empty());
        assert_eq!(list(&ledger, &root, Page::first(10)).unwrap().entries.len(), 1);
        let events: Vec<_> = ledger.events_since(0).unwrap().into_iter().map(|event| (event.kind, event.is_genuine())).collect();
        assert_eq!(events, [(Kind::LegalHoldSet, true), (Kind::LegalHoldLifted, true)]);
    }
}
