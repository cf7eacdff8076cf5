//! Grants are asked for, given and taken.

use super::actor::{APPROVERS, Actor, On, Role, Via};
use super::error::CommandError;
use super::holds::Say;
use super::page::{Listed, Page};
use crate::evidence::now;
use crate::ledger::{Answer, Kind, Lease, LeaseState, Ledger};
use crate::session::context::random;
use gateway_core::control::grant::{ACTIONS, Wish};
use gateway_core::control::hold::{self, Terms, Vote};
use gateway_core::model::ids::GrantId;
use serde_json::json;
use std::time::Duration;

/// How long a request waits for an answer, in seconds.
const WAIT: u64 = 24 * 60 * 60;
/// The longest that a grant may be asked for, in seconds.
const LONGEST: u64 = 7 * 24 * 60 * 60;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRequest {
    /// What it gives, and to whom.
    pub wish: Wish,
    /// How long it is wanted, in seconds from when it is given.
    pub seconds: u64,
    /// Why.
    pub reason: String,
}

/// Notes what is asked for. Nothing is given by that.
pub(super) fn request(ledger: &Ledger, actor: &Actor, request: GrantRequest) -> Result<Lease, CommandError> {
    let GrantRequest { mut wish, seconds, reason } = request;
    if let Via::Job(_, run) = actor.via {
        // Whatever it says it is: of this run nobody but itself is.
        (wish.workload, wish.run) = ("*".to_owned(), Some(run));
    } else {
        actor.must(Role::Viewer, on(&wish), "to ask for a grant")?;
    }
    check(&wish, seconds, &reason)?;
    let id = GrantId::new(now(), random());
    let at = now();
    let terms =
        Terms { policy: "grant".to_owned(), group: APPROVERS.to_owned(), quorum: 1, wait_seconds: WAIT, valid_seconds: seconds };
    let lease = Lease {
        id,
        state: LeaseState::Requested,
        by: actor.name().to_owned(),
        involved: vec![actor.name().to_owned()],
        terms: vec![terms],
        votes: Vec::new(),
        asked_at: at,
        until: at.after(Duration::from_secs(WAIT)),
        answer: None,
        ended_at: None,
        wish,
        seconds,
        reason,
    };
    ledger.change(|change| {
        change.put(&lease)?;
        let details = json!({ "wish": lease.wish, "seconds": lease.seconds, "reason": lease.reason });
        change.tell(Kind::GrantRequested, &lease.by, &id.to_string(), &details)?;
        Ok(lease)
    })
}

/// Takes a person's answer to a request.
pub(super) fn answer(ledger: &Ledger, actor: &Actor, id: GrantId, say: Say, reason: &str) -> Result<Lease, CommandError> {
    ledger.change(|change| {
        let mut lease: Lease = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        actor.must(Role::Approver, on(&lease.wish), "answers requests for grants")?;
        if lease.state != LeaseState::Requested {
            return Err(CommandError::over(id, state_name(lease.state)));
        }
        let person = actor.voter(on(&lease.wish));
        hold::eligible(&lease.terms, &lease.involved, &lease.votes, &person, reason)?;
        let (by, subject, at) = (actor.name().to_owned(), id.to_string(), change.at);
        match say {
            Say::Deny => {
                (lease.state, lease.ended_at) = (LeaseState::Denied, Some(at));
                lease.answer = Some(Answer { by: by.clone(), reason: reason.to_owned() });
                change.tell(Kind::GrantDenied, &by, &subject, &json!({ "reason": reason }))?;
            }
            Say::Approve(scope) => {
                lease.votes.push(Vote { by: person, reason: reason.to_owned(), scope, at });
                change.tell(Kind::GrantApproved, &by, &subject, &json!({ "reason": reason }))?;
                if hold::satisfied(&lease.terms, &lease.involved, &lease.votes) {
                    (lease.state, lease.until) = (LeaseState::Given, at.after(Duration::from_secs(lease.seconds)));
                    let details = json!({ "wish": lease.wish, "until": lease.until });
                    change.tell(Kind::GrantGiven, "weir", &subject, &details)?;
                }
            }
        }
        change.put(&lease)?;
        Ok(lease)
    })
}

/// Ends a grant, or takes a request back.
pub(super) fn revoke(ledger: &Ledger, actor: &Actor, id: GrantId, reason: &str) -> Result<Lease, CommandError> {
    ledger.change(|change| {
        let mut lease: Lease = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        if lease.by != actor.name() || matches!(actor.via, Via::Job(..)) {
            actor.must(Role::Approver, on(&lease.wish), "revokes grants")?;
        }
        if !matches!(lease.state, LeaseState::Requested | LeaseState::Given) {
            return Err(CommandError::over(id, state_name(lease.state)));
        }
        (lease.state, lease.ended_at) = (LeaseState::Revoked, Some(change.at));
        lease.answer = Some(Answer { by: actor.name().to_owned(), reason: reason.to_owned() });
        change.put(&lease)?;
        change.tell(Kind::GrantRevoked, actor.name(), &id.to_string(), &json!({ "reason": reason }))?;
        Ok(lease)
    })
}

/// Those that `actor` may see: what is open, and up to as many as the page has that are over, the newest first.
pub(super) fn list(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<Lease>, CommandError> {
    let (all, next) = ledger.look(|look| look.latest::<Lease>(page.past, page.before))?;
    let page = Listed::behind(all, next.map(GrantId::from_number));
    let own = |lease: &Lease| matches!(actor.via, Via::Job(_, run) if lease.wish.run == Some(run));
    Ok(page.retain(|lease| own(lease) || actor.may(Role::Viewer, on(&lease.wish))))
}

fn check(wish: &Wish, seconds: u64, reason: &str) -> Result<(), CommandError> {
    let wrong = |what: String| Err(CommandError::Wrong(what));
    if wish.target.is_empty() || wish.workload.is_empty() {
        return wrong("a grant is for a workload and a target: name both".to_owned());
    }
    if wish.actions.is_empty() {
        return wrong(format!("a grant gives actions: {}", ACTIONS.join(", ")));
    }
    if let Some(unknown) = wish.actions.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
        return wrong(format!("there is no action {unknown:?}: there are {}", ACTIONS.join(", ")));
    }
    if let Some(table) = wish.tables.iter().find(|table| !table.contains('.')) {
        return wrong(format!("{table:?} names no table: write schema.name, schema.* or *.name"));
    }
    if wish.actions.contains("reveal") == wish.classes.is_empty() {
        return wrong("the action reveal goes with the classes to be revealed, and they with it".to_owned());
    }
    if !(1..=LONGEST).contains(&seconds) {
        return wrong(format!("a grant is given for 1 s to {} days", LONGEST / 86_400));
    }
    if reason.trim().is_empty() || reason.len() > hold::REASON_BYTES {
        return Err(hold::Ineligible::Reason.into());
    }
    Ok(())
}

fn on(wish: &Wish) -> On<'_> {
    On { target: Some(&wish.target), workload: Some((&wish.workload, None)) }
}

const fn state_name(state: LeaseState) -> &'static str {
    match state {
        LeaseState::Requested => "requested",
        LeaseState::Given => "given",
        LeaseState::Denied => "denied",
        LeaseState::Expired => "expired",
        LeaseState::Revoked => "revoked",
        LeaseState::Ended => "ended",
    }
}
