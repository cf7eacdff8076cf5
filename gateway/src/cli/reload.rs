//! `weir policy reload`: has every running gateway of this state directory read its policies again.

use super::{CliError, Common, Format, Result, block_on, print};
use crate::api::client;
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn reload(common: &Common) -> Result {
    let state_dir = super::state_dir(common.config.as_deref())?;
    let results = block_on(ask_all(&state_dir))?;
    let refused = results.iter().any(|result| result.get("error").is_some());
    let text = match common.format {
        Format::Json => Value::Array(results).to_string(),
        Format::Text if results.is_empty() => format!("no gateway runs on {}", state_dir.display()),
        Format::Text => results.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    print(&text)?;
    Ok(if refused { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

async fn ask_all(state_dir: &Path) -> Result<Vec<Value>> {
    let mut results = Vec::new();
    for socket in client::gateways(state_dir).await.map_err(CliError::new)? {
        let gateway = socket.display().to_string();
        results.push(match client::ask(&socket, Method::POST, "/v1/policy/reload", None).await {
            Ok(reply) => json!({ "gateway": gateway, "policy": reply.and_then(|reply| reply.get("policy").cloned()) }),
            Err(error) => json!({ "gateway": gateway, "error": error.to_string() }),
        });
    }
    Ok(results)
}

fn line(result: &Value) -> String {
    let field = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or("-");
    match result.get("error") {
        Some(_) => format!("{}: {}", field("gateway"), field("error")),
        None => format!("{}: now set {}", field("gateway"), field("policy")),
    }
}
