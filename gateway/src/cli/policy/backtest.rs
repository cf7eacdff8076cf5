//! `weir policy backtest`: recorded decisions, made again with a changed set.

use super::looks_back::{Past, Teller, failed};
use super::whole;
use crate::backtest::{Comparison, Group, Judge, Kind, compare};
use crate::cli::session::tell;
use crate::cli::{CliError, Format, Result, count, desk, print};
use crate::config::{PolicyTexts, problems};
use crate::evidence::utc;
use crate::replay::text;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Groups that are printed for people.
const SHOWN: usize = 100;

/// What `weir policy backtest` is given.
#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// The folder of the changed set [default: the configuration's]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Decide with the very set that decided each time: a difference is a fault of weir's
    #[arg(long, conflicts_with = "dir")]
    as_decided: bool,
    /// Of this workload alone: the name of its [[workload]], or its SPIFFE id
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// Exit status 1 where something would be denied that was not, where it would be denied or held, or where anything changes
    #[arg(long, value_enum, value_name = "never|deny|hold|change", default_value_t = FailOn::Never, hide_possible_values = true)]
    fail_on: FailOn,
    #[command(flatten)]
    past: Past,
}

/// What makes it fail.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Nothing.
    Never,
    /// A denial of what was not denied.
    Deny,
    /// That, or that it waits for people.
    Hold,
    /// Any change.
    Change,
}

pub(in crate::cli) fn backtest(arguments: &Arguments) -> Result {
    let state_dir = arguments.past.state_dir()?;
    let set = if arguments.as_decided { None } else { Some(set(arguments)?) };
    let hash = set.as_ref().map(|set| set.hash().to_owned());
    let mut judge = Judge::new(&state_dir, set.map(Arc::new));
    let filter = arguments.past.filter(arguments.workload.as_deref());
    let mut teller = Teller::new();
    let found = compare(&state_dir, &filter, &mut judge, |progress| teller.tell(progress)).map_err(failed)?;
    drop(teller);
    let fails = found.count_of(|kind| match arguments.fail_on {
        FailOn::Never => false,
        FailOn::Deny => kind.denies(),
        FailOn::Hold => kind.holds(),
        FailOn::Change => true,
    });
    match arguments.past.common.format {
        Format::Text => print(&words(&found, hash.as_deref()))?,
        Format::Json => {
            let mut value = serde_json::to_value(&found).map_err(CliError::new)?;
            value["hash"] = hash.into();
            tell(&value, &mut std::io::stdout()).map_err(CliError::new)?;
        }
    }
    Ok(if fails == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The changed set, checked as `weir policy check` does.
fn set(arguments: &Arguments) -> Result<gateway_core::policy::PolicySet> {
    let which = super::Which { dir: arguments.dir.clone(), common: arguments.past.common.clone() };
    let texts = PolicyTexts::read(&which.dir()?).map_err(|error| CliError::new(format!("{error:#}")))?;
    whole(&texts).map(|(set, _)| set).map_err(|found| CliError::new(problems(found)))
}

fn words(found: &Comparison, hash: Option<&str>) -> String {
    let mut lines = Vec::new();
    if !found.changes.is_empty() {
        let header = ["CHANGE", "COUNT", "WORKLOAD", "TARGET", "COMMAND", "WHAT", "WAS BY", "WOULD BE BY", "EXAMPLE"];
        lines.push(desk::table(header, found.changes.iter().take(SHOWN).map(row)));
        if found.changes.len() > SHOWN {
            lines.push(format!("and {} further kinds of change: --format json has them", found.changes.len() - SHOWN));
        }
        lines.push(String::new());
    }
    let by = hash.map_or_else(|| "the sets that decided".to_owned(), |hash| format!("set {hash}"));
    let decisions = count(usize::try_from(found.judged).unwrap_or(usize::MAX), "decision", "decisions");
    lines.push(format!("{decisions} of {} sessions made again with {by}", found.sessions));
    let changed = found.judged - found.same;
    lines.push(match changed {
        0 => "nothing would change".to_owned(),
        changed => format!(
            "{changed} would change: {} denied that were not, {} held, {} allowed",
            found.count_of(Kind::denies),
            found.count_of(|kind| kind.holds() && !kind.denies()),
            found.count_of(Kind::allows),
        ),
    });
    if found.same_by_others > 0 {
        lines.push(format!("{} come to the same by other policies", found.same_by_others));
    }
    for (why, count) in &found.not_judged {
        lines.push(format!("{count} can't be decided again: {why}"));
    }
    if found.damaged > 0 {
        lines.push(format!("{} records can't be read to their ends: weir audit verify", found.damaged));
    }
    lines.extend(found.notes.iter().cloned());
    lines.join("\n")
}

fn row(group: &Group) -> [String; 9] {
    let plain = |text: &str| text::line(text.as_bytes());
    let by = |policies: &[String]| if policies.is_empty() { "-".to_owned() } else { plain(&policies.join(", ")) };
    let last = utc(group.last);
    let day = last.get(..10).unwrap_or_default();
    let Group { change, count, example, .. } = group;
    [
        change.kind.words(),
        count.to_string(),
        plain(&change.workload),
        plain(&change.target),
        plain(&change.command),
        plain(&change.touches),
        by(&change.was_by),
        by(&change.would_be_by),
        format!("{example} ({day})"),
    ]
}
