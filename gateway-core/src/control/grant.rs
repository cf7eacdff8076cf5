//! A permission that ends by itself: more than policy gives, as far as a policy takes grants into account.

use super::hold::Vote;
use super::names;
use crate::inspect::resolve::{Question, Resource};
use crate::model::ids::{GrantId, RunId, SessionId};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What may be granted: the actions of policies, by their names.
pub const ACTIONS: [&str; 9] = ["connect", "resolve", "read", "write", "define", "administer", "call", "session", "reveal"];

/// What a grant gives, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Wish {
    /// The workload, by its SPIFFE id or the name of its `[[workload]]` entry.
    pub workload: String,
    /// Of it, this run alone.
    pub run: Option<RunId>,
    /// Of it, this session alone.
    pub session: Option<SessionId>,
    /// The target.
    pub target: String,
    /// The actions, as policies have them.
    pub actions: BTreeSet<String>,
    /// The relations, `schema.name` or `schema.*`; all of the target where there is none.
    #[serde(default)]
    pub tables: Vec<String>,
    /// The classes to be revealed.
    #[serde(default)]
    pub classes: Vec<String>,
}

/// A grant in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// What it gives.
    pub wish: Wish,
    /// Who gave it: they count as approvers of what a policy holds, too.
    pub votes: Vec<Vote>,
    /// When it ends by itself.
    pub until: Timestamp,
}

impl Wish {
    /// Whether it is for this session of this workload.
    #[must_use]
    pub fn is_for(&self, principal: &Principal, target: &str, session: Option<SessionId>) -> bool {
        let named = names(&self.workload, &principal.workload.0)
            || principal.name.as_ref().is_some_and(|name| names(&self.workload, name));
        let run = self.run.is_none_or(|run| run == principal.run);
        let own = self.session.is_none_or(|id| Some(id) == session);
        named && run && own && names(&self.target, target)
    }

    /// Whether it gives this action on the target as a whole.
    #[must_use]
    pub fn gives(&self, action: &str) -> bool {
        self.tables.is_empty() && self.actions.contains(action)
    }

    /// Whether it gives what a statement asks for.
    #[must_use]
    pub fn covers(&self, question: &Question) -> bool {
        let action = self.actions.contains(question.action.name());
        action && (self.tables.is_empty() || self.has(&question.resource))
    }

    /// Whether it lets this class be seen.
    #[must_use]
    pub fn reveals(&self, class: &str) -> bool {
        self.actions.contains("reveal") && self.classes.iter().any(|pattern| names(pattern, class))
    }

    fn has(&self, resource: &Resource) -> bool {
        // Where nobody knows the schema, only a pattern for any is known to name it.
        let (schema, name) = match resource {
            Resource::Table(schema, name) => (schema.as_deref(), name),
            Resource::Target | Resource::Schema(_) | Resource::Function(..) => return false,
        };
        self.tables.iter().any(|pattern| match pattern.split_once('.') {
            Some(("*", of)) => names(of, name),
            Some((in_schema, of)) => schema.is_some_and(|schema| names(in_schema, schema)) && names(of, name),
            None => false,
        })
    }
}

impl Grant {
    /// Whether it is in force.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Action;
    use crate::model::principal::tests::principal;

    fn wish(actions: &[&str], tables: &[&str]) -> Wish {
        Wish {
            workload: "spiffe://acme.example/host/h/unit/b.service".to_owned(),
            target: "prod-pg".to_owned(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            tables: tables.iter().map(|table| (*table).to_owned()).collect(),
            ..Wish::default()
        }
    }

    #[test]
    fn a_grant_is_for_its_workload_its_run_and_its_target() {
        let who = principal("spiffe://acme.example/host/h/unit/b.service");
        let of_run = |run| Wish { run: Some(run), ..wish(&["read"], &[]) };
        let other = RunId::from_number(who.run.number() + 1);
        for (wish, target, expected) in [
            (wish(&["read"], &[]), "prod-pg", true),
            (wish(&["read"], &[]), "dev-pg", false),
            (of_run(who.run), "prod-pg", true),
            (of_run(other), "prod-pg", false),
            (Wish { workload: "other".to_owned(), ..wish(&["read"], &[]) }, "prod-pg", false),
            (Wish { session: Some(SessionId::from_number(1)), ..wish(&["read"], &[]) }, "prod-pg", false),
        ] {
            assert_eq!(wish.is_for(&who, target, Some(SessionId::from_number(2))), expected, "{wish:?}");
        }
    }

    #[test]
    fn a_grant_covers_the_relations_that_it_names_and_no_other() {
        let question = |action, resource| Question { action, resource, behind: None, verb: None };
        let table = |schema: Option<&str>, name: &str| Resource::Table(schema.map(Into::into), name.into());
        for (wish, action, resource, expected) in [
            (wish(&["read"], &[]), Action::Read, table(Some("public"), "t"), true),
            (wish(&["read"], &[]), Action::Write, table(Some("public"), "t"), false),
            (wish(&["read"], &["public.t"]), Action::Read, table(Some("public"), "t"), true),
            (wish(&["read"], &["public.t"]), Action::Read, table(None, "t"), false),
            (wish(&["read"], &["*.t"]), Action::Read, table(None, "t"), true),
            (wish(&["read"], &["public.*"]), Action::Read, table(Some("app"), "t"), false),
            (wish(&["read"], &["public.t"]), Action::Read, Resource::Target, false),
            (wish(&["read"], &["t"]), Action::Read, table(Some("public"), "t"), false),
        ] {
            assert_eq!(wish.covers(&question(action, resource.clone())), expected, "{wish:?} {resource:?}");
        }
        assert!(wish(&["connect"], &[]).gives("connect") && !wish(&["connect"], &["a.b"]).gives("connect"));
        let reveals = Wish { classes: vec!["pii".to_owned()], ..wish(&["reveal"], &[]) };
        assert!(reveals.reveals("pii") && !reveals.reveals("cards") && !wish(&["reveal"], &[]).reveals("pii"));
    }
}
