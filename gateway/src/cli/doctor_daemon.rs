//! What `weir doctor` says of the daemon: whether one answers, and whether its canary came out.

use super::{block_on, count};
use crate::api::client;
use crate::capture::{Probe, Tier};
use crate::config::Config;
use crate::config::host::SOCKET;
use hyper::Method;
use serde_json::Value;
use std::path::PathBuf;

/// Whether the configured rules of detection can be had; no row where there are none.
pub(super) fn detection() -> Option<Probe> {
    let settings = Config::load(std::path::Path::new(super::DEFAULT_CONFIG)).ok()?.detection?;
    Some(match settings.rules() {
        Ok(rules) => row("detection", true, count(rules.rules.len(), "rule", "rules")),
        Err(error) => row("detection", false, error.to_string()),
    })
}

const fn row(feature: &'static str, available: bool, why: String) -> Probe {
    Probe { feature, tier: Tier::Optional, available, why }
}

/// Two rows: a host whose jobs come by `weir run` alone needs neither.
pub(super) fn daemon() -> Vec<Probe> {
    let configured = || Config::load(std::path::Path::new(super::DEFAULT_CONFIG)).ok().map(|config| config.host.socket);
    let named = std::env::var_os("WEIR_SOCKET").map(PathBuf::from);
    let socket = named.or_else(configured).unwrap_or_else(|| PathBuf::from(SOCKET));
    let asked = block_on(async { Ok(client::ask_daemon(&socket, Method::GET, "/healthz", None).await) });
    match asked {
        Ok(Ok(health)) => {
            let pid = health.get("pid").and_then(Value::as_u64).unwrap_or_default();
            let state = health.pointer("/canary/state").and_then(Value::as_str).unwrap_or("unknown").to_owned();
            let why = health.pointer("/canary/why").and_then(Value::as_str).map_or_else(|| state.clone(), str::to_owned);
            vec![row("daemon", true, format!("process {pid} at {}", socket.display())), row("canary", state == "well", why)]
        }
        Ok(Err(error)) => vec![row("daemon", false, error.to_string()), row("canary", false, "there is no daemon".to_owned())],
        Err(error) => vec![row("daemon", false, error.to_string())],
    }
}
