//! Who owns a workload now, whether they have left, and what is to become of it then.

pub use crate::config::{OnOwnerLeave, WorkloadRule};
use crate::evidence::utc;
use crate::ledger::{Departure, InForce, Takeover};
use crate::session::live::{KillOrder, Session};
use gateway_core::control::hold::{Terms, Vote};
use gateway_core::control::role::APPROVERS;
use gateway_core::model::principal::Principal;
use gateway_core::model::time::Timestamp;
use gateway_core::protocol::Refusal;
use std::sync::Arc;

/// What a workload waits for whose owner has left: the name that stands where a policy's would.
const POLICY: &str = "on_owner_leave";
/// How long what waits for somebody waits, and how long their approval holds, in seconds: as where a `@hold` says nothing.
const WAIT: u64 = 30 * 60;
const VALID: u64 = 10 * 60;

/// How a workload stands with its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// Who owns it now.
    pub owner: Option<String>,
    /// How they have left, where they have.
    pub gone: Option<Gone>,
}

/// An owner who has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Who, as the workload has it.
    pub owner: String,
    /// How they left.
    pub departure: Arc<Departure>,
    /// What is to become of what they own.
    pub then: OnOwnerLeave,
    /// The workload, by the name of its entry, or its SPIFFE id.
    pub workload: String,
    /// Who may take it over.
    pub successor: Option<String>,
    terms: Terms,
}

/// What is waited for because an owner has left.
#[derive(Clone, Debug)]
pub struct Wait<'o> {
    /// Who has to approve it.
    pub terms: &'o Terms,
    /// Why.
    pub why: String,
    /// When the owner left: what was approved before is not approved without them.
    since: Timestamp,
}

impl Wait<'_> {
    /// Of these votes those that count.
    #[must_use]
    pub fn fresh(&self, votes: &[Vote]) -> Vec<Vote> {
        votes.iter().filter(|vote| vote.at >= self.since).cloned().collect()
    }
}

impl Ownership {
    /// How this workload stands, by what is configured and what is in force.
    #[must_use]
    pub fn of(rules: &[WorkloadRule], in_force: &InForce, principal: &Principal) -> Self {
        let workload = principal.name.as_deref().unwrap_or(&principal.workload.0);
        let rule = principal.name.as_ref().and_then(|name| rules.iter().find(|rule| rule.name == *name));
        // A session that began after a take-over has its new owner already.
        let configured = rule.map_or(principal.owner.as_deref(), |rule| rule.owner.as_deref());
        let owner = taken(in_force, principal, configured).or(configured);
        Self::new(in_force, workload, owner, rule)
    }

    /// How the workload of a `[[workload]]` entry stands.
    #[must_use]
    pub fn of_rule(rule: &WorkloadRule, in_force: &InForce) -> Self {
        let configured = rule.owner.as_deref();
        let owner = latest(in_force, configured, |workload| *workload == *rule.name).or(configured);
        Self::new(in_force, &rule.name, owner, Some(rule))
    }

    fn new(in_force: &InForce, workload: &str, owner: Option<&str>, rule: Option<&WorkloadRule>) -> Self {
        let gone = owner.and_then(|owner| Some((owner, in_force.left.find(owner)?))).map(|(owner, departure)| Gone {
            owner: owner.to_owned(),
            departure: Arc::clone(departure),
            then: rule.map(|rule| rule.on_owner_leave).unwrap_or_default(),
            workload: workload.to_owned(),
            successor: rule.and_then(|rule| rule.successor.clone()),
            terms: Terms {
                policy: POLICY.to_owned(),
                group: APPROVERS.to_owned(),
                quorum: 1,
                wait_seconds: WAIT,
                valid_seconds: VALID,
            },
        });
        Self { owner: owner.map(str::to_owned), gone }
    }

    /// Whether it has an owner, who has not left.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.owner.is_some() && self.gone.is_none()
    }

    /// What it waits for, and why, for its owner has left.
    #[must_use]
    pub fn waits(&self) -> Option<Wait<'_>> {
        let gone = self.gone.as_ref().filter(|gone| gone.then == OnOwnerLeave::Hold)?;
        Some(Wait { terms: &gone.terms, why: gone.what(), since: gone.departure.since })
    }
}

impl Gone {
    /// What has happened.
    #[must_use]
    pub fn what(&self) -> String {
        format!("its owner {} has left", self.owner)
    }

    /// How it is known.
    #[must_use]
    pub fn because(&self) -> String {
        let Departure { person, how, by, since, .. } = &*self.departure;
        let person = if person.eq_ignore_ascii_case(&self.owner) { "they were".to_owned() } else { format!("{person} was") };
        format!("{person} {} at {}, by the word of {by}; on_owner_leave is {}", how.words(), utc(*since), self.then.name())
    }

    /// What can be done.
    #[must_use]
    pub fn hint(&self) -> String {
        let who = match &self.successor {
            Some(successor) => format!("{successor}, or an operator, takes it over"),
            None => "an operator takes it over".to_owned(),
        };
        format!("{who}: weir owner take {} --reason …", self.workload)
    }

    /// The refusal of a connection.
    #[must_use]
    pub fn refusal(&self, session: &Session) -> Refusal {
        Refusal {
            code: "42501",
            message: format!("weir refused the connection to {}: {}", session.place().target.name, self.what()),
            detail: format!("{}, run {}, session {}", self.because(), session.run, session.id),
            hint: self.hint(),
            position: None,
        }
    }

    /// The order to end a session.
    #[must_use]
    pub fn order(&self) -> KillOrder {
        KillOrder { by: "weir".to_owned(), reason: format!("{}: {}", self.what(), self.because()) }
    }
}

/// Who has taken the workload over that is `configured` to be somebody's, where anybody has.
#[must_use]
pub fn taken<'f>(in_force: &'f InForce, principal: &Principal, configured: Option<&str>) -> Option<&'f str> {
    let theirs = |workload: &str| *workload == *principal.workload.0 || principal.name.as_deref() == Some(workload);
    latest(in_force, configured, theirs)
}

fn latest<'f>(in_force: &'f InForce, configured: Option<&str>, theirs: impl Fn(&str) -> bool) -> Option<&'f str> {
    let counts = |takeover: &&Takeover| theirs(&takeover.workload) && takeover.configured.as_deref() == configured;
    in_force.takeovers.iter().rev().find(counts).map(|takeover| takeover.owner.as_str())
}

/// The people whose own a session is: its owner, then and now, whoever logged in and started it, and the user that it runs as. Root
/// is no person: who approves as root is told by their login.
#[must_use]
pub fn involved(principal: &Principal, in_force: &InForce) -> Vec<String> {
    let process = &principal.process;
    let user = process.user.iter().filter(|_| process.uid != 0);
    let owner = taken(in_force, principal, principal.owner.as_deref()).map(str::to_owned);
    let person = principal.person.as_ref().map(|person| &person.name);
    let mut people: Vec<_> =
        principal.owner.iter().chain(person).chain(&owner).chain(&process.login).chain(user).cloned().collect();
    people.sort();
    people.dedup();
    people
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WorkloadMatch;
    use crate::ledger::{Change, How, Ledger, LedgerError};
    use gateway_core::model::ids::{PersonId, RunId, TakeoverId};
    use gateway_core::model::principal::{Grade, Process, WorkloadId};

    fn rule(name: &str, then: OnOwnerLeave) -> WorkloadRule {
        WorkloadRule {
            name: name.to_owned(),
            matches: WorkloadMatch::default(),
            owner: Some("Ana@acme.example".to_owned()),
            on_owner_leave: then,
            successor: Some("bo@acme.example".to_owned()),
            mode: None,
        }
    }

    fn principal(name: Option<&str>, owner: Option<&str>) -> Principal {
        Principal {
            workload: WorkloadId("spiffe://acme.example/host/h/user/app/exe/psql".to_owned()),
            name: name.map(str::to_owned),
            owner: owner.map(str::to_owned),
            grade: Grade::Kernel,
            run: RunId::from_number(1),
            process: Process::default(),
            claims: None,
            attested: None,
            attestation_failure: None,
            person: None,
        }
    }

    fn in_force(work: impl FnOnce(&mut Change<'_>) -> Result<(), LedgerError>) -> Arc<InForce> {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        ledger.change(work).unwrap();
        ledger.in_force()
    }

    fn ana_leaves(change: &mut Change<'_>) -> Result<(), LedgerError> {
        let departure = Departure {
            id: PersonId::from_number(1),
            person: "ana@acme.example".to_owned(),
            how: How::Deactivated,
            by: "okta".to_owned(),
            since: change.at,
            holder: crate::ledger::Holder::nobody(),
        };
        change.leaves(&departure, &["ana@acme.example".to_owned()].into()).map(drop)
    }

    fn take(change: &mut Change<'_>, workload: &str, owner: &str) -> Result<(), LedgerError> {
        let at = change.at;
        let (from, by, reason) = ("ana@acme.example".to_owned(), owner.to_owned(), "x".to_owned());
        let (id, configured) = (TakeoverId::from_number(at.0 / 1_000), Some("Ana@acme.example".to_owned()));
        let (workload, owner) = (workload.to_owned(), owner.to_owned());
        change.put(&Takeover { id, workload, owner, from, configured, by, reason, at, ended_at: None })
    }

    #[test]
    fn a_workload_stands_as_its_owner_does() {
        let rules = [rule("backup", OnOwnerLeave::Hold), rule("report", OnOwnerLeave::Alert)];
        let here = in_force(|_| Ok(()));
        let gone = in_force(ana_leaves);
        let taken = in_force(|change| ana_leaves(change).and_then(|()| take(change, "backup", "bo@acme.example")));
        let ana = Some("Ana@acme.example");
        for (in_force, name, owner, active, then) in [
            (&here, Some("backup"), ana, true, None),
            (&here, None, None, false, None),
            (&gone, Some("backup"), ana, false, Some(OnOwnerLeave::Hold)),
            (&gone, Some("report"), ana, false, Some(OnOwnerLeave::Alert)),
            // What no entry names is refused.
            (&gone, None, ana, false, Some(OnOwnerLeave::Block)),
            (&gone, Some("other"), Some("cy@acme.example"), true, None),
            (&taken, Some("backup"), ana, true, None),
            (&taken, Some("report"), ana, false, Some(OnOwnerLeave::Alert)),
        ] {
            let standing = Ownership::of(&rules, in_force, &principal(name, owner));
            assert_eq!(standing.is_active(), active, "{name:?} {owner:?}");
            assert_eq!(standing.gone.as_ref().map(|gone| gone.then), then, "{name:?} {owner:?}");
            assert_eq!(standing.waits().is_some(), then == Some(OnOwnerLeave::Hold));
        }
        // Who is written into the configuration is its owner, whoever has taken it over from another.
        let mut renamed = rules.clone();
        renamed[0].owner = Some("cy@acme.example".to_owned());
        let standing = Ownership::of(&renamed, &taken, &principal(Some("backup"), ana));
        assert_eq!(standing.owner.as_deref(), Some("cy@acme.example"));
        assert_eq!(involved(&principal(Some("backup"), ana), &taken), ["Ana@acme.example", "bo@acme.example"]);
    }

    #[test]
    fn whoever_takes_it_over_leaves_in_turn() {
        let rules = [rule("backup", OnOwnerLeave::Block)];
        let taken = in_force(|change| {
            take(change, "backup", "bo@acme.example")?;
            let departure = Departure {
                id: PersonId::from_number(2),
                person: "bo@acme.example".to_owned(),
                how: How::Removed,
                by: "okta".to_owned(),
                since: change.at,
                holder: crate::ledger::Holder::nobody(),
            };
            change.leaves(&departure, &["bo@acme.example".to_owned()].into()).map(drop)
        });
        let standing = Ownership::of(&rules, &taken, &principal(Some("backup"), Some("Ana@acme.example")));
        let gone = standing.gone.clone().unwrap();
        assert_eq!((gone.owner.as_str(), gone.then), ("bo@acme.example", OnOwnerLeave::Block));
        assert!(gone.because().contains("removed from the directory") && gone.what().contains("bo@acme.example"));
        assert_eq!(Ownership::of_rule(&rules[0], &taken), standing);
    }
}
