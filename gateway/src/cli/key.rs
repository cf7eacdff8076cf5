//! `weir audit key show|rotate`: the key that the log of records is signed by, and another in its place.

use super::session::{finish, tell};
use super::{CliError, Common, Format, Result, examples, load, view};
use crate::capture;
use crate::evidence::log::{KeyReference, Log, Signer, public_beside, read_log};
use crate::evidence::{now, utc};
use crate::replay::text;
use crate::telemetry::host_name;
use clap::Subcommand;
use gateway_core::model::time::Timestamp;
use gateway_core::record::log::Entry;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Key {
    /// The public key, to be noted down elsewhere, and the keys before it
    #[command(after_help = examples::KEY_SHOW)]
    Show {
        #[command(flatten)]
        common: Common,
    },
    /// Put another key in its place: both sign that it was handed over, and the log has why
    #[command(after_help = examples::KEY_ROTATE)]
    Rotate(Rotate),
}

#[derive(clap::Args)]
pub(super) struct Rotate {
    /// Where the new key is: file:/path, tpm:0x81010001 or command:/path [default: a new one is made in the file of the old one]
    #[arg(long, value_name = "KEY")]
    to: Option<KeyReference>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn key(command: Key) -> Result {
    match command {
        Key::Show { common } => view(&common, show),
        Key::Rotate(Rotate { to, reason, common }) => rotate(to, &reason, &common),
    }
}

fn show(state_dir: &Path, format: Format, out: &mut dyn Write) -> Result {
    let Some(key) = public_beside(state_dir).map_err(CliError::new)? else {
        return Err(CliError::new(format!("{}: no gateway has run here yet, so there is no log", state_dir.display())));
    };
    let mut replaced = Vec::new();
    for (number, entry) in read_log(state_dir).map_err(CliError::new)? {
        if let Ok(Entry::Key { at, old, new, why }) = entry {
            replaced.push((number, at, old, new, why));
        }
    }
    let printed = match format {
        Format::Json => {
            let replaced = replaced.iter().map(|(number, at, old, new, why)| {
                json!({ "entry": number, "at": at, "old": old.to_string(), "new": new.to_string(), "why": why })
            });
            tell(&json!({ "key": key.to_string(), "name": key.name(), "replaced": replaced.collect::<Vec<_>>() }), out)
        }
        Format::Text => (|| {
            writeln!(out, "{key}")?;
            for (number, at, old, new, why) in &replaced {
                let why = text::line(why.as_bytes());
                writeln!(out, "entry {number}, {}: {old} was replaced by {new}: {why}", utc(Timestamp(*at)))?;
            }
            Ok(())
        })(),
    };
    finish(printed, ExitCode::SUCCESS)
}

fn rotate(to: Option<KeyReference>, reason: &str, common: &Common) -> Result {
    let config = load(common.config.as_deref())?;
    let settings = config.evidence(&host_name(), capture::clock());
    let now_at = settings.key.unwrap_or_else(|| KeyReference::beside(&config.state_dir));
    let signer = Signer::open(&config.state_dir, &now_at, &settings.origin).map_err(CliError::new)?;
    let log = Log::open(&config.state_dir, signer).map_err(CliError::new)?;
    let old = log.verifier();
    let next = to.as_ref().unwrap_or(&now_at);
    if next == &now_at && !matches!(now_at, KeyReference::File(_)) {
        return Err(CliError::new(format!("{now_at} is where the key is now: name another with --to")));
    }
    let checkpoint = log.rotate(next, now().0, reason).map_err(CliError::new)?;
    let new = log.verifier();
    view(common, |_, format, out| {
        let printed = match format {
            Format::Json => tell(
                &json!({ "old": old.to_string(), "new": new.to_string(), "key": next.to_string(), "checkpoint": checkpoint }),
                out,
            ),
            Format::Text => (|| {
                writeln!(
                    out,
                    "{old} was replaced by\n{new}\nNote it down elsewhere; this checkpoint, which both have signed, proves it:\n"
                )?;
                writeln!(out, "{}", checkpoint.trim_end())?;
                if next != &now_at {
                    writeln!(out, "\nFrom now on gateways need [transparency] key = \"{next}\".")?;
                }
                Ok(())
            })(),
        };
        finish(printed, ExitCode::SUCCESS)
    })
}
