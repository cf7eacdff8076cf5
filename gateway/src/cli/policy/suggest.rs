//! `weir policy suggest`: the least policy that lets a workload do what it was seen to do.

use super::looks_back::{Past, Teller, failed};
use crate::backtest::{self, Suggestion};
use crate::cli::{CliError, Format, Result, print};
use clap::Args;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `weir policy suggest` is given.
#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// Whose: the name of its [[workload]], or its SPIFFE id, as `weir session list` has them
    #[arg(long, value_name = "NAME")]
    workload: String,
    /// Quotas are so many times what was seen at most
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
    headroom: u64,
    /// Write it to this file, which is not there yet [default: the standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    past: Past,
}

pub(in crate::cli) fn suggest(arguments: &Arguments) -> Result {
    let state_dir = arguments.past.state_dir()?;
    let filter = arguments.past.filter(Some(&arguments.workload));
    let mut teller = Teller::new();
    let suggestion =
        backtest::suggest(&state_dir, &filter, arguments.headroom, |progress| teller.tell(progress)).map_err(failed)?;
    drop(teller);
    if let Some(file) = &arguments.out {
        write(file, &suggestion.text)?;
    }
    let Suggestion { text, policies, hash, decisions, short, left_out, not_judged } = &suggestion;
    match arguments.past.common.format {
        Format::Json => {
            let value = json!({
                "policies": policies, "hash": hash, "decisions": decisions, "short": short, "left_out": left_out,
                "not_judged": not_judged, "text": text,
            });
            print(&value.to_string())?;
        }
        Format::Text if arguments.out.is_some() => print(&summary(&suggestion))?,
        Format::Text => {
            print(text.trim_end())?;
            print(&comment(&summary(&suggestion)))?;
        }
    }
    Ok(if short.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn summary(suggestion: &Suggestion) -> String {
    let Suggestion { policies, decisions, short, left_out, not_judged, .. } = suggestion;
    let mut lines = vec![format!("{policies} policies from {decisions} decisions")];
    lines.push(if short.is_empty() {
        "decided over the same records, they deny nothing that went through".to_owned()
    } else {
        let all: Vec<_> = short.iter().map(|(what, count)| format!("{what} ({count} times)")).collect();
        format!("they would not let through what did: {}", all.join("; "))
    });
    if *left_out > 0 {
        lines.push(format!("{left_out} decisions are left to a person: see the comments at the end"));
    }
    lines.extend(not_judged.iter().map(|(why, count)| format!("{count} decisions could not be gone by: {why}")));
    lines.join("\n")
}

fn comment(text: &str) -> String {
    text.lines().map(|line| format!("\n// {line}")).collect::<String>()
}

fn write(file: &Path, text: &str) -> Result<()> {
    let written = OpenOptions::new().write(true).create_new(true).open(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| CliError::new(format!("cannot write {}: {error}; nothing is overwritten", file.display())))
}
