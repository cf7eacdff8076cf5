//! Inside the job: plays what a plan says, each attempt in a process of its own.

use super::aim::Place;
use super::{Aim, Case, Done, Played, cases};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long one attempt may take.
const LIMIT: Duration = Duration::from_secs(8);

/// What is to be played.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) place: Place,
    /// Name, number and token of each.
    pub(super) cases: Vec<(String, u8, String)>,
}

/// How an attempt ended, as a line that it prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Told {
    /// Sent, without an error.
    Sent,
    /// Reached what does not travel.
    Holds(String),
    /// Failed at a step.
    Failed(String, Option<i32>),
    /// The attempt's process did not come to its end.
    Lost(String),
}

/// A line of the driver: a case's name and how it ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) told: Told,
}

impl From<Played> for Told {
    fn from(played: Played) -> Self {
        match played {
            Ok(Done::Sent) => Self::Sent,
            Ok(Done::Holds(what)) => Self::Holds(what.to_owned()),
            Err(failed) => Self::Failed(failed.step.to_owned(), failed.errno),
        }
    }
}

/// Waits for the plan at `path` to be there, plays it, and prints a line a case.
///
/// # Errors
/// Where there is no plan in time, or nobody reads the lines.
pub fn drive(path: &Path) -> anyhow::Result<()> {
    let plan = await_plan(path)?;
    play(&plan, &mut std::io::stdout().lock())
}

/// Waits for the plan at `path`, then for the file `go` beside it, plays, and leaves the lines in a file beside it.
///
/// # Errors
/// Where either is not there in time, or the file can't be written.
pub fn linger(path: &Path) -> anyhow::Result<()> {
    let plan = await_plan(path)?;
    std::fs::write(path.with_extension("waits"), "")?;
    let go = path.with_extension("go");
    wait(|| go.exists()).context("nobody said go")?;
    let mut lines = Vec::new();
    play(&plan, &mut lines)?;
    let half = path.with_extension("half");
    std::fs::write(&half, lines)?;
    Ok(std::fs::rename(half, path.with_extension("lines"))?)
}

/// Plays one case, here, and prints how it ended.
///
/// # Errors
/// Where there is no such case, or nobody reads the line.
pub fn attempt(id: &str, aim: &str) -> anyhow::Result<()> {
    let case = cases().into_iter().find(|case| case.id == id).with_context(|| format!("no case {id}"))?;
    let aim: Aim = serde_json::from_str(aim)?;
    let told = Told::from((case.play)(&aim));
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(&told)?)?)
}

fn await_plan(path: &Path) -> anyhow::Result<Plan> {
    wait(|| path.exists()).with_context(|| format!("no plan at {}", path.display()))?;
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

fn wait(is: impl Fn() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !is() {
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(60), "waited for a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn play(plan: &Plan, out: &mut impl Write) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    for (id, number, token) in &plan.cases {
        let aim = Aim { number: *number, token: token.clone(), place: plan.place.clone() };
        let told = one(&own, id, &serde_json::to_string(&aim)?).unwrap_or_else(|error| Told::Lost(format!("{error:#}")));
        writeln!(out, "{}", serde_json::to_string(&Line { id: id.clone(), told })?)?;
        out.flush()?;
    }
    Ok(())
}

/// Plays one case in a process of its own.
fn one(own: &Path, id: &str, aim: &str) -> anyhow::Result<Told> {
    let mut child = Command::new(own).args(["attempt", id, aim]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(Told::Lost("it did not end in time".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("piped")?).read_line(&mut line)?;
    Ok(serde_json::from_str(&line).unwrap_or_else(|_| Told::Lost(format!("it ended without a word ({status})"))))
}

/// The lines that a driver printed.
pub(super) fn lines(text: &str) -> Vec<Line> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

impl Plan {
    /// A plan for `cases`, whose numbers and tokens are given.
    pub(super) fn new(place: Place, cases: &[(Case, u8)], token: impl Fn(u8) -> String) -> Self {
        let cases = cases.iter().map(|(case, number)| (case.id.to_owned(), *number, token(*number))).collect();
        Self { place, cases }
    }
}
