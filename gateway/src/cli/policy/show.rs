//! `weir policy show`: the policies of the folder, where each is written and what it says beside allow and deny.

use super::{Which, set};
use crate::cli::{CliError, Format, Result, print};
use crate::config::PolicyTexts;
use crate::evidence::{self, CameIntoForce, PolicyHistory, now, utc};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use gateway_core::model::time::Timestamp;
use gateway_core::policy::{Entry, PolicySet};
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use std::str::FromStr;

/// A moment, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct At(Timestamp);

impl FromStr for At {
    type Err = String;

    /// A day is meant to its end.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("`{text}` is no time: write 2026-11-29, 2026-11-29T08:30:00Z, or how long ago: 2d");
        if let Some(seconds) = gateway_core::model::time::seconds(text) {
            return Ok(Self(Timestamp(now().0.saturating_sub(seconds.saturating_mul(1_000_000_000)))));
        }
        let time = match text.parse::<jiff::civil::Date>() {
            Ok(day) if text.len() == 10 => {
                let next = day.tomorrow().and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC)).map_err(|_beyond| wrong())?;
                next.timestamp().as_nanosecond() - 1
            }
            _ => text.parse::<jiff::Timestamp>().map_err(|_other| wrong())?.as_nanosecond(),
        };
        u64::try_from(time).map(|time| Self(Timestamp(time))).map_err(|_before| wrong())
    }
}

/// Shows the set of the folder, or the one that was in force `at` a moment.
pub(in crate::cli) fn show(which: &Which, at: Option<At>) -> Result {
    if let Some(At(at)) = at {
        return show_at(which, at);
    }
    let dir = which.dir()?;
    let texts = PolicyTexts::read(&dir).map_err(|error| CliError::new(format!("{error:#}")))?;
    let set = set(&texts)?;
    print(&match which.format() {
        Format::Json => json!({
            "dir": dir,
            "hash": set.hash(),
            "watches_totals": set.watches_totals(),
            "policies": set.entries().map(row_json).collect::<Vec<_>>(),
        })
        .to_string(),
        Format::Text if set.is_empty() => format!("{}: no policies, so nothing is permitted", dir.display()),
        Format::Text => format!("{}\nset {}", table(&set), set.hash()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The set that was in force then, by what is recorded, with its texts where they are kept.
fn show_at(which: &Which, at: Timestamp) -> Result {
    let state_dir = crate::cli::state_dir(which.common.config.as_deref())?;
    let mut history = PolicyHistory::default();
    let sets = history.read(&state_dir).map_err(CliError::new)?;
    let Some(CameIntoForce { at: since, hash, entry }) = sets.iter().rfind(|set| set.at <= at) else {
        return Err(CliError::new(format!("no set is known to have been in force at {}: nothing is recorded before", utc(at))));
    };
    let kept = evidence::kept_policy(&state_dir, hash).map_err(CliError::new)?;
    let set = kept.as_ref().and_then(|kept| PolicySet::load(kept.sources()).ok());
    let files = kept.map(|kept| kept.files);
    print(&match which.format() {
        Format::Json => json!({
            "at": at,
            "hash": hash,
            "since": since,
            "entry": entry,
            "policies": set.as_ref().map(|set| set.entries().map(row_json).collect::<Vec<_>>()),
            "files": files,
        })
        .to_string(),
        Format::Text => {
            let texts = match &set {
                Some(set) if set.is_empty() => "no policies, so nothing was permitted".to_owned(),
                Some(set) => table(set).to_string(),
                None => format!("its texts are not kept below {}", state_dir.display()),
            };
            format!("{texts}\nset {hash}, in force at {}: since {} (entry {entry} of the log)", utc(at), utc(*since))
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row_json(entry: &Entry) -> Value {
    let annotations: Map<_, _> = entry.annotations.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    json!({
        "id": entry.id,
        "effect": effect(entry),
        "file": entry.file,
        "line": entry.line,
        "annotations": annotations,
    })
}

fn table(set: &PolicySet) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["POLICY", "EFFECT", "WRITTEN", "ANNOTATIONS"]);
    for entry in set.entries() {
        let name = entry.file.rsplit('/').next().unwrap_or_default();
        let place = entry.line.map_or_else(|| name.to_owned(), |line| format!("{name}:{line}"));
        let annotations: Vec<_> = entry.annotations.iter().map(|(key, value)| format!("@{key}({value:?})")).collect();
        table.add_row([entry.id.clone(), effect(entry).to_owned(), place, annotations.join(" ")]);
    }
    table
}

const fn effect(entry: &Entry) -> &'static str {
    if entry.permits { "permit" } else { "forbid" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_people_write_it() {
        for (text, expected) in [
            ("2026-11-29T08:30:00Z", "2026-11-29T08:30:00.000Z"),
            ("2026-11-29T08:30:00+02:00", "2026-11-29T06:30:00.000Z"),
            ("2026-11-29", "2026-11-29T23:59:59.999Z"),
        ] {
            assert_eq!(text.parse::<At>().map(|at| utc(at.0)), Ok(expected.to_owned()), "{text}");
        }
        let ago = now().0 - "2h".parse::<At>().unwrap().0.0;
        assert!((7_199_000_000_000..7_260_000_000_000).contains(&ago), "{ago}");
        for wrong in ["", "yesterday", "2026-13-01", "1969-01-01", "08:30"] {
            assert!(wrong.parse::<At>().is_err(), "{wrong}");
        }
    }
}
