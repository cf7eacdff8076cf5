//! The words of a refusal: to the client, to whoever reads the job's log, to the record.

use super::mask::Telling;
use super::operation::Part;
use crate::ledger::{Answer, Hold, HoldState};
use crate::session::live::Session;
use crate::telemetry;
use gateway_core::inspect::resolve::{Question, Resource};
use gateway_core::policy::Decision;
use gateway_core::protocol::{OperationId, Refusal};
use std::time::Duration;
use tokio::time::Instant;

/// Refusals of a session that are told to the job's log before they are told less often.
const TOLD: u64 = 20;
/// How often they are told after that.
const PAUSE: Duration = Duration::from_secs(1);
/// How the detail of a refusal in the server's words begins.
const NOT_PASSED_ON: &str = "weir did not pass it on";

/// The refusal of one statement by policy: what it is, and why it was not understood where it was not.
///
/// Of a text that no server reads, the words are the server's own: its sender is to see the typo first. That
/// weir did not pass it on is the detail.
pub(super) fn by_policy(session: &Session, id: OperationId, part: &Part, decision: &Decision) -> Refusal {
    let message = decision.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    if let Some(rejection) = &part.statement.rejection {
        return Refusal {
            code: rejection.code,
            message: rejection.message.clone(),
            detail: detail(session, &format!("{NOT_PASSED_ON}{message}; {}", because(decision))),
            hint: hint(session, id),
            position: rejection.position,
        };
    }
    let why = part.statement.facts.unparsed.as_ref().map(|why| format!("{why}; ")).unwrap_or_default();
    Refusal {
        code: "42501",
        message: format!("weir refused {} on {}{message}", what(part, decision), session.target.name),
        detail: detail(session, &format!("{why}{}", because(decision))),
        hint: hint(session, id),
        position: None,
    }
}

/// The refusal of what would tell, or carry away, what is masked.
pub(super) fn by_masking(session: &Session, id: OperationId, part: &Part, telling: &Telling) -> Refusal {
    let classes = telling.classes.iter().map(|class| &**class).collect::<Vec<_>>().join(", ");
    let of = if telling.classes.len() == 1 { "class" } else { "classes" };
    Refusal {
        code: "42501",
        message: format!(
            "weir refused {} on {}: it {} {}{}",
            part.statement.command,
            session.target.name,
            telling.what,
            telling.columns,
            if classes.is_empty() { String::new() } else { format!(" ({of} {classes})") }
        ),
        detail: detail(session, "no policy permits `reveal` here"),
        hint: format!("{}; {}", telling.hint, hint(session, id)),
        position: None,
    }
}

/// The refusal by one of the target's own limits. 53400 is Postgres' `configuration_limit_exceeded`.
pub(super) fn by_limit(session: &Session, id: OperationId, what: &str, why: &str) -> Refusal {
    Refusal {
        code: "53400",
        message: format!("weir refused {what} on {}: {why}", session.target.name),
        detail: detail(session, "a limit of the target"),
        hint: hint(session, id),
        position: None,
    }
}

/// The refusal of what people were asked about and did not approve.
pub(super) fn by_people(session: &Session, id: OperationId, ended: &Hold) -> Refusal {
    let what = if ended.asked.statement.is_empty() { "a statement" } else { verb(&ended.asked.statement) };
    Refusal {
        code: "42501",
        message: format!("weir refused {what} on {}: {}", session.target.name, outcome(ended)),
        detail: detail(session, &format!("hold {}, policy {}", ended.id, ended.asked.policies.join(", "))),
        hint: hint(session, id),
        position: None,
    }
}

/// How a hold ended, in the words of a refusal.
pub(crate) fn outcome(ended: &Hold) -> String {
    match (&ended.answer, ended.state) {
        (Some(Answer { by, reason }), HoldState::Denied) => format!("{by} denied it: {reason}"),
        (_, HoldState::Expired) => format!("nobody of those who may has approved it in time ({})", super::who(&ended.terms)),
        (_, HoldState::Withdrawn) => "it was withdrawn before anybody had approved it".to_owned(),
        _ => "it was not approved".to_owned(),
    }
}

/// The first word of a statement, in capitals as its writer had it.
fn verb(statement: &str) -> &str {
    statement.split_whitespace().next().unwrap_or("a statement")
}

/// What decided, in the words of a refusal's detail.
pub(super) fn because(decision: &Decision) -> String {
    match (decision.policies.as_slice(), decision.errors.as_slice()) {
        ([], []) => "no policy permits it".to_owned(),
        ([], [error, ..]) => format!("a policy could not be evaluated ({error})"),
        (ids, _) => format!("policy {}", ids.join(", ")),
    }
}

/// What is refused: the command, and what about it where that is known.
fn what(part: &Part, decision: &Decision) -> String {
    let statement = &part.statement;
    if statement.facts.unparsed.is_some() {
        return "a statement that was not understood".to_owned();
    }
    if statement.facts.no_where {
        return format!("{} without WHERE", statement.command);
    }
    let culprit = decision.refused.as_ref().and_then(object);
    culprit.map_or_else(|| statement.command.to_owned(), |object| format!("{} ({object})", statement.command))
}

/// A question's action and object, where it has one of its own.
fn object(question: &Question) -> Option<String> {
    (question.resource != Resource::Target).then(|| question.to_string())
}

fn detail(session: &Session, because: &str) -> String {
    format!("{because}, run {}, session {}", session.run, session.id)
}

fn hint(session: &Session, id: OperationId) -> String {
    format!("weir why {}/{}", session.id, id.0)
}

/// Tells the job's log of refusals, and no more often than someone can read.
#[derive(Debug, Default)]
pub(super) struct Teller {
    told: u64,
    untold: u64,
    last: Option<Instant>,
}

impl Teller {
    /// Tells of `refusal`, or counts it for the next that is told.
    pub(super) fn tell(&mut self, refusal: &Refusal) {
        if let Some(untold) = self.turn(Instant::now()) {
            let more = if untold > 0 { format!(" (and {untold} more before it)") } else { String::new() };
            let what = refusal.without_text();
            let what = what.strip_prefix("weir ").map_or_else(|| format!("refused: {what}"), str::to_owned);
            telemetry::tell_job(&format!("{what} ({}); {}{more}", refusal.detail, refusal.hint));
        }
    }

    /// Whether it is time to tell, and of how many that were not told.
    fn turn(&mut self, now: Instant) -> Option<u64> {
        if self.told >= TOLD && self.last.is_some_and(|last| now - last < PAUSE) {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        self.last = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::inspect::Action;

    #[test]
    fn an_object_is_named_with_what_is_done_to_it() {
        let question = |resource, behind: Option<&str>| Question {
            action: Action::Read,
            resource,
            behind: behind.map(Into::into),
            verb: None,
        };
        for (resource, behind, text) in [
            (Resource::Target, None, None),
            (Resource::Schema("app".into()), None, Some("read schema app")),
            (Resource::Table(Some("public".into()), "users".into()), None, Some("read public.users")),
            (Resource::Table(None, "users".into()), Some("v"), Some("read users behind v")),
        ] {
            assert_eq!(object(&question(resource, behind)).as_deref(), text);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_is_told_often_enough_and_no_more() {
        let mut teller = Teller::default();
        let told = (0..100).filter(|_| teller.turn(Instant::now()).is_some()).count();
        assert_eq!(told as u64, TOLD);
        tokio::time::advance(PAUSE).await;
        assert_eq!(teller.turn(Instant::now()), Some(100 - TOLD));
        assert_eq!(teller.turn(Instant::now()), None);
    }
}
