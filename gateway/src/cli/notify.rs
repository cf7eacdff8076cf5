//! `weir notify list|test`: who is told of holds, grants, blocks and broken glass.

use super::desk::{Common, at, items, table, time};
use super::{CliError, Result, block_on, examples};
use clap::Subcommand;
use hyper::Method;
use serde_json::Value;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Notify {
    /// Each notifier: what it has taken, what waits, what went wrong
    #[command(after_help = examples::NOTIFY_LIST)]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Send a test by one of them, now, and say what came of it
    #[command(after_help = examples::NOTIFY_TEST)]
    Test {
        /// Its name, as `[[notify]]` has it
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

pub(super) fn notify(command: Notify) -> Result {
    match command {
        Notify::List { common } => {
            let all = common.ask_or(Method::GET, "/v1/notifiers", None, |ledger, actor, config| {
                ledger.list_notifiers(actor, &config.notifiers).map_err(CliError::new)
            })?;
            common.tell(&all, || list(&all))?;
        }
        Notify::Test { name, common } => {
            let notifiers = common.load()?.notifiers;
            if !notifiers.iter().any(|notifier| notifier.name == name) {
                let known: Vec<_> = notifiers.iter().map(|notifier| notifier.name.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(CliError::new(format!("no [[notify]] of the configuration is named {name:?}; there is: {known}")));
            }
            let path = format!("/v1/notifiers/{name}/test");
            let tried = common.ask_or(Method::POST, &path, None, |ledger, actor, config| {
                block_on(async { ledger.test_notifier(actor, &config.notifiers, &name).await.map_err(CliError::new) })
            })?;
            common.tell(&tried, || {
                format!("{name}: told {} by {} in {} ms", at(&tried, "/to"), at(&tried, "/kind"), at(&tried, "/milliseconds"))
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(all: &Value) -> String {
    if items(all).next().is_none() {
        return "nobody is notified: no [[notify]] is configured".to_owned();
    }
    let rows = items(all).map(|one| {
        let error = match time(one, "/error_at").as_str() {
            "-" => "-".to_owned(),
            when => format!("{when}: {}", at(one, "/error")),
        };
        let counts = ["/delivered", "/waiting", "/skipped", "/failed"].map(|place| at(one, place));
        let [delivered, waiting, skipped, failed] = counts;
        [at(one, "/name"), at(one, "/kind"), at(one, "/to"), at(one, "/state"), delivered, waiting, skipped, failed, error]
    });
    table(["NAME", "KIND", "TO", "STATE", "DELIVERED", "WAITING", "SKIPPED", "GIVEN UP", "LAST ERROR (UTC)"], rows)
}
