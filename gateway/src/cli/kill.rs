//! `weir session kill`: finds the gateway that has the session and has it end it.

use super::{CliError, Common, Format, Result, block_on, print};
use crate::api::client;
use gateway_core::model::ids::SessionId;
use hyper::Method;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The session's id, as `weir session list` prints it
    session: SessionId,
    /// Why, for the record
    #[arg(long, default_value = "killed by hand")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn kill(arguments: &Arguments) -> Result {
    let state_dir = super::state_dir(arguments.common.config.as_deref())?;
    let outcome = block_on(ask_all(&state_dir, arguments))?;
    print(&match arguments.common.format {
        Format::Json => outcome.to_string(),
        Format::Text => describe(arguments.session, &outcome),
    })?;
    let confirmed = outcome.get("confirmed").and_then(serde_json::Value::as_bool).unwrap_or(false);
    Ok(if confirmed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn ask_all(state_dir: &std::path::Path, arguments: &Arguments) -> Result<serde_json::Value> {
    let body = serde_json::json!({ "reason": arguments.reason });
    let path = format!("/v1/sessions/{}/kill", arguments.session);
    let gateways = client::gateways(state_dir).await.map_err(CliError::new)?;
    for socket in &gateways {
        if let Some(outcome) = client::ask(socket, Method::POST, &path, Some(&body)).await.map_err(CliError::new)? {
            return Ok(outcome);
        }
    }
    Err(CliError::new(format!(
        "no live session {} at any of {} running gateways (state directory {}): `weir session list` shows which are live",
        arguments.session,
        gateways.len(),
        state_dir.display()
    )))
}

fn describe(session: SessionId, outcome: &serde_json::Value) -> String {
    let number = |key: &str| outcome.get(key).and_then(serde_json::Value::as_f64).unwrap_or_default();
    let how = outcome.get("how").and_then(serde_json::Value::as_str).unwrap_or("unknown");
    if outcome.get("confirmed").and_then(serde_json::Value::as_bool).unwrap_or(false) {
        format!(
            "{session} killed: client reset after {:.1} ms, ended at the server ({how}) after {:.1} ms",
            number("client_reset_ms"),
            number("server_ms")
        )
    } else {
        format!(
            "{session}: client reset after {:.1} ms, but its end at the server is NOT CONFIRMED after {:.0} ms and {} cancel requests.\n\
             Give the target a `catalog` credential that may call pg_terminate_backend, or end the backend by hand.",
            number("client_reset_ms"),
            number("server_ms"),
            number("cancels")
        )
    }
}
