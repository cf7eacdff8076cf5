//! Who has left and owned something, and who takes it over.

use super::actor::{Actor, On, Role, Via};
use super::error::CommandError;
use super::owners::{Known, Owned};
use super::{Desk, Reply};
use crate::ledger::{Departure, How, InForce, Kind, Ledger, Takeover, Token};
use crate::session::context::random;
use gateway_core::control::hold;
use gateway_core::model::ids::TakeoverId;
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// An owner who has left, and what they own.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct ListedOwner {
    pub owner: String,
    pub person: String,
    pub how: How,
    pub by: String,
    pub since: Timestamp,
    pub workloads: Vec<OwnedWorkload>,
}

/// A workload of somebody who has left.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct OwnedWorkload {
    pub workload: String,
    pub then: &'static str,
    pub successor: Option<String>,
    /// Live sessions at this gateway.
    pub sessions: usize,
}

/// Who takes what over, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeRequest {
    /// The workload, by the name of its entry, or its SPIFFE id.
    pub workload: String,
    /// Who owns it from then on: whoever asks where nobody is named; the successor where root of the host asks.
    pub owner: Option<String>,
    /// Why.
    pub reason: String,
}

impl Desk {
    /// Owners who have left, and what they own here.
    pub(super) fn list_owners(&self, actor: &Actor) -> Result<Reply, CommandError> {
        let in_force = self.shared.ledger.in_force();
        list(actor, Owned::at(&self.shared, &in_force), &in_force).map(Reply::Owners)
    }

    /// Has somebody take a workload over.
    pub(super) async fn take_owner(&self, actor: &Actor, request: TakeRequest) -> Result<Reply, CommandError> {
        let (actor, owned) = (actor.clone(), Owned::at(&self.shared, &self.shared.ledger.in_force()));
        let taken = self.written(move |ledger| take(ledger, &actor, &request, &owned)).await?;
        Ok(Reply::Owner(Box::new(taken)))
    }
}

/// Owners who have left and own something that `actor` may look at, the latest first.
pub(super) fn list(actor: &Actor, owned: Owned, in_force: &InForce) -> Result<Vec<ListedOwner>, CommandError> {
    if !actor.may_somewhere(Role::Viewer) {
        actor.must(Role::Viewer, On::default(), "to list owners")?;
    }
    let mut all = BTreeMap::<String, ListedOwner>::new();
    for (workload, known) in owned.0 {
        let Some(gone) = known.standing.gone else { continue };
        if !actor.may(Role::Viewer, on(&workload, known.spiffe.as_deref())) {
            continue;
        }
        let Departure { person, how, by, since, .. } = (*gone.departure).clone();
        let listed = all.entry(gone.owner.clone()).or_insert_with(|| ListedOwner {
            owner: gone.owner,
            person,
            how,
            by,
            since,
            workloads: Vec::new(),
        });
        let (then, successor) = (gone.then.outcome(), known.successor.filter(|name| in_force.left.find(name).is_none()));
        listed.workloads.push(OwnedWorkload { workload, then, successor, sessions: known.sessions.len() });
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_key(|listed| std::cmp::Reverse(listed.since));
    Ok(all)
}

/// Has somebody take a workload over whose owner has left. It is in force once this comes back.
pub(super) fn take(ledger: &Ledger, actor: &Actor, request: &TakeRequest, owned: &Owned) -> Result<Takeover, CommandError> {
    let TakeRequest { workload, owner, reason } = request;
    if matches!(actor.via, Via::Job(..)) {
        return Err(CommandError::Job);
    }
    let found = owned.find(workload);
    let operates = |known: &Known, name: &str| actor.may(Role::Operator, on(name, known.spiffe.as_deref()));
    let sees = |known: &Known, name: &str| actor.may(Role::Viewer, on(name, known.spiffe.as_deref()));
    ledger.change(|change| {
        let (name, known) = found
            .filter(|(name, known)| sees(known, name) || is_successor(change, actor, known).unwrap_or(false))
            .ok_or_else(|| CommandError::missing(format!("workload {workload} at this gateway")))?;
        let heir = is_successor(change, actor, known)?;
        if !operates(known, name) && !heir {
            let who = actor.name().to_owned();
            return Err(CommandError::Forbidden {
                who,
                what: "to take over what one is not the successor of",
                role: Role::Operator.name(),
            });
        }
        if reason.trim().is_empty() || reason.len() > hold::REASON_BYTES {
            return Err(hold::Ineligible::Reason.into());
        }
        let Some(from) = known.standing.owner.clone() else {
            return Err(CommandError::Wrong(format!(
                "{name} has no owner who could have left: give it one in its [[workload]] entry"
            )));
        };
        if !change.has_left(&from)? {
            return Err(CommandError::Wrong(format!("its owner {from} has not left: {name} stays theirs")));
        }
        let owner = new_owner(actor, owner.as_deref(), known)?;
        if !operates(known, name) && !actor.person.is(&owner) {
            return Err(CommandError::Wrong("a successor takes it over for nobody else".to_owned()));
        }
        if change.has_left(&owner)? {
            return Err(CommandError::Wrong(format!("{owner} has left, too")));
        }
        let at = change.at;
        for mut before in change.open::<Takeover>()?.into_iter().filter(|before| before.workload == name) {
            before.ended_at = Some(at);
            change.put(&before)?;
        }
        let mut id = TakeoverId::new(at, random());
        while change.find::<Takeover>(id.number())?.is_some() {
            id = TakeoverId::new(at, random());
        }
        let by = actor.name().to_owned();
        let (workload, configured, reason) = (name.to_owned(), known.configured.clone(), reason.clone());
        let takeover = Takeover { id, workload, owner, from, configured, by, reason, at, ended_at: None };
        change.put(&takeover)?;
        let details = json!({ "owner": takeover.owner, "from": takeover.from, "reason": takeover.reason, "id": id });
        change.tell(Kind::OwnerChanged, actor.name(), name, &details)?;
        Ok(takeover)
    })
}

fn new_owner(actor: &Actor, owner: Option<&str>, known: &Known) -> Result<String, CommandError> {
    let wrong = |what: &str| CommandError::Wrong(what.to_owned());
    match (owner, &known.successor) {
        (Some(owner), _)
            if owner.is_empty() || owner.len() > 256 || owner.trim() != owner || owner.chars().any(char::is_control) =>
        {
            Err(wrong("an owner is a person's name"))
        }
        (Some(owner), _) => Ok(owner.to_owned()),
        // Who is root of a host owns nothing by that.
        (None, Some(successor)) if actor.person.local_root => Ok(successor.clone()),
        (None, None) if actor.person.local_root => Err(wrong("it has no successor: say who owns it from now on, --owner NAME")),
        (None, _) => Ok(actor.name().to_owned()),
    }
}

/// Whether they are who may take it over: as themselves, signed in, and not by a token that was made for something else.
fn is_successor(change: &crate::ledger::Change<'_>, actor: &Actor, known: &Known) -> Result<bool, CommandError> {
    let named = known.successor.as_ref().is_some_and(|successor| actor.person.is(successor));
    Ok(named
        && match actor.via {
            Via::Web => true,
            Via::Token(id) => change.find::<Token>(id.number())?.is_some_and(|token| token.roles.is_none()),
            Via::Socket(_) | Via::Job(..) | Via::Host => false,
        })
}

fn on<'o>(name: &'o str, spiffe: Option<&'o str>) -> On<'o> {
    On { target: None, workload: Some((spiffe.unwrap_or(name), Some(name))) }
}
