//! An event in words for people: a line, facts below it, the statement, and where to look.

use super::filter::{alert, target};
use crate::ledger::{Event, Kind};
use gateway_core::model::time::Timestamp;
use serde_json::Value;

/// Characters of a line, and of each fact.
const LINE: usize = 140;
const FACT: usize = 300;
/// Characters of a statement.
const STATEMENT: usize = 1500;

/// What people get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub title: String,
    /// What each is, and what it says: single lines.
    pub facts: Vec<(&'static str, String)>,
    /// The statement, on as many lines as it has.
    pub statement: Option<String>,
    /// Where to look.
    pub link: Option<String>,
}

impl Message {
    /// The event in words. Nothing in it can break a line or turn it round.
    pub(super) fn of(event: &Event, link: Option<String>) -> Self {
        let statement = text(event, "/statement").map(|statement| cut(&clean(statement, true), STATEMENT));
        Self { title: cut(&clean(&title(event), false), LINE), facts: facts(event), statement, link }
    }

    /// As plain text.
    #[must_use]
    pub fn plain(&self) -> String {
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let mut lines = vec![self.title.clone(), String::new()];
        lines.extend(self.facts.iter().map(|(name, fact)| format!("{name:<width$}  {fact}")));
        if let Some(statement) = &self.statement {
            lines.push(String::new());
            lines.extend(statement.lines().map(|line| format!("    {line}")));
        }
        if let Some(link) = &self.link {
            lines.extend([String::new(), format!("Look at it: {link}")]);
        }
        lines.join("\n") + "\n"
    }
}

/// The page of what an event is about, behind the console's address.
pub(super) fn place(event: &Event) -> Option<String> {
    let page = match event.kind {
        Kind::HoldAsked
        | Kind::HoldApproved
        | Kind::HoldReleased
        | Kind::HoldDenied
        | Kind::HoldExpired
        | Kind::HoldWithdrawn
        | Kind::HoldAbandoned => "holds",
        Kind::GrantRequested
        | Kind::GrantApproved
        | Kind::GrantGiven
        | Kind::GrantDenied
        | Kind::GrantRevoked
        | Kind::GrantEnded => "grants",
        Kind::BlockAdded | Kind::BlockLifted | Kind::BlockEnded => "blocks",
        Kind::GlassBroken | Kind::GlassEnded | Kind::GlassReviewed => "break-glass",
        Kind::SessionKilled => "sessions",
        Kind::SessionRerun if event.subject.starts_with("r-") => "runs",
        Kind::SessionRerun => "sessions",
        Kind::RunFrozen | Kind::RunThawed | Kind::RunKilled => "runs",
        Kind::TokenMade | Kind::TokenRevoked | Kind::TokenEnded => "tokens",
        Kind::FindingTold | Kind::FindingCounted => "alerts",
        Kind::UnsealAsked | Kind::UnsealApproved | Kind::UnsealReleased | Kind::UnsealDenied | Kind::UnsealExpired => "unseals",
        Kind::GlassCodes
        | Kind::PolicyReplaced
        | Kind::NotifyFailed
        | Kind::NotifyTested
        | Kind::SignedIn
        | Kind::ShellBound
        | Kind::SignedOut
        | Kind::SignInRefused
        | Kind::PersonProvisioned
        | Kind::PersonChanged
        | Kind::PersonDeactivated
        | Kind::PersonReactivated
        | Kind::PersonRemoved
        | Kind::GroupChanged
        | Kind::OwnerLeft
        | Kind::OwnerChanged
        | Kind::LegalHoldSet
        | Kind::LegalHoldLifted
        | Kind::SnoozeSet
        | Kind::SnoozeLifted
        | Kind::SnoozeEnded
        | Kind::RecordsPruned => return None,
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    event.subject.chars().all(plain).then(|| format!("/{page}/{}", event.subject))
}

fn session(event: &Event) -> &str {
    text(event, "/session").unwrap_or("a session")
}

fn title(event: &Event) -> String {
    let (by, subject) = (&event.by, &event.subject);
    let who = text(event, "/name").or_else(|| text(event, "/workload")).or_else(|| text(event, "/wish/workload"));
    let (who, at) = (who.unwrap_or("a job"), target(event).map(|target| format!(" on {target}")).unwrap_or_default());
    match event.kind {
        Kind::HoldAsked => format!("{who} waits for approval{at}"),
        Kind::HoldApproved => format!("{by} approved {subject}"),
        Kind::HoldReleased => format!("{subject} has all approvals and goes on"),
        Kind::HoldDenied => format!("{by} denied {subject}"),
        Kind::HoldExpired => format!("nobody answered {subject} in time: it was not run"),
        Kind::HoldWithdrawn => format!("{subject} was withdrawn by its client"),
        Kind::HoldAbandoned => format!("{subject} was not run: its gateway has gone"),
        Kind::GrantRequested => format!("{by} asks for a grant to {who}{at}"),
        Kind::GrantApproved => format!("{by} approved {subject}"),
        Kind::GrantGiven => format!("{subject} is in force: a grant to {who}{at}"),
        Kind::GrantDenied => format!("{by} denied {subject}"),
        Kind::GrantRevoked => format!("{by} revoked {subject}"),
        Kind::GrantEnded => format!("{subject} has ended"),
        Kind::BlockAdded => format!("{by} blocked the {}", blocked(event)),
        Kind::BlockLifted => format!("{by} lifted {subject}"),
        Kind::BlockEnded => format!("{subject} has ended: the {} is not refused by it any more", blocked(event)),
        Kind::GlassBroken => format!("{by} broke the glass{at}: policy is set aside"),
        Kind::GlassEnded => format!("the glass{at} is whole again; a review is owed"),
        Kind::GlassReviewed => format!("{by} reviewed {subject}"),
        Kind::GlassCodes => format!("{by} made codes to break the glass with"),
        Kind::SessionKilled => format!("{by} killed {subject}{at}"),
        Kind::SessionRerun => format!("{by} runs {subject} again on another server"),
        Kind::RunFrozen => format!("{by} froze {subject}"),
        Kind::RunThawed => format!("{by} let {subject} go on"),
        Kind::RunKilled => format!("{by} killed {subject}"),
        Kind::PolicyReplaced => format!("{by} replaced the policy set"),
        Kind::SignedIn => format!("{by} signed in"),
        Kind::ShellBound => format!("{by} signed in at a shell: {subject} is theirs"),
        Kind::SignedOut => format!("{by} is signed out"),
        Kind::SignInRefused => format!("{by} was not let in"),
        Kind::TokenMade => format!("{by} has a new token, {subject}"),
        Kind::TokenRevoked => format!("{by} revoked {subject}"),
        Kind::TokenEnded => format!("{subject} has ended"),
        Kind::PersonProvisioned => format!("{subject} is new in the directory"),
        Kind::PersonChanged => format!("{subject} is changed in the directory"),
        Kind::PersonDeactivated => format!("{subject} was deactivated"),
        Kind::PersonReactivated => format!("{subject} is active again"),
        Kind::PersonRemoved => format!("{subject} was removed from the directory"),
        Kind::GroupChanged => format!("the group {subject} is changed in the directory"),
        Kind::OwnerLeft => format!("{subject} has left, and owned {}", list_of_owned(event)),
        Kind::OwnerChanged => {
            format!("{subject} is {}'s now", text(event, "/owner").unwrap_or("somebody else"))
        }
        Kind::LegalHoldSet => format!("{by} put records beyond removal{at}: {subject}"),
        Kind::LegalHoldLifted => format!("{by} lifted {subject}: records may be removed again"),
        Kind::FindingTold => seen(event, &at),
        Kind::FindingCounted => {
            let count = event.details.get("count").and_then(Value::as_u64).unwrap_or_default();
            format!("{}, {count} times", seen(event, &at))
        }
        Kind::SnoozeSet => format!("{by} snoozed {} of {who}", found(event, "/rule")),
        Kind::SnoozeLifted => format!("{by} lifted {subject}: {} of {who} is heard again", found(event, "/rule")),
        Kind::SnoozeEnded => format!("{subject} has ended: {} of {who} is heard again", found(event, "/rule")),
        Kind::RecordsPruned => match text(event, "/state") {
            Some("began") => format!("{by} has old records removed"),
            Some(_) | None => format!("old records were removed, as {by} asked"),
        },
        Kind::UnsealAsked => format!("{by} asks to open what is sealed of {}", session(event)),
        Kind::UnsealApproved => format!("{by} approved {subject}"),
        Kind::UnsealReleased => format!("{by} opened what is sealed of {}", session(event)),
        Kind::UnsealDenied => format!("{by} denied {subject}"),
        Kind::UnsealExpired => format!("{subject} has expired: nothing was opened"),
        Kind::NotifyFailed => format!("{subject} could not be notified"),
        Kind::NotifyTested => format!("{by} tries whether {subject} is reached"),
    }
}

/// The workloads that somebody owned who has left.
fn list_of_owned(event: &Event) -> String {
    let workloads = event.details.get("workloads").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = |workload: &Value| workload.get("workload").and_then(Value::as_str).map(str::to_owned);
    workloads.iter().filter_map(named).collect::<Vec<_>>().join(", ")
}

/// What became of each, and who may take it over.
fn what_became(event: &Event) -> Option<String> {
    let workloads = event.details.get("workloads")?.as_array()?;
    let of = |workload: &Value, name: &str| workload.get(name).and_then(Value::as_str).map(str::to_owned);
    let one = |workload: &Value| {
        let successor = of(workload, "successor").map(|successor| format!(", {successor} may take it over"));
        Some(format!("{}: {}{}", of(workload, "workload")?, of(workload, "then")?, successor.unwrap_or_default()))
    };
    Some(workloads.iter().filter_map(one).collect::<Vec<_>>().join("; "))
}

fn facts(event: &Event) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut fact = |name, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push((name, cut(&clean(&value, false), FACT)));
        }
    };
    let own = |place: &str| text(event, place).map(str::to_owned);
    fact("who", own("/workload").or_else(|| own("/wish/workload")));
    fact("owner", own("/owner"));
    fact("target", target(event).map(str::to_owned));
    fact("actions", list(event, "/wish/actions"));
    fact("tables", list(event, "/wish/tables"));
    fact("about", (event.kind == Kind::FindingTold).then(|| own("/subject")).flatten());
    fact("seen", own("/seen"));
    fact("usual", own("/usual"));
    fact("told", own("/threshold"));
    fact("then", own("/then").filter(|then| then != "tell"));
    fact("run", own("/run").or_else(|| own("/wish/run")).or_else(|| own("/of")));
    fact("session", own("/session").or_else(|| own("/wish/session")));
    fact("why", own("/reason").or_else(|| own("/message")).or_else(|| own("/finding")).or_else(|| own("/error")));
    fact("what became of it", what_became(event));
    fact("policy", list(event, "/policies"));
    fact("waits for", event.details.pointer("/terms").and_then(Value::as_array).map(|terms| wanted(terms)));
    let until = event.details.get("until").and_then(|until| serde_json::from_value::<Timestamp>(until.clone()).ok());
    fact("until", until.map(|until| format!("{} ({})", utc(until), lasting(until.0.saturating_sub(event.at.0)))));
    fact("for", event.details.get("seconds").and_then(Value::as_u64).map(|seconds| lasting(seconds * 1_000_000_000)));
    fact("with", own("/with"));
    fact("event", event.details.get("event").and_then(Value::as_u64).map(|number| number.to_string()));
    fact("by", (event.by != "weir").then(|| event.by.clone()));
    fact("at", Some(utc(event.at)));
    fact("id", Some(event.subject.clone()));
    fact("alert", alert(event).map(str::to_owned));
    facts
}

/// Which rule has found what of whom.
fn seen(event: &Event, at: &str) -> String {
    let whose =
        text(event, "/name").or_else(|| text(event, "/workload")).map(|workload| format!("{workload}{at}: ")).unwrap_or_default();
    format!("{}: {whose}{}", found(event, "/rule"), found(event, "/seen"))
}

/// What is told of a finding.
fn found<'e>(event: &'e Event, place: &str) -> &'e str {
    text(event, place).unwrap_or("…")
}

fn blocked(event: &Event) -> String {
    let part = |place| text(event, place).unwrap_or("…");
    format!("{} {}", part("/subject/kind"), part("/subject/name"))
}

/// Whose approval is wanted.
fn wanted(terms: &[Value]) -> String {
    let each = terms.iter().map(|terms| {
        let group = terms.get("group").and_then(Value::as_str).unwrap_or("approvers");
        format!("{} of {group}", terms.get("quorum").and_then(Value::as_u64).unwrap_or(1))
    });
    each.collect::<Vec<_>>().join(" and ")
}

fn text<'e>(event: &'e Event, place: &str) -> Option<&'e str> {
    event.details.pointer(place)?.as_str().filter(|text| !text.is_empty())
}

fn list(event: &Event, place: &str) -> Option<String> {
    let items = event.details.pointer(place)?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
}

fn utc(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(at.0 / 1_000_000_000).unwrap_or_default());
    time.map_or_else(|_| "never".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// `45 s`, `30 min`, `2 h 5 min`, `7 d`.
fn lasting(nanoseconds: u64) -> String {
    let seconds = nanoseconds.saturating_add(500_000_000) / 1_000_000_000;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        86_400.. => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// Without what a screen or a mail would obey: an approver has to see what is there, in its order.
fn clean(text: &str, lines: bool) -> String {
    let visible = |letter: char| match letter {
        '\n' | '\t' if lines => letter,
        letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => ' ',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}' => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(visible).collect()
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::told::tests::event;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hold_says_who_what_why_and_how_long() {
        let mut event = event(
            Kind::HoldAsked,
            json!({
                "workload": "spiffe://acme.example/host/ci-7/unit/backup.service", "name": "nightly-backup", "target": "prod-pg",
                "statement": "DELETE FROM customers\nWHERE id = 7", "policies": ["delete-needs-dba"],
                "message": "DELETE on production waits", "terms": [{ "group": "dba", "quorum": 2 }],
                "until": "2026-11-29T08:33:00Z",
            }),
        );
        event.at = serde_json::from_value(json!("2026-11-29T08:03:00Z")).unwrap();
        let message = Message::of(&event, Some("https://weir.acme.example/holds/h-0000000000007".to_owned()));
        let plain = message.plain();
        for part in [
            "nightly-backup waits for approval on prod-pg\n",
            "who        spiffe://acme.example/host/ci-7/unit/backup.service\n",
            "why        DELETE on production waits\n",
            "policy     delete-needs-dba\n",
            "waits for  2 of dba\n",
            "until      2026-11-29 08:33:00 UTC (30 min)\n",
            "    DELETE FROM customers\n    WHERE id = 7\n",
            "Look at it: https://weir.acme.example/holds/h-0000000000007\n",
        ] {
            assert!(plain.contains(part), "{part}: {plain}");
        }
    }

    #[test]
    fn who_owned_what_and_what_became_of_it_is_told() {
        let one = |workload: &str, then: &str, successor: Option<&str>| json!({ "workload": workload, "then": then, "successor": successor });
        let workloads = [one("nightly", "blocked", Some("bo@acme.example")), one("report", "goes on", None)];
        let mut event = event(Kind::OwnerLeft, json!({ "how": "deactivated", "workloads": workloads }));
        event.subject = "ana@acme.example".to_owned();
        let plain = Message::of(&event, None).plain();
        assert!(plain.starts_with("ana@acme.example has left, and owned nightly, report\n"), "{plain}");
        assert!(plain.contains("nightly: blocked, bo@acme.example may take it over; report: goes on"), "{plain}");
    }

    #[test]
    fn nothing_breaks_a_line_or_turns_it_round_and_all_is_cut() {
        let bad = "evil\r\nBcc: all@acme.example\u{202e}\u{1b}[2J";
        let details = json!({ "name": bad, "workload": bad, "target": bad, "reason": bad, "statement": "x".repeat(9999) });
        for kind in Kind::ALL {
            let message = Message::of(&event(*kind, details.clone()), None);
            for line in message.facts.iter().map(|(_, fact)| fact).chain([&message.title]) {
                assert!(!line.contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{line:?}");
                assert!(line.chars().count() <= FACT);
            }
            assert!(message.statement.is_some_and(|statement| statement.chars().count() == STATEMENT));
        }
        assert_eq!(clean("a\tb\nc\u{200b}", true), "a\tb\nc\u{fffd}");
    }

    #[test]
    fn times_read_well_and_links_are_of_plain_ids() {
        for (seconds, expected) in [(45, "45 s"), (1800, "30 min"), (61, "1 min 1 s"), (7500, "2 h 5 min"), (604_800, "7 d")] {
            assert_eq!(lasting(seconds * 1_000_000_000), expected);
        }
        let mut odd = event(Kind::HoldAsked, json!({}));
        odd.subject = "../<x>".to_owned();
        assert_eq!(place(&odd), None);
    }
}
