//! Holds are looked at and answered.

use super::actor::{Actor, On, Role, Via};
use super::error::CommandError;
use super::page::{Listed, Page};
use crate::ledger::{Answer, Hold, HoldState, Kind, Ledger};
use gateway_core::control::hold::{self, Scope, Vote};
use gateway_core::model::ids::HoldId;
use serde_json::json;

/// What a person says to something that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// Yes, so far.
    Approve(Scope),
    /// No.
    Deny,
}

/// The holds that `actor` may see: those that wait, and up to as many as the page has that are over, the newest first.
pub(super) fn list(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<Hold>, CommandError> {
    let (all, next) = ledger.look(|look| look.latest::<Hold>(page.past, page.before))?;
    let page = Listed::behind(all, next.map(HoldId::from_number));
    Ok(page.retain(|hold| sees(actor, hold)))
}

pub(super) fn show(ledger: &Ledger, actor: &Actor, id: HoldId) -> Result<Hold, CommandError> {
    let hold = ledger.look(|look| Ok::<_, CommandError>(look.find::<Hold>(id.number())?))?;
    hold.filter(|hold| sees(actor, hold)).ok_or_else(|| CommandError::missing(id))
}

/// Takes a person's answer. It counts once it is written.
pub(super) fn answer(ledger: &Ledger, actor: &Actor, id: HoldId, say: Say, reason: &str) -> Result<Hold, CommandError> {
    ledger.change(|change| {
        let mut hold: Hold = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        let of = on(&hold);
        actor.must(Role::Approver, of, "answers holds")?;
        if hold.state != HoldState::Waiting {
            return Err(CommandError::over(id, state_name(hold.state)));
        }
        let person = actor.voter(of);
        hold::eligible(&hold.terms, &hold.involved, &hold.votes, &person, reason)?;
        let (by, subject) = (actor.name().to_owned(), id.to_string());
        match say {
            Say::Deny => {
                (hold.state, hold.ended_at) = (HoldState::Denied, Some(change.at));
                hold.answer = Some(Answer { by: by.clone(), reason: reason.to_owned() });
                change.tell(Kind::HoldDenied, &by, &subject, &json!({ "reason": reason, "digest": hold.asked.digest }))?;
            }
            Say::Approve(scope) => {
                let at = change.at;
                hold.votes.push(Vote { by: person, reason: reason.to_owned(), scope, at });
                let details = json!({ "reason": reason, "scope": scope, "digest": hold.asked.digest });
                change.tell(Kind::HoldApproved, &by, &subject, &details)?;
                if hold::satisfied(&hold.terms, &hold.involved, &hold.votes) {
                    (hold.state, hold.ended_at) = (HoldState::Approved, Some(change.at));
                    let people: Vec<_> = hold.votes.iter().map(|vote| &vote.by.name).collect();
                    let details = json!({ "by": people, "digest": hold.asked.digest, "scope": hold::scope(&hold.votes) });
                    change.tell(Kind::HoldReleased, "weir", &subject, &details)?;
                }
            }
        }
        change.put(&hold)?;
        Ok(hold)
    })
}

/// Whoever may look at its target and workload; and a job its own.
fn sees(actor: &Actor, hold: &Hold) -> bool {
    let own = matches!(actor.via, Via::Job(_, run) if hold.asked.run == Some(run));
    own || actor.may(Role::Viewer, on(hold))
}

fn on(hold: &Hold) -> On<'_> {
    On { target: Some(&hold.asked.target), workload: Some((&hold.asked.workload, hold.asked.name.as_deref())) }
}

pub(super) const fn state_name(state: HoldState) -> &'static str {
    match state {
        HoldState::Waiting => "waiting",
        HoldState::Approved => "approved",
        HoldState::Denied => "denied",
        HoldState::Expired => "expired",
        HoldState::Withdrawn => "withdrawn",
        HoldState::Abandoned => "abandoned",
    }
}
