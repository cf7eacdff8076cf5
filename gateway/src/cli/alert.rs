//! `weir alert list|explain|snooze|snoozes|unsnooze|rules`: what detection has told, and what nobody wants to hear of for a while.

use super::desk::{Common, at, items, seconds, table, time};
use super::{CliError, Format, Result, count, examples, print};
use crate::control::{Command, Page, SnoozeRequest};
use crate::detection::{self, RulesError};
use clap::Subcommand;
use gateway_core::finding::{Outcome, Rules, cases, run};
use gateway_core::model::ids::{AlertId, SnoozeId};
use hyper::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Alert {
    /// What rules have found, the newest first
    #[command(after_help = examples::ALERT_LIST)]
    List {
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Say what was seen, what is usual, from where on it is told, and what was done
    #[command(after_help = examples::ALERT_EXPLAIN)]
    Explain {
        /// Its id, as `weir alert list` prints it
        alert: AlertId,
        #[command(flatten)]
        common: Common,
    },
    /// Have a rule quiet for a workload and a while: nothing is told, and nothing done
    #[command(after_help = examples::ALERT_SNOOZE)]
    Snooze(Snooze),
    /// What is snoozed
    #[command(after_help = examples::ALERT_SNOOZES)]
    Snoozes {
        /// And so many of those that are over
        #[arg(long, value_name = "N", default_value_t = 0)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Have it heard of again
    #[command(after_help = examples::ALERT_UNSNOOZE)]
    Unsnooze {
        /// Its id, as `weir alert snoozes` prints it
        snooze: SnoozeId,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
    /// The rules, and what their cases say; exit status 1 if one fails
    #[command(after_help = examples::ALERT_RULES)]
    Rules {
        /// The file of rules [default: the configured one, or the shipped rules]
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
        #[command(flatten)]
        common: super::Common,
    },
}

#[derive(clap::Args)]
pub(super) struct Snooze {
    /// The rule's name; * stands for anything
    rule: String,
    /// The workload: its name or its SPIFFE id; * stands for anything
    #[arg(long, value_name = "NAME")]
    workload: String,
    /// How long: 45s, 30m, 2h, 7d; at most 90d
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    seconds: u64,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn alert(command: Alert) -> Result {
    match command {
        Alert::List { past, common } => {
            let path = format!("/v1/alerts?past={past}");
            let alerts = common.ask(Method::GET, &path, None, Command::ListAlerts(Page::first(past)))?;
            common.tell(&alerts, || list(&alerts))?;
        }
        Alert::Explain { alert, common } => {
            let told = common.ask(Method::GET, &format!("/v1/alerts/{alert}"), None, Command::ShowAlert(alert))?;
            common.tell(&told, || explain(&told))?;
        }
        Alert::Snooze(Snooze { rule, workload, seconds, reason, common }) => {
            let body = json!({ "rule": rule, "workload": workload, "seconds": seconds, "reason": reason });
            let request = SnoozeRequest { rule, workload, seconds, reason };
            let set = common.ask(Method::POST, "/v1/snoozes", Some(&body), Command::Snooze(request))?;
            common.tell(&set, || {
                let (id, rule, workload) = (at(&set, "/id"), at(&set, "/rule"), at(&set, "/workload"));
                format!("{id}: {rule} of {workload} is quiet until {} (UTC)", time(&set, "/until"))
            })?;
        }
        Alert::Snoozes { past, common } => {
            let path = format!("/v1/snoozes?past={past}");
            let snoozes = common.ask(Method::GET, &path, None, Command::ListSnoozes(Page::first(past)))?;
            common.tell(&snoozes, || list_snoozes(&snoozes))?;
        }
        Alert::Unsnooze { snooze, reason, common } => {
            let (path, body) = (format!("/v1/snoozes/{snooze}/lift"), json!({ "reason": reason }));
            let lifted = common.ask(Method::POST, &path, Some(&body), Command::LiftSnooze { id: snooze, reason })?;
            common.tell(&lifted, || {
                format!("{snooze} is lifted: {} of {} is heard again", at(&lifted, "/rule"), at(&lifted, "/workload"))
            })?;
        }
        Alert::Rules { check, common } => return rules(check, &common),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(alerts: &Value) -> String {
    if items(alerts).next().is_none() {
        return "nothing was found; `weir alert rules` shows what is looked for".to_owned();
    }
    let rows = items(alerts).map(|alert| {
        [
            at(alert, "/id"),
            time(alert, "/at"),
            at(alert, "/severity"),
            at(alert, "/rule"),
            at(alert, "/workload"),
            at(alert, "/subject"),
            at(alert, "/count"),
            at(alert, "/done/what"),
        ]
    });
    table(["ALERT", "SEEN (UTC)", "SEVERITY", "RULE", "WORKLOAD", "ABOUT", "COUNT", "DONE"], rows)
}

fn explain(alert: &Value) -> String {
    let value = |place: &str| at(alert, place);
    let place = match (value("/session").as_str(), value("/operation").as_str()) {
        ("-", _) => "-".to_owned(),
        (session, "-") => format!("{session} (weir session show {session})"),
        (session, operation) => format!("{session}/{operation} (weir session show {session})"),
    };
    let done = match (value("/then").as_str(), value("/done/what").as_str()) {
        ("tell", _) => "told".to_owned(),
        (then, "-") => format!("told; to {then} is under way"),
        (_, done) => format!("told; {done}"),
    };
    let (rule, workload) = (value("/rule"), value("/workload"));
    let who = if workload.is_empty() || workload == "-" { "*".to_owned() } else { workload.clone() };
    let snooze = format!("weir alert snooze {rule} --workload '{who}' --for 2h --reason …");
    let rows = [
        ("rule", format!("{rule} ({})", value("/severity"))),
        ("workload", workload),
        ("identity", value("/identity")),
        ("about", value("/subject")),
        ("seen", value("/seen")),
        ("usual", value("/usual")),
        ("told", value("/threshold")),
        ("count", value("/count")),
        ("first at", format!("{} (UTC)", time(alert, "/at"))),
        ("event", value("/event")),
        ("session", place),
        ("run", value("/run")),
        ("target", value("/target")),
        ("done", done),
        ("to snooze", snooze),
    ];
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty() && value != "-");
    table(["ALERT", &value("/id")], rows.map(|(name, value)| [name.to_owned(), value]))
}

fn list_snoozes(snoozes: &Value) -> String {
    if items(snoozes).next().is_none() {
        return "nothing is snoozed".to_owned();
    }
    let rows = items(snoozes).map(|snooze| {
        let state = if snooze.get("ended_at").is_some_and(Value::is_string) { "over" } else { "in force" };
        [
            at(snooze, "/id"),
            state.to_owned(),
            at(snooze, "/rule"),
            at(snooze, "/workload"),
            at(snooze, "/by"),
            time(snooze, "/until"),
            at(snooze, "/reason"),
        ]
    });
    table(["SNOOZE", "STATE", "RULE", "WORKLOAD", "BY", "UNTIL (UTC)", "REASON"], rows)
}

fn rules(check: Option<PathBuf>, common: &super::Common) -> Result {
    let file = match check {
        Some(file) => Some(file),
        None => super::load(common.config.as_deref())?.detection.and_then(|detection| detection.file),
    };
    let (name, text) = detection::text(file.as_deref()).map_err(CliError::new)?;
    let rules = Rules::read(&name, &text).map_err(|problems| CliError::new(RulesError::Bad(problems)))?;
    let cases = cases(&name, &text).map_err(CliError::new)?;
    let outcomes = run(&rules, &cases);
    let failed = outcomes.iter().filter(|outcome| outcome.problem.is_some()).count();
    print(&match common.format {
        Format::Json => json!({
            "file": name,
            "learn_seconds": rules.learn.as_secs(),
            "group_seconds": rules.group.as_secs(),
            "budget": rules.budget,
            "rules": rules.rules.iter().map(|rule| json!({
                "rule": rule.name, "kind": rule.kind, "of": rule.of, "severity": rule.severity, "then": rule.then,
            })).collect::<Vec<_>>(),
            "cases": outcomes.len(),
            "failed": failed,
            "results": outcomes.iter().map(|outcome| {
                json!({ "case": outcome.name, "passed": outcome.problem.is_none(), "problem": outcome.problem })
            }).collect::<Vec<_>>(),
        })
        .to_string(),
        Format::Text => text_of(&name, &rules, &outcomes, failed),
    })?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn text_of(name: &str, rules: &Rules, outcomes: &[Outcome], failed: usize) -> String {
    let named = |value: Value| at(&value, "");
    let rows = rules.rules.iter().map(|rule| {
        let words = [json!(rule.kind), json!(rule.of), json!(rule.severity), json!(rule.then)].map(named);
        let [kind, of, severity, then] = words;
        [rule.name.clone(), kind, of, severity, then]
    });
    let rules = table(["RULE", "KIND", "OF", "SEVERITY", "THEN"], rows);
    let failures: String = outcomes
        .iter()
        .filter_map(|outcome| outcome.problem.as_ref().map(|problem| format!("\n  {:?}: {problem}", outcome.name)))
        .collect();
    format!("{rules}\n{name}: {}, {failed} failed{failures}", count(outcomes.len(), "case", "cases"))
}
