//! `weir policy readiness` and `weir policy shadow`: what enforcing, or the next set, would change.

use super::looks_back::{Past, Teller, failed};
use crate::backtest::{self, Line, ShadowLine};
use crate::cli::session::tell;
use crate::cli::{CliError, Format, Result, desk, print};
use crate::evidence::{now, utc};
use crate::replay::text;
use crate::telemetry;
use clap::Args;
use gateway_core::model::time::Timestamp;
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// What they are given.
#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// Of this workload alone: the name of its [[workload]], or its SPIFFE id
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    #[command(flatten)]
    past: Past,
}

pub(in crate::cli) fn readiness(arguments: &Arguments) -> Result {
    let found = look(arguments)?;
    match arguments.past.common.format {
        Format::Json => {
            let value = json!({ "lines": found.lines, "not_shown": found.not_shown, "damaged": found.damaged });
            tell(&value, &mut std::io::stdout()).map_err(CliError::new)?;
        }
        Format::Text if found.lines.is_empty() => print("nothing is recorded of that time")?,
        Format::Text => {
            let header =
                ["WORKLOAD", "TARGET", "DECISIONS", "REFUSED", "WOULD BE", "NOTHING WOULD BE REFUSED", "LAST THAT WOULD"];
            print(&desk::table(header, found.lines.iter().map(row)))?;
        }
    }
    let ready = found.lines.iter().all(|line| line.would_refuse == 0);
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(in crate::cli) fn shadow(arguments: &Arguments) -> Result {
    let found = look(arguments)?;
    match arguments.past.common.format {
        Format::Json => {
            let value = json!({ "differences": found.shadow, "not_shown": found.not_shown, "damaged": found.damaged });
            tell(&value, &mut std::io::stdout()).map_err(CliError::new)?;
        }
        Format::Text if found.shadow.is_empty() => {
            print(
                "no difference is recorded of that time: either there was none, or no shadow set was loaded ([policy] shadow)",
            )?;
        }
        Format::Text => {
            let header = ["CHANGE", "SESSIONS", "WORKLOAD", "TARGET", "COMMAND", "WHAT", "IS BY", "WOULD BE BY", "EXAMPLE"];
            print(&desk::table(header, found.shadow.iter().map(difference)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn look(arguments: &Arguments) -> Result<backtest::Readiness> {
    let state_dir = arguments.past.state_dir()?;
    let filter = arguments.past.filter(arguments.workload.as_deref());
    let mut teller = Teller::new();
    backtest::readiness(&state_dir, &filter, |progress| teller.tell(progress)).map_err(failed)
}

fn row(line: &Line) -> [String; 7] {
    let plain = |text: &str| text::line(text.as_bytes());
    let last = match (&line.example, line.last_would_refuse) {
        (Some(example), Some(at)) => format!("{example} ({})", utc(at)),
        _ => "-".to_owned(),
    };
    [
        plain(&line.workload),
        plain(&line.target),
        line.decisions.to_string(),
        line.refused.to_string(),
        line.would_refuse.to_string(),
        format!("for {}", ago(line.ready_since)),
        last,
    ]
}

/// How long ago that was, in whole minutes, hours or days.
fn ago(at: Timestamp) -> String {
    let seconds = now().0.saturating_sub(at.0) / 1_000_000_000;
    let whole = match seconds {
        0..60 => seconds,
        60..3600 => seconds / 60 * 60,
        3600..86_400 => seconds / 3600 * 3600,
        _ => seconds / 86_400 * 86_400,
    };
    telemetry::duration(Duration::from_secs(whole))
}

fn difference(line: &ShadowLine) -> [String; 9] {
    let plain = |text: &str| text::line(text.as_bytes());
    let by = |policies: &[String]| if policies.is_empty() { "-".to_owned() } else { plain(&policies.join(", ")) };
    let ShadowLine { difference, sessions, example, .. } = line;
    [
        format!("{} -> {}", plain(&difference.live), plain(&difference.shadow)),
        sessions.to_string(),
        plain(&difference.workload),
        plain(&difference.target),
        plain(&difference.command),
        plain(&difference.touches),
        by(&difference.policies),
        by(&difference.shadow_policies),
        plain(example),
    ]
}
