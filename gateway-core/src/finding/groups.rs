//! The same is told once: what was found is grouped, kept within a budget, and quiet while somebody has snoozed it.

use super::rule::{Rules, Then, fits};
use super::{Explain, Told};
use crate::event::Severity;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Groups that are open at once.
const OPEN: usize = 2048;
/// Snoozes at once.
pub const SNOOZES: usize = 256;
const HOUR: u64 = 3_600_000_000_000;
/// The rule by whose name it is told that the budget was used up.
const OVER: &str = "over-budget";

/// What is open, what was told in this hour, what is snoozed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Groups {
    open: BTreeMap<String, Open>,
    hour: Hour,
    pub(super) snoozes: Vec<Snooze>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    told: Told,
    until: Timestamp,
}

/// An hour's budget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Hour {
    number: u64,
    told: u32,
    /// What was not told, by rule.
    over: BTreeMap<String, u64>,
}

/// Somebody does not want to hear of something for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snooze {
    /// The rule, as a pattern.
    pub rule: String,
    /// The workload, as a pattern.
    pub workload: String,
    /// When it is heard of again.
    pub until: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// How often it was quiet.
    #[serde(default)]
    pub quiet: u64,
}

impl Groups {
    /// Takes what was found; tells it where that is new, not snoozed and within the budget.
    pub(super) fn found(&mut self, told: Told, rules: &Rules, now: Timestamp, emit: &mut impl FnMut(Told)) {
        self.tick(now, emit);
        let names = |pattern: &str| fits(pattern, &told.workload) || told.identity.as_ref().is_some_and(|id| fits(pattern, id));
        let snoozed = |snooze: &&mut Snooze| fits(&snooze.rule, &told.rule) && names(&snooze.workload);
        if let Some(snooze) = self.snoozes.iter_mut().find(snoozed) {
            snooze.quiet = snooze.quiet.saturating_add(1);
            return;
        }
        let key = format!("{}\0{}\0{}", told.rule, told.workload, told.subject);
        if let Some(open) = self.open.get_mut(&key) {
            open.told.count = open.told.count.saturating_add(1);
            return;
        }
        // What has to be done is done whatever was told before.
        if told.then == Then::Tell && self.hour.told >= rules.budget {
            *self.hour.over.entry(told.rule).or_default() += 1;
            return;
        }
        self.hour.told = self.hour.told.saturating_add(1);
        if self.open.len() >= OPEN {
            let first = self.open.iter().min_by_key(|(_, open)| open.until).map(|(key, _)| key.clone());
            self.close(&first.unwrap_or_default(), emit);
        }
        self.open.insert(key, Open { told: told.clone(), until: now.after(rules.group) });
        emit(told);
    }

    /// Closes what is over by now: a group with its count, an hour with what was not told in it, a snooze.
    pub(super) fn tick(&mut self, now: Timestamp, emit: &mut impl FnMut(Told)) {
        self.snoozes.retain(|snooze| snooze.until > now);
        let over: Vec<_> = self.open.iter().filter(|(_, open)| open.until <= now).map(|(key, _)| key.clone()).collect();
        over.iter().for_each(|key| self.close(key, emit));
        let hour = now.0 / HOUR;
        if hour <= self.hour.number {
            return;
        }
        let Hour { number, over, .. } = std::mem::replace(&mut self.hour, Hour { number: hour, ..Hour::default() });
        let count: u64 = over.values().sum();
        if count > 0 {
            let each: Vec<_> = over.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
            emit(Told {
                id: format!("{OVER}/{number}"),
                rule: OVER.to_owned(),
                workload: String::new(),
                identity: None,
                subject: String::new(),
                severity: Severity::Medium,
                then: Then::Tell,
                at: Timestamp(number.saturating_mul(HOUR)),
                count,
                event: String::new(),
                session: None,
                operation: None,
                run: None,
                target: None,
                explain: Explain {
                    seen: format!("{count} further findings within an hour: {}", each.join(", ")),
                    ..Explain::default()
                },
            });
        }
    }

    /// What was seen more than once is told again, with its count; it asks for nothing more.
    fn close(&mut self, key: &str, emit: &mut impl FnMut(Told)) {
        if let Some(Open { told, .. }) = self.open.remove(key).filter(|open| open.told.count > 1) {
            emit(Told { then: Then::Tell, ..told });
        }
    }

    /// These are snoozed and nothing else; of those that were, it stays known how often they were quiet.
    pub(super) fn snooze(&mut self, mut snoozes: Vec<Snooze>) {
        snoozes.truncate(SNOOZES);
        for snooze in &mut snoozes {
            let same = |one: &&Snooze| (&one.rule, &one.workload, one.until) == (&snooze.rule, &snooze.workload, snooze.until);
            snooze.quiet = self.snoozes.iter().find(same).map_or(0, |one| one.quiet);
        }
        self.snoozes = snoozes;
    }
}
