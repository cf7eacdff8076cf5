//! The sealed layer of a session is opened by one person because another one agrees, and all of it is written down.

use super::actor::{APPROVERS, Actor, On, Role};
use super::error::CommandError;
use super::page::{Listed, Page};
use crate::evidence::{self, EvidenceError, How, Summary, has_sealed_layer, now};
use crate::ledger::{Answer, Kind, Ledger, UnsealState, Unsealing};
use crate::session::context::random;
use gateway_core::control::hold::{self, Scope, Terms, Vote};
use gateway_core::model::ids::{SessionId, UnsealId};
use gateway_core::record::log::Entry;
use serde::Deserialize;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// How long a request waits for an answer, in seconds.
const WAIT: u64 = 24 * 60 * 60;
/// How long an approval holds, in seconds.
const VALID: u64 = 15 * 60;

/// Enters something in the log, on the disk before it comes back.
type Enter<'e> = &'e dyn Fn(&Entry) -> Result<(), EvidenceError>;

/// What is to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsealRequest {
    /// Whose sealed layer.
    pub session: SessionId,
    /// Why.
    pub reason: String,
}

/// What can be asked of requests to open sealed layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnsealCommand {
    /// Ask for it.
    Ask(UnsealRequest),
    /// Say yes or no.
    Answer {
        /// To which.
        id: UnsealId,
        /// Whether it is yes.
        yes: bool,
        /// Why.
        reason: String,
    },
    /// Take what was approved.
    Release(UnsealId),
    /// How is this one?
    Show(UnsealId),
}

/// Does it, at a gateway that runs.
pub(super) fn handle(
    (state_dir, enter): (&Path, Enter<'_>),
    ledger: &Ledger,
    actor: &Actor,
    command: UnsealCommand,
) -> Result<Unsealing, CommandError> {
    match command {
        UnsealCommand::Ask(request) => {
            let missing = || CommandError::Missing(format!("record of session {}", request.session));
            let summary = match evidence::summary(state_dir, request.session) {
                Err(EvidenceError::NoSession { .. }) => return Err(missing()),
                summary => summary?,
            };
            if !actor.may(Role::Viewer, on_record(&summary)) {
                return Err(missing());
            }
            let sealed = has_sealed_layer(state_dir, request.session)?;
            ask(ledger, actor, (&summary, sealed), &request)
        }
        UnsealCommand::Answer { id, yes, reason } => answer(ledger, actor, id, yes, &reason),
        UnsealCommand::Release(id) => release(enter, ledger, actor, id),
        UnsealCommand::Show(id) => show(ledger, actor, id),
    }
}

/// Those that `actor` may see: what is open, and up to as many as the page has that are over, the newest first.
pub(super) fn list(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<Unsealing>, CommandError> {
    let (all, next) = ledger.look(|look| look.latest::<Unsealing>(page.past, page.before))?;
    let page = Listed::behind(all, next.map(UnsealId::from_number));
    Ok(page.retain(|one| actor.may(Role::Viewer, on(one))))
}

/// Notes what is asked for. The same person's asking again for the same session is the request that there is.
fn ask(
    ledger: &Ledger,
    actor: &Actor,
    (summary, sealed): (&Summary, bool),
    request: &UnsealRequest,
) -> Result<Unsealing, CommandError> {
    actor.must(Role::Auditor, on_record(summary), "to open a sealed layer")?;
    let UnsealRequest { session, reason } = request;
    if reason.trim().is_empty() || reason.len() > hold::REASON_BYTES {
        return Err(hold::Ineligible::Reason.into());
    }
    if !sealed {
        return Err(CommandError::Wrong(format!("the record of {session} has no sealed layer: record.seal_to was not set then")));
    }
    ledger.change(|change| {
        let at = change.at;
        let same = |one: &Unsealing| one.session == *session && actor.person.is(&one.by) && !one.is_over(at);
        if let Some(known) = change.open::<Unsealing>()?.into_iter().find(same) {
            return Ok(known);
        }
        let terms = Terms {
            policy: "unseal".to_owned(),
            group: APPROVERS.to_owned(),
            quorum: 1,
            wait_seconds: WAIT,
            valid_seconds: VALID,
        };
        let one = Unsealing {
            id: UnsealId::new(now(), random()),
            state: UnsealState::Asked,
            session: *session,
            target: summary.target.clone(),
            workload: summary.workload.clone(),
            name: summary.name.clone(),
            by: actor.name().to_owned(),
            reason: reason.clone(),
            terms: vec![terms],
            involved: vec![actor.name().to_owned()],
            votes: Vec::new(),
            asked_at: at,
            until: at.after(Duration::from_secs(WAIT)),
            answer: None,
            ended_at: None,
        };
        change.put(&one)?;
        change.tell(Kind::UnsealAsked, &one.by, &one.id.to_string(), &about(&one, reason))?;
        Ok(one)
    })
}

/// Takes another person's answer.
fn answer(ledger: &Ledger, actor: &Actor, id: UnsealId, yes: bool, reason: &str) -> Result<Unsealing, CommandError> {
    ledger.change(|change| {
        let mut one: Unsealing = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        let role = if actor.may(Role::Auditor, on(&one)) { Role::Auditor } else { Role::Approver };
        actor.must(role, on(&one), "to answer who asks for a sealed layer")?;
        let at = change.at;
        if one.state != UnsealState::Asked || one.is_over(at) {
            return Err(CommandError::over(id, if one.is_over(at) { "expired" } else { one.state.name() }));
        }
        // Whoever has either role counts.
        let mut person = actor.person.clone();
        person.groups.insert(APPROVERS.to_owned());
        hold::eligible(&one.terms, &one.involved, &one.votes, &person, reason)?;
        let (by, subject) = (actor.name(), id.to_string());
        if yes {
            one.votes.push(Vote { by: person, reason: reason.to_owned(), scope: Scope::Once, at });
            if hold::satisfied(&one.terms, &one.involved, &one.votes) {
                (one.state, one.until) = (UnsealState::Approved, at.after(hold::valid(&one.terms)));
            }
            change.tell(Kind::UnsealApproved, by, &subject, &about(&one, reason))?;
        } else {
            (one.state, one.ended_at) = (UnsealState::Denied, Some(at));
            one.answer = Some(Answer { by: by.to_owned(), reason: reason.to_owned() });
            change.tell(Kind::UnsealDenied, by, &subject, &about(&one, reason))?;
        }
        change.put(&one)?;
        Ok(one)
    })
}

/// Lets whoever asked open it, once: the log says so first.
fn release(enter: Enter<'_>, ledger: &Ledger, actor: &Actor, id: UnsealId) -> Result<Unsealing, CommandError> {
    ledger.change(|change| {
        let mut one: Unsealing = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        actor.must(Role::Auditor, on(&one), "to open a sealed layer")?;
        if !actor.person.is(&one.by) {
            return Err(CommandError::NotThisWay("a sealed layer is opened by whoever asked for it, and by nobody else"));
        }
        match one.state {
            UnsealState::Asked if !one.is_over(change.at) => {
                let what = format!("{id} waits for another person: weir audit unseal approve {id} --reason TEXT");
                return Err(CommandError::Wrong(what));
            }
            UnsealState::Approved if !one.is_over(change.at) && hold::satisfied(&one.terms, &one.involved, &one.votes) => {}
            UnsealState::Asked | UnsealState::Approved => return Err(CommandError::over(id, "expired")),
            state @ (UnsealState::Released | UnsealState::Denied | UnsealState::Expired) => {
                return Err(CommandError::over(id, state.name()));
            }
        }
        let how = How::Unsealed.name().to_owned();
        enter(&Entry::Viewed { at: change.at.0, by: one.by.clone(), session: one.session, how })?;
        (one.state, one.ended_at) = (UnsealState::Released, Some(change.at));
        change.put(&one)?;
        change.tell(Kind::UnsealReleased, actor.name(), &id.to_string(), &about(&one, &one.reason))?;
        Ok(one)
    })
}

fn show(ledger: &Ledger, actor: &Actor, id: UnsealId) -> Result<Unsealing, CommandError> {
    let found = ledger.look(|look| look.find::<Unsealing>(id.number()))?;
    found.filter(|one| actor.may(Role::Viewer, on(one))).ok_or_else(|| CommandError::missing(id))
}

fn about(one: &Unsealing, reason: &str) -> serde_json::Value {
    let approved_by: Vec<_> = one.votes.iter().map(|vote| vote.by.name.as_str()).collect();
    json!({
        "session": one.session, "target": one.target, "workload": one.workload, "name": one.name, "asked_by": one.by,
        "approved_by": approved_by, "until": one.until, "reason": reason,
    })
}

fn on(one: &Unsealing) -> On<'_> {
    let workload = one.workload.as_deref().map(|workload| (workload, one.name.as_deref()));
    On { target: one.target.as_deref(), workload }
}

fn on_record(summary: &Summary) -> On<'_> {
    let workload = summary.workload.as_deref().map(|workload| (workload, summary.name.as_deref()));
    On { target: summary.target.as_deref(), workload }
}

#[cfg(test)]
mod tests {
    use super::super::actor::{Scoped, Via};
    use super::*;
    use gateway_core::control::person::Person;
    use std::cell::RefCell;

    fn actor(name: &str, role: Role, targets: &[&str]) -> Actor {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let person = Person { name: name.to_owned(), ..Person::default() };
        Actor { person, via: Via::Web, roles: vec![Scoped { role, targets, workloads: Vec::new() }] }
    }

    fn summary() -> Summary {
        let mut summary = Summary::new(SessionId::from_number(7), false);
        summary.target = Some("prod-pg".to_owned());
        summary
    }

    fn request(reason: &str) -> UnsealRequest {
        UnsealRequest { session: SessionId::from_number(7), reason: reason.to_owned() }
    }

    #[test]
    fn it_takes_another_person_and_is_for_one_person_one_session_and_once() {
        let state = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(state.path()).unwrap();
        let (ana, bo) = (actor("ana", Role::Auditor, &["prod-*"]), actor("bo", Role::Approver, &[]));
        let other = actor("cy", Role::Auditor, &[]);
        let summary = summary();
        let asked = ask(&ledger, &ana, (&summary, true), &request("case 7")).unwrap();
        assert_eq!(ask(&ledger, &ana, (&summary, true), &request("case 7")).unwrap().id, asked.id, "asked once");
        let elsewhere = ask(&ledger, &other, (&summary, true), &request("mine")).unwrap();
        assert_ne!(elsewhere.id, asked.id);
        let entered = RefCell::new(Vec::new());
        let enter = |entry: &Entry| {
            entered.borrow_mut().push(entry.clone());
            Ok(())
        };
        let released = |actor: &Actor| release(&enter, &ledger, actor, asked.id).map_err(|error| error.to_string());
        assert!(released(&ana).unwrap_err().contains("waits for another person"));
        for (who, says) in [
            (&ana, "nobody answers their own"),
            (
                &Actor { person: Person { name: "ANA".to_owned(), local_root: true, ..Person::default() }, ..ana.clone() },
                "their own",
            ),
            (&actor("dee", Role::Viewer, &[]), "takes the role"),
            (&actor("dee", Role::Operator, &[]), "takes the role"),
            (&actor("dee", Role::Approver, &["dev-*"]), "takes the role"),
        ] {
            let refused = answer(&ledger, who, asked.id, true, "yes").unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert!(answer(&ledger, &bo, asked.id, true, " ").is_err(), "without a reason");
        let approved = answer(&ledger, &bo, asked.id, true, "agreed").unwrap();
        assert_eq!((approved.state, approved.until <= now().after(Duration::from_secs(VALID))), (UnsealState::Approved, true));
        assert!(answer(&ledger, &other, asked.id, false, "too late").is_err());
        assert!(released(&other).unwrap_err().contains("nobody else"));
        assert!(entered.borrow().is_empty(), "nothing was let out");
        assert_eq!(released(&ana).unwrap().state, UnsealState::Released);
        let said = entered.borrow().iter().map(|entry| (entry.what(), entry.session())).collect::<Vec<_>>();
        assert_eq!(said, [("viewed", Some(SessionId::from_number(7)))]);
        assert!(released(&ana).unwrap_err().contains("released already"), "once");
        let kinds: Vec<_> = ledger.events_since(0).unwrap().into_iter().map(|event| (event.kind, event.by)).collect();
        let expected =
            [(Kind::UnsealAsked, "ana"), (Kind::UnsealAsked, "cy"), (Kind::UnsealApproved, "bo"), (Kind::UnsealReleased, "ana")];
        assert_eq!(kinds, expected.map(|(kind, by)| (kind, by.to_owned())));
    }

    #[test]
    fn what_is_over_opens_nothing_and_where_it_can_not_be_noted_nothing_is_released() {
        let state = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(state.path()).unwrap();
        let (ana, bo, summary) = (actor("ana", Role::Auditor, &[]), actor("bo", Role::Auditor, &[]), summary());
        for (who, sealed, reason, says) in [
            (&actor("dee", Role::Viewer, &[]), true, "x", "takes the role auditor"),
            (&ana, true, " ", "a reason is needed"),
            (&ana, false, "x", "no sealed layer"),
        ] {
            let refused = ask(&ledger, who, (&summary, sealed), &request(reason)).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        let one = ask(&ledger, &ana, (&summary, true), &request("x")).unwrap();
        let denied = answer(&ledger, &bo, one.id, false, "no").unwrap();
        assert_eq!(denied.state, UnsealState::Denied);
        let fresh = ask(&ledger, &ana, (&summary, true), &request("x")).unwrap();
        assert_ne!(fresh.id, one.id);
        answer(&ledger, &bo, fresh.id, true, "yes").unwrap();
        let broken = |_: &Entry| Err(EvidenceError::Unsigned);
        assert!(release(&broken, &ledger, &ana, fresh.id).is_err());
        assert_eq!(show(&ledger, &ana, fresh.id).unwrap().state, UnsealState::Approved, "nothing was changed");
        // A quarter of an hour later.
        let mut late = show(&ledger, &ana, fresh.id).unwrap();
        late.until = now();
        ledger.change(|change| change.put(&late)).unwrap_or_else(|error: crate::ledger::LedgerError| unreachable!("{error}"));
        let refused = release(&|_| Ok(()), &ledger, &ana, fresh.id).unwrap_err().to_string();
        assert!(refused.contains("expired"), "{refused}");
        // Whoever opens the ledger next says so.
        drop(ledger);
        let ledger = Ledger::open(state.path()).unwrap();
        assert_eq!(show(&ledger, &ana, fresh.id).unwrap().state, UnsealState::Expired);
        assert_eq!(ledger.events_of(Kind::UnsealExpired, 10).unwrap().len(), 1);
    }
}
