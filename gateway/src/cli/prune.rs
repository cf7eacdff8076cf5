//! `weir audit prune`: records whose time is over go, and a tombstone of each stays in the log.

use super::desk::{Common, at, items, seconds};
use super::{CliError, Result, count};
use crate::control::PruneRequest;
use crate::index;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Prune {
    /// What was closed so long ago: 36h, 90d [default: record.keep]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    older_than: Option<u64>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn prune(arguments: Prune) -> Result {
    let Prune { older_than, dry_run, common } = arguments;
    let body = json!({ "older_than_seconds": older_than, "dry_run": dry_run });
    let request = PruneRequest { older_than_seconds: older_than, dry_run };
    let told = common.ask_or(Method::POST, "/v1/records/prune", Some(&body), |ledger, actor, config| {
        let removed = ledger.prune(config, actor, &request).map_err(CliError::new)?;
        // No gateway keeps the index: what is gone is not to be found any more.
        let _none = index::open_fresh(&config.state_dir, &mut |_progress| {}).is_none();
        Ok(removed)
    })?;
    common.tell(&told, || text(&told))?;
    Ok(ExitCode::SUCCESS)
}

fn text(told: &Value) -> String {
    let number = |name: &str| told.get(name).and_then(Value::as_u64).unwrap_or_default();
    let mut lines: Vec<_> = items(&told["sessions"]).map(|session| at(session, "")).collect();
    let what = if told["dry_run"] == true { "would be removed; nothing was" } else { "removed" };
    let records = count(number("removed"), "record", "records");
    lines.push(format!("{records} closed before {}, {} bytes: {what}", at(told, "/before"), number("bytes")));
    for (name, why) in [
        ("held", "kept: a legal hold is on them"),
        ("not_whole", "kept: they are not what the log says was closed (weir audit verify)"),
        ("unsigned", "kept for now: the log is not signed that far"),
    ] {
        if number(name) > 0 {
            lines.push(format!("{} {why}", number(name)));
        }
    }
    lines.join("\n")
}
