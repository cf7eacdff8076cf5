//! `weir sink list|test`: where events leave to.

use super::desk::{Common, at, items, table, time};
use super::{CliError, Result, block_on, examples};
use clap::Subcommand;
use hyper::Method;
use serde_json::Value;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Sink {
    /// Each sink: what it has taken, what waits, what was dropped, what went wrong
    #[command(after_help = examples::SINK_LIST)]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Send a test to one of them, now, and say what came of it
    #[command(after_help = examples::SINK_TEST)]
    Test {
        /// Its name, as `[[sink]]` has it
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

pub(super) fn sink(command: Sink) -> Result {
    match command {
        Sink::List { common } => {
            let all = common.ask_or(Method::GET, "/v1/sinks", None, |ledger, actor, config| {
                ledger.list_sinks(actor, config).map_err(CliError::new)
            })?;
            common.tell(&all, || list(&all))?;
        }
        Sink::Test { name, common } => {
            let sinks = common.load()?.sinks;
            if !sinks.iter().any(|sink| sink.name == name) {
                let known: Vec<_> = sinks.iter().map(|sink| sink.name.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(CliError::new(format!("no [[sink]] of the configuration is named {name:?}; there is: {known}")));
            }
            let path = format!("/v1/sinks/{name}/test");
            let tried = common.ask_or(Method::POST, &path, None, |ledger, actor, config| {
                block_on(async { ledger.test_sink(actor, config, &name).await.map_err(CliError::new) })
            })?;
            common.tell(&tried, || {
                let how = match tried["acknowledged"].as_bool() {
                    Some(true) => "acknowledges it",
                    Some(false) | None => "has read it (its protocol has no acknowledgement)",
                };
                let [to, format, milliseconds] = ["/to", "/format", "/milliseconds"].map(|place| at(&tried, place));
                format!("{name}: {to} {how}: one event as {format}, in {milliseconds} ms")
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(all: &Value) -> String {
    if items(all).next().is_none() {
        return "events go nowhere: no [[sink]] is configured".to_owned();
    }
    let rows = items(all).map(|one| {
        let error = match time(one, "/error_at").as_str() {
            "-" => "-".to_owned(),
            when => format!("{when}: {}", at(one, "/error")),
        };
        let lag = format!("{} s", at(one, "/lag_seconds"));
        let [name, kind, to, state, delivered, waiting, dropped, refused] =
            ["/name", "/kind", "/to", "/state", "/delivered", "/waiting", "/dropped", "/refused"].map(|place| at(one, place));
        [name, kind, to, state, delivered, waiting, lag, dropped, refused, error]
    });
    let header = ["NAME", "KIND", "TO", "STATE", "DELIVERED", "WAITING", "LAG", "DROPPED", "REFUSED", "LAST ERROR (UTC)"];
    table(header, rows)
}
