//! How commands reach what people decide: a gateway that runs here, the daemon for who is not root, or the ledger itself.

use super::remote::Remote;
use super::{CliError, Format, Result, block_on};
use crate::api::client;
use crate::config::Config;
use crate::control::{Actor, Command, Offline, Reply, login};
use crate::replay::text;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use hyper::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where the ledger is, and how to print.
#[derive(clap::Args, Clone)]
pub(super) struct Common {
    /// The configuration, for its state directory and the daemon's socket
    #[arg(long, env = "WEIR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
    /// How to print: tables for people, JSON for machines
    #[arg(long, value_enum, value_name = "text|json", default_value_t = Format::Text, hide_possible_values = true)]
    pub(super) format: Format,
}

impl Common {
    pub(super) fn load(&self) -> Result<Config> {
        super::load(self.config.as_deref())
    }

    /// Asks a gateway that runs here; where none does, root has `offline` done on the ledger.
    pub(super) fn ask(&self, method: Method, path: &str, body: Option<&Value>, offline: Command) -> Result<Value> {
        self.ask_or(method, path, body, |ledger, actor, _config| ledger.handle(actor, offline).map_err(CliError::new))
    }

    /// The same, with what takes the configuration.
    pub(super) fn ask_or(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        offline: impl FnOnce(&Offline, &Actor, &Config) -> Result<Reply>,
    ) -> Result<Value> {
        if let Some(place) = self.remote.place()? {
            return block_on(place.ask(method, path, body));
        }
        let config = self.load()?;
        if !nix::unistd::geteuid().is_root() {
            // Where somebody has signed in, that is who asks.
            if let Some(place) = self.remote.place_of(config.console.as_ref()) {
                return block_on(place.ask(method, path, body));
            }
            let socket = config.host.socket;
            return block_on(async { client::ask_daemon(&socket, method, path, body).await.map_err(CliError::new) });
        }
        let answer = block_on(first(&config.state_dir, method, path, body))?;
        if let Some(answer) = answer {
            return Ok(answer);
        }
        let ledger = Offline::open(&config.state_dir).map_err(CliError::new)?;
        let reply = offline(&ledger, &Actor::root(login(std::process::id())), &config)?;
        serde_json::to_value(reply).map_err(CliError::new)
    }

    /// Asks every gateway that runs here.
    pub(super) fn ask_all(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Vec<Value>> {
        if let Some(place) = self.remote.place()? {
            return Ok(vec![block_on(place.ask(method.clone(), path, body))?]);
        }
        let config = self.load()?;
        block_on(async {
            let mut answers = Vec::new();
            for socket in client::gateways(&config.state_dir).await.map_err(CliError::new)? {
                answers.extend(client::ask(&socket, method.clone(), path, body).await.map_err(CliError::new)?);
            }
            Ok(answers)
        })
    }

    /// JSON for machines; `text` for people.
    pub(super) fn tell(&self, value: &Value, text: impl FnOnce() -> String) -> Result<()> {
        super::print(&match self.format {
            Format::Json => value.to_string(),
            Format::Text => text(),
        })
    }
}

/// What the first gateway says that runs here; none where none does.
async fn first(state_dir: &Path, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Value>> {
    let Some(socket) = client::gateways(state_dir).await.map_err(CliError::new)?.into_iter().next() else { return Ok(None) };
    let answer = client::ask(&socket, method, path, body).await.map_err(CliError::new)?;
    answer.map(Some).ok_or_else(|| CliError::new(format!("there is none of that name: {path}")))
}

/// A table without lines.
pub(super) fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(header);
    table.add_rows(rows);
    table.to_string()
}

/// What is at `place` of a value, as people read it.
pub(super) fn at(value: &Value, place: &str) -> String {
    match value.pointer(place) {
        Some(Value::String(text)) => text::line(text.as_bytes()),
        Some(Value::Null) | None => "-".to_owned(),
        Some(Value::Array(items)) => items.iter().map(|item| at(item, "")).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

/// A time to the second, in UTC.
pub(super) fn time(value: &Value, place: &str) -> String {
    let text = at(value, place);
    let seconds = text.split_once('.').map_or(text.as_str(), |(seconds, _)| seconds);
    seconds.trim_end_matches('Z').replace('T', " ")
}

/// The items of a list.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `45s`, `30m`, `2h`, `7d`: seconds.
pub(super) fn seconds(text: &str) -> std::result::Result<u64, String> {
    gateway_core::model::time::seconds(text).ok_or_else(|| format!("`{text}` is no time: write 45s, 30m, 2h or 7d"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_and_values_are_read_as_people_write_them() {
        for (text, expected) in [("45s", Some(45)), ("30m", Some(1800)), ("2h", Some(7200)), ("7d", Some(604_800))] {
            assert_eq!(seconds(text).ok(), expected);
        }
        for wrong in ["", "5", "0s", "-1h", "h", "99999999999999999999d", "1hh"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        let value = json!({ "a": { "t": "2026-11-29T07:43:28.123456789Z" }, "list": ["x", 1], "none": null });
        assert_eq!(time(&value, "/a/t"), "2026-11-29 07:43:28");
        assert_eq!((at(&value, "/list"), at(&value, "/none"), at(&value, "/b")), ("x, 1".into(), "-".into(), "-".into()));
    }
}
