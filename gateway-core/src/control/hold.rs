//! The answer to a hold: who may give it, and when there are enough of them.

use super::person::Person;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest text of a reason, in bytes.
pub const REASON_BYTES: usize = 4096;

/// What a policy's `@hold` asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Terms {
    /// The policy.
    pub policy: String,
    /// The group whose members may approve.
    pub group: String,
    /// How many of them have to.
    pub quorum: u8,
    /// How long the operation waits for them, in seconds.
    pub wait_seconds: u64,
    /// How long an approval holds once it is given, in seconds.
    pub valid_seconds: u64,
}

/// How far an approval goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// These bytes with these parameters, this one time.
    #[default]
    Once,
    /// The same text with any parameters, for the rest of the session, while the approval holds.
    Session,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Vote {
    /// Whose.
    pub by: Person,
    /// Why.
    pub reason: String,
    /// How far it goes.
    pub scope: Scope,
    /// When it was given.
    pub at: Timestamp,
}

/// Why a person can't answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    /// They are part of what waits.
    #[error("{0} is its owner, or asked for it: nobody answers their own")]
    Own(String),
    /// None of the groups is theirs.
    #[error("{person} is not in {}", .groups.join(" or "))]
    Group {
        /// Who.
        person: String,
        /// The groups that may.
        groups: Vec<String>,
    },
    /// They have answered.
    #[error("{0} has approved it already: it takes another person")]
    Again(String),
    /// No reason was given.
    #[error("a reason is needed, of at most {REASON_BYTES} bytes")]
    Reason,
}

/// How long an operation may wait at most, where several policies hold it.
#[must_use]
pub fn wait(terms: &[Terms]) -> Duration {
    Duration::from_secs(terms.iter().map(|terms| terms.wait_seconds).min().unwrap_or_default())
}

/// How long an approval of it holds at most.
#[must_use]
pub fn valid(terms: &[Terms]) -> Duration {
    Duration::from_secs(terms.iter().map(|terms| terms.valid_seconds).min().unwrap_or_default())
}

/// Whether `person` may answer: with an approval, or with a denial. `involved` are the people whose own it is.
///
/// # Errors
/// Why not.
pub fn eligible(terms: &[Terms], involved: &[String], votes: &[Vote], person: &Person, reason: &str) -> Result<(), Ineligible> {
    if reason.trim().is_empty() || reason.len() > REASON_BYTES {
        return Err(Ineligible::Reason);
    }
    if involved.iter().any(|name| person.is(name)) {
        return Err(Ineligible::Own(person.name.clone()));
    }
    if votes.iter().any(|vote| vote.by.is(&person.name)) {
        return Err(Ineligible::Again(person.name.clone()));
    }
    if !terms.iter().any(|terms| person.belongs_to(&terms.group)) {
        let mut groups: Vec<_> = terms.iter().map(|terms| terms.group.clone()).collect();
        groups.sort();
        groups.dedup();
        return Err(Ineligible::Group { person: person.name.clone(), groups });
    }
    Ok(())
}

/// Whether these votes are what each of `terms` asks for: enough people of its group, each once, none of them `involved`.
#[must_use]
pub fn satisfied(terms: &[Terms], involved: &[String], votes: &[Vote]) -> bool {
    !terms.is_empty() && terms.iter().all(|terms| count(&terms.group, involved, votes) >= usize::from(terms.quorum.max(1)))
}

/// How many votes of members of `group` there are.
#[must_use]
pub fn count(group: &str, involved: &[String], votes: &[Vote]) -> usize {
    let counts = |vote: &Vote| vote.by.belongs_to(group) && !involved.iter().any(|name| vote.by.is(name));
    let first = |index: usize, vote: &Vote| !votes.iter().take(index).any(|before| before.by.is(&vote.by.name));
    votes.iter().enumerate().filter(|(index, vote)| counts(vote) && first(*index, vote)).count()
}

/// How far votes go together: no further than the narrowest.
#[must_use]
pub fn scope(votes: &[Vote]) -> Scope {
    votes.iter().map(|vote| vote.scope).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(group: &str, quorum: u8) -> Terms {
        Terms { policy: format!("by-{group}"), group: group.to_owned(), quorum, wait_seconds: 60, valid_seconds: 30 }
    }

    fn person(name: &str, groups: &[&str]) -> Person {
        Person { name: name.to_owned(), groups: groups.iter().map(|group| (*group).to_owned()).collect(), local_root: false }
    }

    fn vote(name: &str, groups: &[&str]) -> Vote {
        Vote { by: person(name, groups), reason: "because".to_owned(), scope: Scope::Session, at: Timestamp(0) }
    }

    #[test]
    fn it_takes_the_quorum_of_each_group_of_people_who_are_not_involved() {
        let (dba, security) = (terms("dba", 2), terms("security", 1));
        let involved = ["Ana@acme.example".to_owned()];
        let (bo, cy, ana) = (vote("bo", &["dba"]), vote("cy", &["dba", "security"]), vote("ana@acme.example", &["dba"]));
        let root = Vote { by: Person { name: "root".to_owned(), local_root: true, ..Person::default() }, ..bo.clone() };
        for (terms, votes, expected) in [
            (vec![dba.clone()], vec![bo.clone()], false),
            (vec![dba.clone()], vec![bo.clone(), cy.clone()], true),
            (vec![dba.clone()], vec![bo.clone(), bo.clone()], false),
            (vec![dba.clone()], vec![bo.clone(), ana.clone()], false),
            (vec![dba.clone(), security.clone()], vec![bo.clone(), cy.clone()], true),
            (vec![dba.clone(), security.clone()], vec![bo.clone(), vote("di", &["dba"])], false),
            (vec![dba.clone(), security.clone()], vec![bo.clone(), root.clone()], true),
            (vec![dba], vec![root.clone(), root], false),
            (vec![], vec![bo, cy], false),
        ] {
            assert_eq!(satisfied(&terms, &involved, &votes), expected, "{terms:?} {votes:?}");
        }
    }

    #[test]
    fn an_answer_needs_a_reason_a_group_and_another_person() {
        let terms = [terms("dba", 2)];
        let involved = ["ana".to_owned()];
        let check = |person: Person, reason: &str| eligible(&terms, &involved, &[vote("bo", &["dba"])], &person, reason);
        assert_eq!(check(person("cy", &["dba"]), "ticket 7"), Ok(()));
        assert_eq!(check(person("cy", &["dba"]), " "), Err(Ineligible::Reason));
        assert_eq!(check(person("cy", &["dba"]), &"x".repeat(REASON_BYTES + 1)), Err(Ineligible::Reason));
        assert_eq!(check(person("ANA", &["dba"]), "mine"), Err(Ineligible::Own("ANA".to_owned())));
        assert_eq!(check(person("bo", &["dba"]), "again"), Err(Ineligible::Again("bo".to_owned())));
        assert!(matches!(check(person("cy", &["dev"]), "please"), Err(Ineligible::Group { .. })));
    }

    #[test]
    fn together_votes_go_as_far_as_the_narrowest_and_terms_as_the_shortest() {
        let (wide, narrow) = (vote("bo", &[]), Vote { scope: Scope::Once, ..vote("cy", &[]) });
        assert_eq!(scope(std::slice::from_ref(&wide)), Scope::Session);
        assert_eq!(scope(&[wide, narrow]), Scope::Once);
        let short = Terms { wait_seconds: 5, valid_seconds: 90, ..terms("x", 1) };
        assert_eq!((wait(&[terms("y", 1), short.clone()]).as_secs(), valid(&[terms("y", 1), short]).as_secs()), (5, 30));
    }
}
