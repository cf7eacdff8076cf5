//! What detection has told is looked at, and snoozed.

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use super::page::{Listed, Page};
use crate::ledger::{Alert, Answer, Kind, Ledger, Snoozed};
use crate::session::context::random;
use gateway_core::control::hold;
use gateway_core::finding::SNOOZES;
use gateway_core::model::ids::{AlertId, SnoozeId};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// The longest time that somebody does not hear of something.
const LONGEST: u64 = 90 * 86_400;
/// Bytes of a pattern.
const PATTERN: usize = 256;

/// What somebody does not want to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeRequest {
    /// The rule; `*` stands for anything.
    pub rule: String,
    /// The workload, by its name or its SPIFFE id; `*` stands for anything.
    pub workload: String,
    /// For how long, in seconds: at most 90 days.
    pub seconds: u64,
    /// Why.
    pub reason: String,
}

/// Up to as many as the page has, the newest first.
pub(super) fn list(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<Alert>, CommandError> {
    let all = ledger.look(|look| look.newest::<Alert>(page.before, page.past))?;
    let next = all.last().filter(|_| all.len() == page.past).map(|alert| alert.id);
    Ok(Listed::behind(all, next).retain(|alert| sees(actor, alert)))
}

/// One of them.
pub(super) fn show(ledger: &Ledger, actor: &Actor, id: AlertId) -> Result<Alert, CommandError> {
    let alert = ledger.look(|look| Ok::<_, CommandError>(look.find::<Alert>(id.number())?))?;
    alert.filter(|alert| sees(actor, alert)).ok_or_else(|| CommandError::missing(id))
}

/// Has something quiet for a while.
pub(super) fn snooze(ledger: &Ledger, actor: &Actor, request: &SnoozeRequest) -> Result<Snoozed, CommandError> {
    let SnoozeRequest { rule, workload, seconds, reason } = request;
    actor.must(Role::Operator, on(workload), "to snooze findings")?;
    for (what, pattern) in [("rule", rule), ("workload", workload)] {
        if pattern.is_empty() || pattern.len() > PATTERN {
            return Err(CommandError::Wrong(format!("a snooze names a {what}, in at most {PATTERN} bytes; * is any")));
        }
    }
    if !(1..=LONGEST).contains(seconds) {
        return Err(CommandError::Wrong(format!("a snooze is for 1 s to {} days", LONGEST / 86_400)));
    }
    reasoned(reason)?;
    ledger.change(|change| {
        if change.open::<Snoozed>()?.len() >= SNOOZES {
            let what = format!("{SNOOZES} snoozes are in force, and there may be no more: lift some that are not needed");
            return Err(CommandError::Wrong(what));
        }
        let snoozed = Snoozed {
            id: SnoozeId::new(change.at, random()),
            rule: rule.clone(),
            workload: workload.clone(),
            reason: reason.clone(),
            by: actor.name().to_owned(),
            since: change.at,
            until: change.at.after(Duration::from_secs(*seconds)),
            lifted: None,
            ended_at: None,
        };
        change.put(&snoozed)?;
        let details = json!({ "rule": rule, "workload": workload, "reason": reason, "until": snoozed.until });
        change.tell(Kind::SnoozeSet, &snoozed.by, &snoozed.id.to_string(), &details)?;
        Ok(snoozed)
    })
}

/// Has it heard of again.
pub(super) fn lift(ledger: &Ledger, actor: &Actor, id: SnoozeId, reason: &str) -> Result<Snoozed, CommandError> {
    ledger.change(|change| {
        let mut snoozed: Snoozed = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        actor.must(Role::Operator, on(&snoozed.workload), "to lift snoozes")?;
        reasoned(reason)?;
        if snoozed.ended_at.is_some() {
            return Err(CommandError::over(id, "over"));
        }
        snoozed.ended_at = Some(change.at);
        snoozed.lifted = Some(Answer { by: actor.name().to_owned(), reason: reason.to_owned() });
        change.put(&snoozed)?;
        let details = json!({ "rule": snoozed.rule, "workload": snoozed.workload, "reason": reason });
        change.tell(Kind::SnoozeLifted, actor.name(), &id.to_string(), &details)?;
        Ok(snoozed)
    })
}

/// Those in force, and up to as many as the page has that are over, the newest first.
pub(super) fn snoozes(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<Snoozed>, CommandError> {
    let (all, next) = ledger.look(|look| look.latest::<Snoozed>(page.past, page.before))?;
    let page = Listed::behind(all, next.map(SnoozeId::from_number));
    Ok(page.retain(|snoozed| actor.may(Role::Viewer, on(&snoozed.workload))))
}

fn sees(actor: &Actor, alert: &Alert) -> bool {
    let workload = alert.identity.as_deref().map(|id| (id, Some(alert.workload.as_str())));
    actor.may(Role::Viewer, On { target: alert.target.as_deref(), workload })
}

/// A pattern is for who is responsible for all that it names.
fn on(workload: &str) -> On<'_> {
    On { target: None, workload: Some((workload, None)) }
}

fn reasoned(reason: &str) -> Result<(), CommandError> {
    let fits = !reason.trim().is_empty() && reason.len() <= hold::REASON_BYTES;
    if fits { Ok(()) } else { Err(hold::Ineligible::Reason.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::control::person::Person;
    use gateway_core::control::role::Scoped;

    #[test]
    fn a_snooze_is_an_operators_ends_and_is_in_the_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let operator = |workloads: &[&str]| Actor {
            person: Person { name: "ana".to_owned(), ..Person::default() },
            roles: vec![Scoped {
                role: Role::Operator,
                targets: Vec::new(),
                workloads: workloads.iter().map(|name| (*name).to_owned()).collect(),
            }],
            ..Actor::nobody()
        };
        let request = |rule: &str, workload: &str, seconds, reason: &str| SnoozeRequest {
            rule: rule.to_owned(),
            workload: workload.to_owned(),
            seconds,
            reason: reason.to_owned(),
        };
        let ana = operator(&["backup*"]);
        for (actor, bad) in [
            (&ana, request("rows", "*", 60, "a migration")),
            (&ana, request("rows", "deploy", 60, "a migration")),
            (&Actor::nobody(), request("rows", "backup", 60, "a migration")),
            (&ana, request("", "backup", 60, "a migration")),
            (&ana, request("rows", "backup", 0, "a migration")),
            (&ana, request("rows", "backup", LONGEST + 1, "a migration")),
            (&ana, request("rows", "backup", 60, " ")),
        ] {
            assert!(snooze(&ledger, actor, &bad).is_err(), "{bad:?}");
        }
        let id = snooze(&ledger, &ana, &request("rows", "backup-*", 60, "a migration")).unwrap().id;
        assert_eq!(ledger.in_force().snoozes.len(), 1, "who hears knows at once");
        assert_eq!(snoozes(&ledger, &operator(&["deploy"]), Page::first(9)).unwrap().entries, []);
        assert!(lift(&ledger, &operator(&["deploy"]), id, "over").is_err());
        assert_eq!(lift(&ledger, &ana, id, "over").unwrap().lifted.unwrap().by, "ana");
        assert!(lift(&ledger, &ana, id, "again").is_err() && ledger.in_force().snoozes.is_empty());
        let events: Vec<_> = ledger.events_since(0).unwrap().into_iter().map(|event| event.kind).collect();
        assert_eq!(events, [Kind::SnoozeSet, Kind::SnoozeLifted]);
    }
}
