//! `weir audit hold add|list|lift`: records that nobody removes.

use super::desk::{Common, at, items, table, time};
use super::{Result, examples};
use crate::control::{Command, LegalHoldRequest, Page, moment};
use crate::ledger::HeldFor;
use clap::Subcommand;
use gateway_core::model::ids::{LegalHoldId, RunId, SessionId};
use gateway_core::model::time::Timestamp;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Legal {
    /// Keep records whatever their time of keeping says, until the hold is lifted
    #[command(after_help = examples::LEGAL_ADD)]
    Add(Add),
    /// The legal holds in force
    #[command(after_help = examples::LEGAL_LIST)]
    List {
        /// And so many of those that are lifted
        #[arg(long, value_name = "N", default_value_t = 0)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Lift a legal hold
    #[command(after_help = examples::LEGAL_LIFT)]
    Lift {
        /// Its id
        hold: LegalHoldId,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
pub(super) struct Add {
    #[command(flatten)]
    named: Named,
    /// Of sessions that went on at this time or later: 2h ago, 7d, 2026-11-29, or with a time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Of sessions that had begun by this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Named {
    /// All sessions to a target
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// One session
    #[arg(long, value_name = "SESSION")]
    session: Option<SessionId>,
    /// All sessions of a run
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    /// All sessions of a workload: its SPIFFE id, or the name of its entry
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
}

impl Named {
    fn subject(self) -> HeldFor {
        match self {
            Self { session: Some(session), .. } => HeldFor::Session(session),
            Self { run: Some(run), .. } => HeldFor::Run(run),
            Self { workload: Some(workload), .. } => HeldFor::Workload(workload),
            // One of them is there.
            Self { target, .. } => HeldFor::Target(target.unwrap_or_default()),
        }
    }
}

pub(super) fn legal(command: Legal) -> Result {
    match command {
        Legal::Add(Add { named, since, until, reason, common }) => {
            let subject = named.subject();
            let body = json!({ "subject": subject, "since": since, "until": until, "reason": reason });
            let request = LegalHoldRequest { subject, since, until, reason };
            let set = common.ask(Method::POST, "/v1/legal-holds", Some(&body), Command::SetLegalHold(request))?;
            common.tell(&set, || format!("{} keeps the records of {}", at(&set, "/id"), named_by(&set)))?;
        }
        Legal::List { past, common } => {
            let path = format!("/v1/legal-holds?past={past}");
            let holds = common.ask(Method::GET, &path, None, Command::ListLegalHolds(Page::first(past)))?;
            common.tell(&holds, || list(&holds))?;
        }
        Legal::Lift { hold, reason, common } => {
            let path = format!("/v1/legal-holds/{hold}/lift");
            let body = json!({ "reason": reason });
            let lifted = common.ask(Method::POST, &path, Some(&body), Command::LiftLegalHold { id: hold, reason })?;
            common
                .tell(&lifted, || format!("{hold} is lifted: the records of {} go when their time is over", named_by(&lifted)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(holds: &Value) -> String {
    if items(holds).next().is_none() {
        return "no legal hold is in force".to_owned();
    }
    let rows = items(holds).map(|hold| {
        let state = if hold.get("lifted_at").is_some_and(Value::is_string) { "lifted" } else { "in force" };
        [
            at(hold, "/id"),
            state.to_owned(),
            named_by(hold),
            time(hold, "/since"),
            time(hold, "/until"),
            at(hold, "/by"),
            time(hold, "/set_at"),
            at(hold, "/reason"),
        ]
    });
    table(["HOLD", "STATE", "OF", "FROM (UTC)", "TO", "BY", "SET", "REASON"], rows)
}

fn named_by(hold: &Value) -> String {
    format!("{} {}", at(hold, "/subject/kind"), at(hold, "/subject/name"))
}
