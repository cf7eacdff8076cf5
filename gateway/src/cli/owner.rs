//! `weir owner list|take`: owners who have left, and who takes over what they own.

use super::desk::{Common, at, items, table, time};
use super::{CliError, Result, examples};
use crate::control::TakeRequest;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Owner {
    /// Owners who have left, what they own, and who may take it over
    #[command(after_help = examples::OWNER_LIST)]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Take over a workload whose owner has left
    #[command(after_help = examples::OWNER_TAKE)]
    Take(Take),
}

#[derive(clap::Args)]
pub(super) struct Take {
    /// The workload: the name of its entry, or its SPIFFE id
    workload: String,
    /// Who owns it from then on [default: you; its successor where root asks]
    #[arg(long, value_name = "PERSON")]
    owner: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn owner(command: Owner) -> Result {
    match command {
        Owner::List { common } => {
            let owners = common.ask_or(Method::GET, "/v1/owners", None, |ledger, actor, config| {
                ledger.list_owners(actor, &config.workloads).map_err(CliError::new)
            })?;
            common.tell(&owners, || list(&owners))?;
        }
        Owner::Take(Take { workload, owner, reason, common }) => {
            let body = json!({ "workload": workload, "owner": owner, "reason": reason });
            let request = TakeRequest { workload, owner, reason };
            let taken = common.ask_or(Method::POST, "/v1/owners/take", Some(&body), |ledger, actor, config| {
                ledger.take_owner(actor, &request, &config.workloads).map_err(CliError::new)
            })?;
            common.tell(&taken, || {
                format!("{} is {}'s now, and no more {}'s", at(&taken, "/workload"), at(&taken, "/owner"), at(&taken, "/from"))
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(owners: &Value) -> String {
    if items(owners).next().is_none() {
        return "nobody has left who owns anything here".to_owned();
    }
    let rows = items(owners).flat_map(|owner| {
        let workloads = owner.get("workloads").map(items).into_iter().flatten();
        workloads.map(|workload| {
            [
                at(workload, "/workload"),
                at(workload, "/then"),
                at(owner, "/owner"),
                at(owner, "/how"),
                time(owner, "/since"),
                at(workload, "/successor"),
                at(workload, "/sessions"),
            ]
        })
    });
    table(["WORKLOAD", "IS", "OWNER", "LEFT", "SINCE (UTC)", "MAY TAKE IT OVER", "SESSIONS"], rows)
}
