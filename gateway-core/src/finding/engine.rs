//! Hears events in their order and finds what the rules look for.

use super::baseline::{Baseline, hour_of_day};
use super::facts::{about, called, concerns, counted, measures, operation, things, workload};
use super::groups::Snooze;
use super::rule::{Kind, Of, Rule, Rules, fits};
use super::state::{State, Workload};
use super::{Explain, Told};
use crate::event::{Event, What};
use crate::model::time::Timestamp;
use std::time::Duration;

/// Minutes that there must be before one is unusual.
const MINUTES: u32 = 10;

/// Rules, and what was seen.
#[derive(Clone, Debug)]
pub struct Engine {
    rules: Rules,
    state: State,
}

impl Engine {
    /// An engine that goes on where this state was left.
    #[must_use]
    pub const fn new(rules: Rules, state: State) -> Self {
        Self { rules, state }
    }

    /// Takes other rules; what was seen stays.
    pub fn replace(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// What was seen, to be kept.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The workloads that are being learned, with until when: nothing is told of them that has to be learned first.
    pub fn learning(&self, now: Timestamp) -> impl Iterator<Item = (&str, Timestamp)> {
        let until = |(name, since): (_, Timestamp)| (name, since.after(self.rules.learn));
        self.state.workloads().map(until).filter(move |(_, until)| *until > now)
    }

    /// What is snoozed.
    #[must_use]
    pub fn snoozes(&self) -> &[Snooze] {
        &self.state.groups.snoozes
    }

    /// Makes these quiet until their time is over, up to [`SNOOZES`](super::SNOOZES) of them, and nothing else any more.
    pub fn snooze(&mut self, snoozes: Vec<Snooze>) {
        self.state.groups.snooze(snoozes);
    }

    /// Hears the next event and emits what is found.
    pub fn hear(&mut self, event: &Event, now: Timestamp, emit: &mut impl FnMut(Told)) {
        let event = &*self.state.runs.attributed(event);
        let Some(name) = workload(event) else { return };
        let at = event.at;
        let of = self.state.of(name, at);
        for (measure, amount) in measures(event) {
            of.measures.entry(measure).or_default().count(at, amount);
        }
        let mut found = Vec::new();
        for rule in self.rules.rules.iter().filter(|rule| concerns(&rule.when, &event.context)) {
            for (subject, explain) in look(rule, event, name, &mut self.state, self.rules.learn) {
                found.push(told(rule, event, subject, explain));
            }
        }
        learn(event, name, &mut self.state, &self.rules);
        for told in found {
            self.state.groups.found(told, &self.rules, now, emit);
        }
    }

    /// Tells what is over by now: how often the same was seen, and what was beyond an hour's budget.
    pub fn tick(&mut self, now: Timestamp, emit: &mut impl FnMut(Told)) {
        self.state.groups.tick(now, emit);
    }
}

fn told(rule: &Rule, event: &Event, subject: String, explain: Explain) -> Told {
    Told {
        id: format!("{}/{}", rule.name, event.uid),
        rule: rule.name.clone(),
        workload: called(&event.context).to_owned(),
        identity: event.context.workload.clone(),
        subject,
        severity: rule.severity,
        then: rule.then,
        at: event.at,
        count: 1,
        event: event.uid.clone(),
        session: Some(event.session),
        operation: operation(event),
        run: event.context.run.clone(),
        target: event.context.target.clone(),
        explain,
    }
}

type Found = Vec<(String, Explain)>;

fn look(rule: &Rule, event: &Event, name: &str, state: &mut State, learn: Duration) -> Found {
    let at = event.at;
    match (rule.kind, rule.of) {
        (Kind::Count, _) => count(rule, event, name, state),
        (Kind::DenyList, Some(of)) => {
            let listed = |thing: &String| rule.values.iter().find(|pattern| fits(pattern, thing)).cloned();
            let hits = things(event, of).into_iter().filter_map(|thing| listed(&thing).map(|pattern| (thing, pattern)));
            hits.map(|(thing, pattern)| {
                (thing.clone(), explain(format!("{} {thing}", of.name()), "", format!("on the list, as {pattern}")))
            })
            .collect()
        }
        (Kind::DenyList | Kind::FirstSeen | Kind::Volume | Kind::Rate, None) => Vec::new(),
        (Kind::FirstSeen | Kind::Volume | Kind::Rate | Kind::Grade | Kind::OffHours, _) => {
            let of = state.of(name, at);
            if at < of.since.after(learn) {
                return Vec::new();
            }
            unusual(rule, event, of, learn)
        }
    }
}

/// What can be found only once it is known what is usual.
fn unusual(rule: &Rule, event: &Event, seen: &mut Workload, learn: Duration) -> Found {
    match (rule.kind, rule.of) {
        (Kind::FirstSeen, Some(of)) => {
            let known = seen.things(of, event.at);
            if event.at < known.since.after(learn) {
                return Vec::new();
            }
            let fresh = things(event, of).into_iter().filter(|thing| !known.knows(thing));
            fresh.map(|thing| (thing.clone(), explain(format!("{} {thing}", of.name()), "others", "never seen before"))).collect()
        }
        (Kind::Volume, Some(of)) => volume(rule, of, event, seen),
        (Kind::Rate, Some(of)) => rate(rule, of, event, seen),
        (Kind::Grade, _) => {
            let now = rank(event);
            let worse = began(event) && now > 0 && now < seen.grade;
            let words = || explain(format!("known as {}", grade(now)), grade(seen.grade), "known worse than before");
            worse.then(|| ("grade".to_owned(), words())).into_iter().collect()
        }
        (Kind::OffHours, _) => {
            let hour = hour_of_day(event.at);
            let share = seen.share(hour).filter(|(share, _)| began(event) && *share < rule.threshold);
            let words = |(share, all): (f64, u32)| {
                let usual = format!("{:.1} % of {all} sessions begin in that hour or one beside it", share * 100.0);
                explain(
                    format!("a session began at {hour:02}:00 to {:02}:00 UTC", (hour + 1) % 24),
                    usual,
                    share_of(rule.threshold),
                )
            };
            share.map(|share| (format!("hour {hour:02}"), words(share))).into_iter().collect()
        }
        (Kind::FirstSeen | Kind::Volume | Kind::Rate, None) | (Kind::Count | Kind::DenyList, _) => Vec::new(),
    }
}

fn share_of(threshold: f64) -> String {
    format!("below {:.1} %", threshold * 100.0)
}

fn count(rule: &Rule, event: &Event, name: &str, state: &mut State) -> Found {
    if !counted(event, &rule.codes) {
        return Vec::new();
    }
    let about = about(event);
    let window = u64::try_from(rule.window.as_nanos()).unwrap_or(u64::MAX);
    let seen = state.counted(format!("{}\0{name}\0{about}", rule.name), event.at, window);
    #[expect(clippy::cast_precision_loss, reason = "a threshold is no count")]
    let enough = seen as f64 >= rule.threshold;
    let seconds = rule.window.as_secs();
    let words =
        || explain(format!("{seen} of {} within {seconds} s", rule.codes.join(", ")), "", format!("from {} on", rule.threshold));
    enough.then(|| (about, words())).into_iter().collect()
}

fn volume(rule: &Rule, of: Of, event: &Event, seen: &Workload) -> Found {
    let Some(measure) = seen.measures.get(&of).filter(|_| moves(event, of)) else { return Vec::new() };
    let (total, usual, at_this_hour) = measure.this_hour();
    if !usual.is_enough() {
        return Vec::new();
    }
    let when = if at_this_hour { "at this hour of the day" } else { "in an hour" };
    far(rule, of, total, usual, when)
}

fn rate(rule: &Rule, of: Of, event: &Event, seen: &Workload) -> Found {
    let Some(measure) = seen.measures.get(&of).filter(|_| moves(event, of)) else { return Vec::new() };
    let (total, usual) = measure.this_minute();
    if usual.samples() < MINUTES { Vec::new() } else { far(rule, of, total, usual, "in a minute") }
}

/// Whether the event has moved the measure: what is far already is not found again by others.
fn moves(event: &Event, of: Of) -> bool {
    measures(event).iter().any(|(measure, amount)| *measure == of && *amount > 0.0)
}

fn far(rule: &Rule, of: Of, total: f64, usual: Baseline, when: &str) -> Found {
    let from = rule.threshold.mul_add(usual.deviation(), usual.mean()).max(rule.least);
    if total < from || total <= usual.mean() {
        return Vec::new();
    }
    let of = of.name();
    let words = explain(
        format!("{total:.0} {of} {when}"),
        format!("{:.0} ± {:.0} {of} {when}, of {} samples", usual.mean(), usual.deviation(), usual.samples()),
        format!("from {from:.0} on, which is {} deviations above the mean and at least {:.0}", rule.threshold, rule.least),
    );
    vec![(of.to_owned(), words)]
}

fn explain(seen: String, usual: impl Into<String>, threshold: impl Into<String>) -> Explain {
    Explain { seen, usual: usual.into(), threshold: threshold.into() }
}

/// What is usual from now on.
fn learn(event: &Event, name: &str, state: &mut State, rules: &Rules) {
    let of = state.of(name, event.at);
    for thing in Of::THINGS {
        if rules.rules.iter().any(|rule| rule.kind == Kind::FirstSeen && rule.of == Some(thing)) {
            let known = of.things(thing, event.at);
            things(event, thing).iter().for_each(|thing| known.learn(thing));
        }
    }
    if began(event) {
        of.began(hour_of_day(event.at));
        of.grade = of.grade.max(rank(event));
    }
}

/// Whether a session began.
fn began(event: &Event) -> bool {
    matches!(&event.what, What::Opened { decision } if !decision.refuses())
}

/// Grades from the worst, from 1; 0 is none.
fn rank(event: &Event) -> u8 {
    match event.context.grade.as_deref() {
        Some("claimed") => 1,
        Some("kernel") => 2,
        Some("attested") => 3,
        Some(_) | None => 0,
    }
}

const fn grade(rank: u8) -> &'static str {
    match rank {
        1 => "claimed",
        2 => "kernel",
        3 => "attested",
        _ => "unknown",
    }
}
