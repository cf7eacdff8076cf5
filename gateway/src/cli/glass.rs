//! `weir break-glass`: policy set aside for one target in an emergency, and what is owed for it.

use super::desk::{Common, at, items, seconds, table, time};
use super::{CliError, Result, examples};
use crate::control::{Command, GlassRequest, Lift, Page};
use clap::Subcommand;
use gateway_core::model::ids::{GlassId, RunId};
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Glass>,
    /// The target
    #[arg(long, value_name = "TARGET", required = true)]
    target: Option<String>,
    /// Why: it is recorded, and everybody is told
    #[arg(long, value_name = "TEXT", required = true)]
    reason: Option<String>,
    /// How long: 45s, 30m, 2h
    #[arg(long = "for", value_name = "TIME", value_parser = seconds, required = true)]
    seconds: Option<u64>,
    /// For this workload alone: its SPIFFE id or its name [default: whatever the user runs who asks]
    #[arg(long, value_name = "NAME", conflicts_with = "run")]
    workload: Option<String>,
    /// For this run alone
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    /// A sealed code; twice, of two people, where who asks is not root
    #[arg(long = "code", value_name = "CODE")]
    codes: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
pub(super) enum Glass {
    /// When it was broken, and where a review is owed
    #[command(after_help = examples::GLASS_LIST)]
    List {
        /// And so many of those that are reviewed
        #[arg(long, value_name = "N", default_value_t = 0)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// End it before its time
    #[command(after_help = examples::GLASS_END)]
    End {
        /// Its id
        glass: GlassId,
        #[command(flatten)]
        common: Common,
    },
    /// Say what you found of what was done: not for who broke it
    #[command(after_help = examples::GLASS_REVIEW)]
    Review {
        /// Its id
        glass: GlassId,
        /// What you found
        #[arg(long, value_name = "TEXT")]
        finding: String,
        #[command(flatten)]
        common: Common,
    },
    /// Make a code for each of several people; any two of them together break the glass
    #[command(after_help = examples::GLASS_CODES)]
    Codes {
        /// Two people or more
        #[arg(required = true, num_args = 2.., value_name = "PERSON")]
        people: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
}

pub(super) fn glass(arguments: Arguments) -> Result {
    match arguments.command {
        None => return break_it(arguments),
        Some(Glass::List { past, common }) => {
            let path = format!("/v1/break-glass?past={past}");
            let all = common.ask(Method::GET, &path, None, Command::ListGlass(Page::first(past)))?;
            common.tell(&all, || list(&all))?;
        }
        Some(Glass::End { glass, common }) => {
            let path = format!("/v1/break-glass/{glass}/end");
            let ended = common.ask(Method::POST, &path, Some(&json!({})), Command::EndGlass(glass))?;
            common.tell(&ended, || format!("{glass} is over; somebody else owes it a review"))?;
        }
        Some(Glass::Review { glass, finding, common }) => {
            let (path, body) = (format!("/v1/break-glass/{glass}/review"), json!({ "finding": finding }));
            let offline = Command::ReviewGlass { id: glass, finding };
            let reviewed = common.ask(Method::POST, &path, Some(&body), offline)?;
            common.tell(&reviewed, || format!("{glass} is reviewed"))?;
        }
        Some(Glass::Codes { people, common }) => {
            let body = json!({ "people": people });
            let made = common.ask(Method::POST, "/v1/break-glass/codes", Some(&body), Command::MakeCodes { people })?;
            common.tell(&made, || {
                let rows = made.as_object().into_iter().flatten().map(|(person, code)| [person.clone(), at(code, "")]);
                format!(
                    "{}\n\nThey are shown this once. Give each person theirs, sealed; any two work together, once.",
                    table(["PERSON", "CODE"], rows)
                )
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn break_it(arguments: Arguments) -> Result {
    let Arguments { target, reason, seconds, workload, run, codes, common, .. } = arguments;
    let (Some(target), Some(reason), Some(seconds)) = (target, reason, seconds) else {
        return Err(CliError::new("--target, --reason and --for are needed"));
    };
    // Behind sudo, who asks is who typed it: what they run is theirs or root's.
    let sudo = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    let users = [nix::unistd::getuid().as_raw()].into_iter().chain(sudo).collect();
    let lift = run.map(Lift::Run).or_else(|| workload.map(Lift::Workload)).unwrap_or(Lift::Users(users));
    let body = json!({ "target": target, "reason": reason, "seconds": seconds, "lift": lift, "codes": codes });
    let offline = Command::BreakGlass(GlassRequest { target, lift: Some(lift), reason, seconds, codes });
    let broken = common.ask(Method::POST, "/v1/break-glass", Some(&body), offline)?;
    common.tell(&broken, || {
        format!(
            "the glass is broken for {} until {} (UTC): {}\n\
             Policies refuse nothing there for {}; all of it is recorded, masks stay, blocks stay, and somebody else owes it a review.",
            at(&broken, "/target"),
            time(&broken, "/until"),
            at(&broken, "/id"),
            whom(&broken)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn whom(glass: &Value) -> String {
    match glass.pointer("/lift").and_then(Value::as_object).and_then(|lift| lift.iter().next()) {
        Some((kind, name)) => format!("{kind} {}", at(name, "")),
        None => "nobody".to_owned(),
    }
}

fn list(all: &Value) -> String {
    if items(all).next().is_none() {
        return "the glass is whole, and no review is owed".to_owned();
    }
    let rows = items(all).map(|glass| {
        let given = |place: &str| glass.pointer(place).is_some_and(|value| !value.is_null());
        let state = match (given("/ended_at"), given("/review")) {
            (_, true) => "reviewed",
            (true, false) => "over, review owed",
            (false, false) => "in force",
        };
        [
            at(glass, "/id"),
            state.to_owned(),
            at(glass, "/target"),
            whom(glass),
            at(glass, "/by"),
            time(glass, "/since"),
            time(glass, "/until"),
            at(glass, "/reason"),
        ]
    });
    table(["BREAK-GLASS", "STATE", "TARGET", "FOR", "BY", "SINCE (UTC)", "UNTIL", "REASON"], rows)
}
