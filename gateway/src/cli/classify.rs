//! `weir classify`: proposes classes for a target's columns.

use super::run::say;
use super::{CliError, Format, Result, block_on, load, print};
use crate::catalog::SideConnection;
use crate::classify::{self, Column, Proposal};
use crate::config::{Config, TargetSettings};
use crate::credential;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The target, as the configuration names it
    target: String,
    /// The database [default: the one of the catalog credential's user]
    #[arg(long, default_value = "", hide_default_value = true)]
    database: String,
    /// Only this schema
    #[arg(long)]
    schema: Option<String>,
    /// Where the target is [default: the first address that it matches]
    #[arg(long)]
    address: Option<SocketAddr>,
    /// Rows that are looked at of each table
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    rows: u32,
    /// Add the classes to the configuration file
    #[arg(long)]
    append: bool,
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, value_name = "text|json", default_value_t = Format::Text, hide_possible_values = true)]
    format: Format,
}

pub(super) fn classify(arguments: &Arguments) -> Result {
    let file = arguments.config.clone().unwrap_or_else(|| PathBuf::from(super::DEFAULT_CONFIG));
    // A class that is there already may need a catalog that is not: it is read all the same.
    let config = load(Some(&file))?;
    let target = config.targets.named(&arguments.target).ok_or_else(|| {
        let names = config.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ");
        CliError::new(format!("no target is named {:?} in {}: it has {names}", arguments.target, file.display()))
    })?;
    let columns = block_on(look(target, arguments))?;
    let masked = |column: &Column| {
        let patterns = config.classes.iter().flat_map(|class| &class.columns);
        patterns
            .filter(|pattern| pattern.is_of(&target.name))
            .any(|pattern| pattern.matches(&column.schema, &column.relation, &column.name))
    };
    let proposals = classify::propose(&columns, masked);
    let text = classify::toml(&target.name, &proposals);
    match arguments.format {
        Format::Json => print(&json!({ "target": target.name, "columns": columns.len(), "proposals": proposals.iter().map(told).collect::<Vec<_>>(), "toml": text }).to_string())?,
        Format::Text => {
            print(text.trim_end())?;
            let classed = columns.iter().filter(|column| masked(column)).count();
            say(&format!("{} of {} columns proposed, {classed} classed already", proposals.len(), columns.len()));
        }
    }
    if arguments.append && !proposals.is_empty() {
        append(&file, &text)?;
        say(&format!("added to {}; read it, then `weir config check {0}`", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

async fn look(target: &TargetSettings, arguments: &Arguments) -> Result<Vec<Column>> {
    let Some((source, user)) = &target.catalog else {
        let what = format!("the target {} has no `catalog` credential: give it catalog = {{ inject = \"…\" }}", target.name);
        return Err(CliError::new(what));
    };
    let mut secret = credential::fetch(source).map_err(CliError::new)?;
    if user.is_some() {
        secret.user.clone_from(user);
    }
    let address = arguments.address.or_else(|| target.first_address());
    let address =
        address.ok_or_else(|| CliError::new(format!("{} matches no single address: name one with --address", target.name)))?;
    let side = SideConnection::open(address, &target.upstream, &secret, &arguments.database).await.map_err(CliError::new)?;
    let shown = std::io::stderr().is_terminal();
    let progress = |table: &str, number: usize, all: usize| {
        if shown {
            say(&format!("{number}/{all} {table}"));
        }
    };
    classify::look(&side, arguments.schema.as_deref(), arguments.rows, progress).await.map_err(CliError::new)
}

fn told(proposal: &Proposal) -> serde_json::Value {
    json!({ "class": proposal.class, "column": proposal.column, "evidence": proposal.evidence, "because": proposal.because })
}

/// Adds to the end of the file what still is a configuration with it.
fn append(file: &Path, text: &str) -> Result<()> {
    let before = std::fs::read_to_string(file).map_err(|error| CliError::new(format!("{}: {error}", file.display())))?;
    let after = format!("{}\n\n# Proposed by `weir classify`.\n{text}", before.trim_end());
    let directory = std::path::absolute(file).ok().and_then(|file| file.parent().map(Path::to_owned)).unwrap_or_default();
    Config::parse(&after, &directory).map_err(|problems| {
        let first = problems.first().map(|problem| problem.what.clone()).unwrap_or_default();
        CliError::new(format!("nothing was added: {} would not be a configuration with it ({first})", file.display()))
    })?;
    let added = after.get(before.trim_end().len()..).unwrap_or_default();
    let mut open = OpenOptions::new().append(true).open(file).map_err(CliError::new)?;
    open.write_all(added.as_bytes()).and_then(|()| open.sync_all()).map_err(CliError::new)
}
