//! What a workload was seen to do, gathered: each thing once, with how often and when.

use super::super::compare::example;
use super::super::past::{Asked, Past, Session};
use gateway_core::control::hold::Terms;
use gateway_core::inspect::Action;
use gateway_core::inspect::resolve::{Question, Resource};
use gateway_core::model::ids::RunId;
use gateway_core::model::principal::Grade;
use gateway_core::model::time::Timestamp;
use gateway_core::policy::basis::{KeptOperation, Verdict};
use gateway_core::policy::{Running, Totals};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Different things that are gathered. With the rest of a suggestion it stays below what a set may have.
pub(super) const MOST: usize = 9_000;
/// Of each kind of note.
const MOST_NOTES: usize = 1_000;
/// Runs whose totals are added up.
const MOST_RUNS: usize = 100_000;

/// How often something was seen, and when.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) example: String,
}

/// Something done to something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) target: String,
    pub(super) action: Action,
    pub(super) resource: Resource,
}

/// How it was done.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) seen: Seen,
    pub(super) verbs: BTreeSet<String>,
    /// The views through which it was got to; none of what was named itself.
    pub(super) behind: BTreeSet<Option<Box<str>>>,
    pub(super) no_where: bool,
    /// Each time people had approved it, for these.
    pub(super) held: Option<BTreeSet<Terms>>,
    /// Without a catalog: the name may then be in any schema that a set names by itself.
    pub(super) without_catalog: bool,
    /// It was not seen itself: it is what a name may mean once the policies name a schema for it.
    pub(super) implied: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) decisions: u64,
    /// The SPIFFE ids that it has.
    pub(super) workloads: BTreeSet<String>,
    /// The names of its `[[workload]]` entry.
    pub(super) names: BTreeSet<String>,
    pub(super) grades: BTreeSet<Grade>,
    pub(super) uses: BTreeMap<Key, Use>,
    /// By target; whether the client meant another host than its run asked for.
    pub(super) connects: BTreeMap<(String, bool), Seen>,
    /// By target and name.
    pub(super) resolved: BTreeMap<(String, String), Seen>,
    /// By target and class.
    pub(super) revealed: BTreeMap<(String, String), Seen>,
    /// By target and command, of what policy allows though it was not understood.
    pub(super) unread: BTreeMap<String, Seen>,
    /// What was refused, what was hidden, and what a person should look at.
    pub(super) denied: BTreeMap<String, Seen>,
    pub(super) hidden: BTreeMap<String, Seen>,
    pub(super) doubtful: BTreeMap<String, Seen>,
    pub(super) left_out: u64,
    pub(super) not_judged: BTreeMap<String, u64>,
    /// The most that was counted at any decision, or at a run's end.
    pub(super) most: Totals,
    runs: BTreeMap<RunId, Running>,
    too_much: bool,
}

/// Why a person has to think about something that went through before a policy lets it through, where one has to.
pub(super) fn doubt(past: &Past) -> Option<&'static str> {
    let (strange, waits) = match &past.asked {
        Ok(Asked::Connect(kept, _)) => {
            (kept.known.mismatch.then_some("its client meant another host than its run asked for"), kept.released.is_empty())
        }
        Ok(Asked::Operation(kept, _)) => {
            let unread = kept.facts.unparsed.is_some();
            (unread.then_some("it was not understood, and went through since the mode was observe"), kept.released.is_empty())
        }
        Ok(Asked::Name(..)) | Err(_) => (None, false),
    };
    match past.verdict {
        _ if past.by_glass => Some("it went through by broken glass"),
        Verdict::Allow => None,
        Verdict::Hold if waits => {
            Some("it would have waited for people, had the mode been enforce: keep the policy that holds it")
        }
        Verdict::Hold | Verdict::Deny => strange,
    }
}

impl Needs {
    /// Notes a decision.
    pub(super) fn add(&mut self, session: &Session, past: &Past) {
        let asked = match &past.asked {
            Ok(asked) => asked,
            Err(why) => {
                *self.not_judged.entry(why.to_string()).or_default() += 1;
                return;
            }
        };
        self.decisions += 1;
        let seen = Seen::new(session, past);
        let target = past.target(session).name.clone();
        if !past.passed {
            let words = if past.touched.is_empty() { past.command.clone() } else { past.touched.join(", ") };
            let by = if past.policies.is_empty() { "nothing permitted it".to_owned() } else { past.policies.join(", ") };
            return note(&mut self.denied, format!("{} on {target}: {words} ({by})", past.command), seen);
        }
        if let Some(why) = doubt(past) {
            self.left_out += 1;
            let command = if past.command.is_empty() { "a statement" } else { past.command.as_str() };
            return note(&mut self.doubtful, format!("{command} on {target}: {why}"), seen);
        }
        let principal = &session.principal;
        self.workloads.insert(principal.workload.0.clone());
        self.names.extend(principal.name.clone());
        self.grades.insert(principal.grade);
        match asked {
            Asked::Connect(kept, _) => {
                self.counted(&kept.totals);
                let mismatch = kept.known.mismatch;
                merge(&mut self.connects, (target, mismatch), seen);
            }
            Asked::Name(_, name, _) => merge(&mut self.resolved, (target, name.clone()), seen),
            Asked::Operation(kept, _) => self.operation(kept, past, &target, &seen),
        }
        self.too_much |= self.uses.len() + self.connects.len() + self.resolved.len() + self.revealed.len() > MOST;
    }

    /// Notes a session's end.
    pub(super) fn ended(&mut self, session: &Session, ended: &Value) {
        let Some(run) = session.run else { return };
        if self.runs.len() >= MOST_RUNS && !self.runs.contains_key(&run) {
            return;
        }
        let number = |key: &str| ended.get(key).and_then(Value::as_u64).unwrap_or_default();
        let total = self.runs.entry(run).or_default();
        total.rows += number("rows");
        total.statements += number("statements");
        // More than policies count: what the server sent and the client, whole.
        total.bytes += number("bytes_from_server") + number("bytes_from_client");
        self.most.run.bytes = self.most.run.bytes.max(total.bytes);
        self.most.run.rows = self.most.run.rows.max(total.rows);
        self.most.run.statements = self.most.run.statements.max(total.statements);
    }

    pub(super) const fn is_too_much(&self) -> bool {
        self.too_much
    }

    fn operation(&mut self, kept: &KeptOperation, past: &Past, target: &str, seen: &Seen) {
        self.counted(&kept.totals);
        for class in &past.revealed {
            merge(&mut self.revealed, (target.to_owned(), class.clone()), seen.clone());
        }
        for class in &kept.hidden {
            note(&mut self.hidden, format!("{class} of {target}"), seen.clone());
        }
        if kept.facts.unparsed.is_some() {
            merge(&mut self.unread, target.to_owned(), seen.clone());
            return;
        }
        if self.too_much {
            return;
        }
        let own = kept.command.split(' ').next().unwrap_or_default();
        let held: BTreeSet<Terms> = kept.released.iter().filter(|terms| terms.policy != OWNER).cloned().collect();
        for Question { action, resource, behind, verb } in &kept.questions {
            let key = Key { target: target.to_owned(), action: *action, resource: resource.clone() };
            let held = (!held.is_empty()).then(|| held.clone());
            let verb = verb.unwrap_or(own).to_owned();
            let done = self.uses.entry(key).or_insert_with(|| Use {
                seen: Seen { count: 0, ..seen.clone() },
                verbs: BTreeSet::new(),
                behind: BTreeSet::new(),
                no_where: false,
                held: held.clone(),
                without_catalog: false,
                implied: false,
            });
            done.seen.merge(seen);
            done.verbs.insert(verb);
            done.behind.insert(behind.clone());
            done.no_where |= kept.facts.no_where;
            done.without_catalog |= !kept.by_catalog;
            done.held = match (done.held.take(), held) {
                (Some(known), Some(more)) => Some(known.union(&more).cloned().collect()),
                _ => None,
            };
        }
    }

    fn counted(&mut self, totals: &Totals) {
        fn most(one: Running, other: Running) -> Running {
            Running {
                rows: one.rows.max(other.rows),
                bytes: one.bytes.max(other.bytes),
                statements: one.statements.max(other.statements),
                seconds: one.seconds.max(other.seconds),
                concurrent: one.concurrent.max(other.concurrent),
                connections: one.connections.max(other.connections),
            }
        }
        let before = self.most;
        self.most = Totals {
            session: most(before.session, totals.session),
            run: most(before.run, totals.run),
            hour: most(before.hour, totals.hour),
        };
    }

    /// Adds what the policies themselves will raise: a name without a schema is asked about in each schema in which a policy names it.
    pub(super) fn close(&mut self) {
        loop {
            let mut implied = Vec::new();
            for (key, done) in &self.uses {
                for schema in self.schemas(key, done.without_catalog) {
                    let resource = match &key.resource {
                        Resource::Table(_, name) => Resource::Table(Some(schema), name.clone()),
                        Resource::Function(_, name) => Resource::Function(Some(schema), name.clone()),
                        Resource::Target | Resource::Schema(_) => continue,
                    };
                    let meant = Key { resource, ..key.clone() };
                    let lacks = self.uses.get(&meant).is_none_or(|known| {
                        !done.verbs.is_subset(&known.verbs)
                            || !done.behind.is_subset(&known.behind)
                            || (done.no_where && !known.no_where)
                    });
                    if lacks {
                        implied.push((meant, done.clone()));
                    }
                }
            }
            if implied.is_empty() || self.uses.len() > MOST {
                return;
            }
            for (key, done) in implied {
                let known = self.uses.entry(key).or_insert_with(|| Use { implied: true, ..done.clone() });
                known.verbs.extend(done.verbs);
                known.behind.extend(done.behind);
                known.no_where |= done.no_where;
                if done.held.is_none() {
                    known.held = None;
                }
            }
        }
    }

    /// The schemas that a name may be in whose schema nobody knows, as far as the policies will name any.
    fn schemas(&self, key: &Key, without_catalog: bool) -> BTreeSet<Box<str>> {
        let (Resource::Table(None, _) | Resource::Function(None, _)) = &key.resource else { return BTreeSet::new() };
        let theirs = self.uses.keys().filter(|other| other.target == key.target);
        let schema = |other: &Key| match (&key.resource, &other.resource) {
            (Resource::Table(_, name), Resource::Table(Some(schema), other))
            | (Resource::Function(_, name), Resource::Function(Some(schema), other))
                if name == other =>
            {
                Some(schema.clone())
            }
            (_, Resource::Schema(schema)) if without_catalog => Some(schema.clone()),
            _ => None,
        };
        theirs.filter_map(schema).collect()
    }
}

/// The policy that an approval of what waits for its owner names.
const OWNER: &str = "on_owner_leave";

impl Seen {
    fn new(session: &Session, past: &Past) -> Self {
        Self { count: 1, first: past.at, last: past.at, example: example(session, past) }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        (self.first, self.last) = (self.first.min(other.first), self.last.max(other.last));
    }
}

fn merge<K: Ord>(map: &mut BTreeMap<K, Seen>, key: K, seen: Seen) {
    match map.get_mut(&key) {
        Some(known) => known.merge(&seen),
        None => {
            map.insert(key, seen);
        }
    }
}

/// The same of what is only told: so many are.
fn note(map: &mut BTreeMap<String, Seen>, key: String, seen: Seen) {
    if map.len() < MOST_NOTES || map.contains_key(&key) {
        merge(map, key, seen);
    }
}
