//! `weir hold list|show|approve|deny`: what waits for people, and their answers.

use super::desk::{Common, at, items, table, time};
use super::{Result, examples};
use crate::control::{Command, Page, Say, Scope};
use clap::{Subcommand, ValueEnum};
use gateway_core::model::ids::HoldId;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Hold {
    /// What waits for a person
    #[command(after_help = examples::HOLD_LIST)]
    List {
        /// And so many of those that are over
        #[arg(long, value_name = "N", default_value_t = 0)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// One of them: who, what, why, and the session so far
    #[command(after_help = examples::HOLD_SHOW)]
    Show {
        /// Its id, as the list and the job's log have it
        hold: HoldId,
        #[command(flatten)]
        common: Common,
    },
    /// Let it go on, once enough people have
    #[command(after_help = examples::HOLD_APPROVE)]
    Approve {
        /// Its id
        hold: HoldId,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// These bytes this once, or the same text with any parameters for the rest of the session
        #[arg(long, value_enum, value_name = "once|session", default_value_t = For::Once, hide_possible_values = true)]
        r#for: For,
        #[command(flatten)]
        common: Common,
    },
    /// Refuse it; the job sees the reason
    #[command(after_help = examples::HOLD_DENY)]
    Deny {
        /// Its id
        hold: HoldId,
        /// Why: the job sees it
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
}

/// How far an approval goes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum For {
    Once,
    Session,
}

pub(super) fn hold(command: Hold) -> Result {
    match command {
        Hold::List { past, common } => {
            let path = format!("/v1/holds?past={past}");
            let holds = common.ask(Method::GET, &path, None, Command::ListHolds(Page::first(past)))?;
            common.tell(&holds, || list(&holds))?;
        }
        Hold::Show { hold, common } => {
            let found = common.ask(Method::GET, &format!("/v1/holds/{hold}"), None, Command::ShowHold(hold))?;
            common.tell(&found, || show(&found))?;
        }
        Hold::Approve { hold, reason, r#for, common } => {
            let scope = if r#for == For::Session { Scope::Session } else { Scope::Once };
            let body = json!({ "reason": reason, "scope": scope });
            let offline = Command::AnswerHold { id: hold, say: Say::Approve(scope), reason };
            let answered = common.ask(Method::POST, &format!("/v1/holds/{hold}/approve"), Some(&body), offline)?;
            common.tell(&answered, || match at(&answered, "/state").as_str() {
                "approved" => format!("{hold} is approved and goes on"),
                _ => format!("{hold} has your approval and waits for more: {}", wanted(&answered)),
            })?;
        }
        Hold::Deny { hold, reason, common } => {
            let body = json!({ "reason": reason });
            let offline = Command::AnswerHold { id: hold, say: Say::Deny, reason };
            let answered = common.ask(Method::POST, &format!("/v1/holds/{hold}/deny"), Some(&body), offline)?;
            common.tell(&answered, || format!("{hold} is denied; the job has been told"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(holds: &Value) -> String {
    if items(holds).next().is_none() {
        return "nothing waits".to_owned();
    }
    let rows = items(holds).map(|hold| {
        [
            at(hold, "/id"),
            at(hold, "/state"),
            at(hold, if hold.pointer("/asked/name").is_some_and(Value::is_string) { "/asked/name" } else { "/asked/workload" }),
            at(hold, "/asked/target"),
            cut(&what(hold)),
            wanted(hold),
            time(hold, "/asked_at"),
            time(hold, "/until"),
        ]
    });
    table(["HOLD", "STATE", "WORKLOAD", "TARGET", "WHAT", "WAITS FOR", "SINCE (UTC)", "AT MOST UNTIL"], rows)
}

fn show(hold: &Value) -> String {
    let mut lines = vec![format!("hold      {}, {}", at(hold, "/id"), at(hold, "/state"))];
    let mut line = |title: &str, text: String| {
        if text != "-" && !text.is_empty() {
            lines.push(format!("{title:<9} {text}"));
        }
    };
    line("who", format!("{} ({} grade)", at(hold, "/asked/workload"), at(hold, "/asked/grade")));
    for (title, place) in
        [("name", "/asked/name"), ("owner", "/asked/owner"), ("user", "/asked/user"), ("pipeline", "/asked/link")]
    {
        line(title, at(hold, place));
    }
    line("run", at(hold, "/asked/run"));
    line(
        "session",
        format!(
            "{}, {} statements and {} rows so far",
            at(hold, "/asked/session"),
            at(hold, "/asked/statements_so_far"),
            at(hold, "/asked/rows_so_far")
        ),
    );
    line(
        "target",
        format!("{}, database {} as {}", at(hold, "/asked/target"), at(hold, "/asked/database"), at(hold, "/asked/login")),
    );
    line("what", what(hold));
    let parameters = hold.pointer("/asked/parameters").map(parameters).unwrap_or_default();
    line("with", parameters);
    line("touches", at(hold, "/asked/accesses"));
    let rows = at(hold, "/asked/estimate");
    let none = at(hold, "/asked/no_estimate");
    line(
        "rows",
        if rows == "-" {
            format!("no estimate: {none}").replace(": -", "")
        } else {
            format!("about {rows}, as the server's planner thinks")
        },
    );
    if hold.pointer("/asked/in_transaction") == Some(&Value::Bool(true)) {
        line(
            "in",
            format!(
                "a transaction, open for {} s, with {} locks",
                at(hold, "/asked/transaction_seconds"),
                at(hold, "/asked/locks")
            ),
        );
    }
    line("why", format!("policy {}", at(hold, "/asked/policies")));
    line("says", at(hold, "/asked/message"));
    line("waits for", wanted(hold));
    line("since", format!("{}, at most until {} (UTC)", time(hold, "/asked_at"), time(hold, "/until")));
    for vote in hold.pointer("/votes").into_iter().flat_map(items) {
        line("approved", format!("{}, {}: {}", at(vote, "/by/name"), time(vote, "/at"), at(vote, "/reason")));
    }
    line(
        "answer",
        match hold.pointer("/answer") {
            Some(Value::Object(_)) => format!("{}: {}", at(hold, "/answer/by"), at(hold, "/answer/reason")),
            _ => "-".to_owned(),
        },
    );
    line("digest", at(hold, "/asked/digest"));
    lines.join("\n")
}

fn what(hold: &Value) -> String {
    match (at(hold, "/asked/kind").as_str(), at(hold, "/asked/statement")) {
        ("connect", _) => "connect".to_owned(),
        (kind, statement) if statement == "-" || statement.is_empty() => kind.to_owned(),
        (_, statement) => statement,
    }
}

/// Whose approval is missing.
fn wanted(hold: &Value) -> String {
    let votes = hold.pointer("/votes").map_or(0, |votes| items(votes).count());
    let terms = hold.pointer("/terms").into_iter().flat_map(items);
    let each = terms.map(|terms| format!("{} of {}", at(terms, "/quorum"), at(terms, "/group")));
    let all = each.collect::<Vec<_>>().join(" and ");
    if votes == 0 { all } else { format!("{all}; {votes} given") }
}

fn parameters(list: &Value) -> String {
    let shown = |(number, value): (usize, &Value)| {
        let text = match value {
            Value::String(word) if word == "null" => "NULL".to_owned(),
            Value::String(_) => "[masked]".to_owned(),
            other => match (other.get("text"), other.get("binary")) {
                (Some(_), _) => format!("'{}'", at(other, "/text")),
                (_, Some(_)) => format!("{} bytes in binary", at(other, "/binary")),
                (None, None) => "?".to_owned(),
            },
        };
        format!("${} = {text}", number + 1)
    };
    items(list).enumerate().map(shown).collect::<Vec<_>>().join(", ")
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST - 1).chain(['…']).collect() }
}
