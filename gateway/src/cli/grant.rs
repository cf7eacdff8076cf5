//! `weir grant request|list|approve|deny|revoke`: permissions that end by themselves.

use super::desk::{Common, at, items, seconds, table, time};
use super::{Result, examples};
use crate::control::{Command, GrantRequest, Page, Say, Scope};
use clap::Subcommand;
use gateway_core::control::grant::Wish;
use gateway_core::model::ids::{GrantId, RunId, SessionId};
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Grant {
    /// Ask for more than policy gives: a job for itself, or a person for a job
    #[command(after_help = examples::GRANT_REQUEST)]
    Request(Request),
    /// What is asked for, and what is given
    #[command(after_help = examples::GRANT_LIST)]
    List {
        /// And so many of those that are over
        #[arg(long, value_name = "N", default_value_t = 0)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Give what is asked for
    #[command(after_help = examples::GRANT_APPROVE)]
    Approve(Answer),
    /// Don't
    #[command(after_help = examples::GRANT_DENY)]
    Deny(Answer),
    /// End it, at once
    #[command(after_help = examples::GRANT_REVOKE)]
    Revoke(Answer),
}

#[derive(clap::Args)]
pub(super) struct Request {
    /// For which workload: its SPIFFE id or its name [default: the job that asks, or any where --run or --session is given]
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// For this run alone; it dies with it
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    /// For this session alone
    #[arg(long, value_name = "SESSION")]
    session: Option<SessionId>,
    /// The target
    #[arg(long, value_name = "TARGET")]
    target: String,
    /// What: connect, read, write, define, administer, call, session, reveal, resolve
    #[arg(long = "action", value_name = "ACTION", required = true, value_delimiter = ',')]
    actions: Vec<String>,
    /// On these relations alone: schema.name or schema.*
    #[arg(long = "table", value_name = "TABLE", value_delimiter = ',')]
    tables: Vec<String>,
    /// With the action reveal: these classes
    #[arg(long = "class", value_name = "CLASS", value_delimiter = ',')]
    classes: Vec<String>,
    /// How long, from when it is given: 45s, 30m, 2h, 7d
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    seconds: u64,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
pub(super) struct Answer {
    /// The grant's id
    grant: GrantId,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn grant(command: Grant) -> Result {
    match command {
        Grant::Request(request) => return ask(request),
        Grant::List { past, common } => {
            let path = format!("/v1/grants?past={past}");
            let grants = common.ask(Method::GET, &path, None, Command::ListGrants(Page::first(past)))?;
            common.tell(&grants, || list(&grants))?;
        }
        Grant::Approve(answer) => {
            let offline = |id, reason| Command::AnswerGrant { id, say: Say::Approve(Scope::Once), reason };
            let (grant, given) = answer.ask("approve", offline)?;
            answer.common.tell(&given, || match at(&given, "/state").as_str() {
                "given" => format!("{grant} is in force until {} (UTC){}", time(&given, "/until"), unheeded(&given)),
                _ => format!("{grant} has your approval and waits for another's"),
            })?;
        }
        Grant::Deny(answer) => {
            let offline = |id, reason| Command::AnswerGrant { id, say: Say::Deny, reason };
            let (grant, denied) = answer.ask("deny", offline)?;
            answer.common.tell(&denied, || format!("{grant} is denied"))?;
        }
        Grant::Revoke(answer) => {
            let (grant, revoked) = answer.ask("revoke", |id, reason| Command::RevokeGrant { id, reason })?;
            answer.common.tell(&revoked, || format!("{grant} is revoked"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn ask(request: Request) -> Result {
    let Request { workload, run, session, target, actions, tables, classes, seconds, reason, common } = request;
    let body = json!({
        "workload": workload, "run": run, "session": session, "target": target, "actions": actions,
        "tables": tables, "classes": classes, "seconds": seconds, "reason": reason,
    });
    let workload = workload.unwrap_or_else(|| "*".to_owned());
    let wish = Wish { workload, run, session, target, actions: actions.into_iter().collect(), tables, classes };
    let offline = Command::RequestGrant(GrantRequest { wish, seconds, reason });
    let asked = common.ask(Method::POST, "/v1/grants", Some(&body), offline)?;
    common.tell(&asked, || {
        let id = at(&asked, "/id");
        format!("{id} is asked for: whoever may gives it with `weir grant approve {id} --reason …`{}", unheeded(&asked))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A grant is a fact to the policies, and no more than that.
fn unheeded(grant: &Value) -> String {
    if grant.get("heeded") == Some(&Value::Bool(false)) {
        "\nNo policy in force takes grants into account (context.granted), so it gives nothing.".to_owned()
    } else {
        String::new()
    }
}

impl Answer {
    fn ask(&self, what: &str, offline: impl FnOnce(GrantId, String) -> Command) -> Result<(GrantId, Value)> {
        let body = json!({ "reason": self.reason });
        let path = format!("/v1/grants/{}/{what}", self.grant);
        let offline = offline(self.grant, self.reason.clone());
        Ok((self.grant, self.common.ask(Method::POST, &path, Some(&body), offline)?))
    }
}

fn list(grants: &Value) -> String {
    if items(grants).next().is_none() {
        return "no grant is asked for, and none is given".to_owned();
    }
    let rows = items(grants).map(|grant| {
        let of = ["/wish/session", "/wish/run", "/wish/workload"].map(|place| at(grant, place));
        let [session, run, workload] = of;
        let whom = [session, run].into_iter().find(|narrow| narrow != "-").unwrap_or(workload);
        let tables = at(grant, "/wish/tables");
        let what =
            if tables.is_empty() { at(grant, "/wish/actions") } else { format!("{} on {tables}", at(grant, "/wish/actions")) };
        [
            at(grant, "/id"),
            at(grant, "/state"),
            whom,
            at(grant, "/wish/target"),
            what,
            at(grant, "/by"),
            at(grant, "/reason"),
            time(grant, "/until"),
        ]
    });
    table(["GRANT", "STATE", "FOR", "TARGET", "WHAT", "ASKED BY", "REASON", "UNTIL (UTC)"], rows)
}
