//! `weir audit unseal`: the sealed layer of a session, for one person because another one agrees.

use super::desk::{Common, at, items, table, time};
use super::{CliError, Result, examples};
use crate::control::{Command, Page, UnsealCommand, UnsealRequest};
use crate::evidence::{Opener, Seen, fits, unseal, utc};
use crate::replay::postgres::{self, Shown as _};
use crate::replay::{self, statement_name, text};
use clap::Subcommand;
use gateway_core::model::ids::{SessionId, UnsealId};
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{self, Digest, Statement};
use hyper::Method;
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use zeroize::Zeroizing;

/// How often one who waits looks whether somebody has answered.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest file of an identity: comments and a line.
const LONGEST: u64 = 64 << 10;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Unseal>,
    /// The session
    #[arg(required = true)]
    session: Option<SessionId>,
    /// Why: it is recorded, and whoever approves sees it
    #[arg(long, value_name = "TEXT", required = true)]
    reason: Option<String>,
    /// The file of an age identity that the record is sealed to: waits for the approval, then prints. Without it: only asks
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
pub(super) enum Unseal {
    /// Who asks to open a sealed layer, and whose approval holds
    #[command(after_help = examples::UNSEAL_LIST)]
    List {
        /// And so many of those that are over
        #[arg(long, value_name = "N", default_value_t = 0)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Agree that whoever asked opens it, once, within 15 minutes: not for themselves
    #[command(after_help = examples::UNSEAL_APPROVE)]
    Approve(Answer),
    /// Don't
    #[command(after_help = examples::UNSEAL_DENY)]
    Deny(Answer),
}

#[derive(clap::Args)]
pub(super) struct Answer {
    /// The request's id
    request: UnsealId,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(arguments: Arguments) -> Result {
    match arguments.command {
        None => return open(arguments),
        Some(Unseal::List { past, common }) => {
            let path = format!("/v1/unseals?past={past}");
            let all = common.ask(Method::GET, &path, None, Command::ListUnseals(Page::first(past)))?;
            common.tell(&all, || list(&all))?;
        }
        Some(Unseal::Approve(answer)) => {
            let approved = answer.ask(true)?;
            answer.common.tell(&approved, || {
                format!(
                    "{} may open {} until {} (UTC)",
                    at(&approved, "/by"),
                    at(&approved, "/session"),
                    time(&approved, "/until")
                )
            })?;
        }
        Some(Unseal::Deny(answer)) => {
            let denied = answer.ask(false)?;
            answer.common.tell(&denied, || format!("{} is denied", answer.request))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Answer {
    fn ask(&self, yes: bool) -> Result<Value> {
        let (id, reason) = (self.request, self.reason.clone());
        let path = format!("/v1/unseals/{id}/{}", if yes { "approve" } else { "deny" });
        let body = json!({ "reason": reason });
        self.common.ask(Method::POST, &path, Some(&body), Command::Unseal(UnsealCommand::Answer { id, yes, reason }))
    }
}

/// Asks, waits where the identity is at hand, and prints.
fn open(arguments: Arguments) -> Result {
    let Arguments { command: _, session, reason, identity, common } = arguments;
    let (Some(session), Some(reason)) = (session, reason) else { return Err(CliError::new("name a session, and say why")) };
    let state_dir = common.load()?.state_dir;
    // That it fits is known before anybody is asked, so that no approval is spent in vain.
    let opener = match &identity {
        Some(file) => {
            let mut opener = read(file)?;
            fits(&state_dir, session, &mut opener).map_err(CliError::new)?;
            Some(opener)
        }
        None => None,
    };
    let body = json!({ "session": session, "reason": reason });
    let request = UnsealRequest { session, reason };
    let asked = common.ask(Method::POST, "/v1/unseals", Some(&body), Command::Unseal(UnsealCommand::Ask(request)))?;
    let id: UnsealId = at(&asked, "/id").parse().map_err(CliError::new)?;
    let Some(mut opener) = opener else {
        common.tell(&asked, || waits(id, &asked))?;
        return Ok(ExitCode::SUCCESS);
    };
    wait(&common, id, asked)?;
    let path = format!("/v1/unseals/{id}/release");
    common.ask(Method::POST, &path, Some(&json!({})), Command::Unseal(UnsealCommand::Release(id)))?;
    print(&state_dir, session, &mut opener, common.format)
}

fn waits(id: UnsealId, asked: &Value) -> String {
    match at(asked, "/state").as_str() {
        "approved" => format!("{id} is approved until {} (UTC): the same with --identity FILE prints it", time(asked, "/until")),
        _ => format!("{id} waits for another person: weir audit unseal approve {id} --reason TEXT"),
    }
}

/// Until somebody has answered.
fn wait(common: &Common, id: UnsealId, mut known: Value) -> Result<()> {
    let mut told = false;
    loop {
        match at(&known, "/state").as_str() {
            "approved" => return Ok(()),
            "asked" => {}
            "denied" => {
                let [by, why] = ["/answer/by", "/answer/reason"].map(|place| at(&known, place));
                return Err(CliError::new(format!("{id} was denied by {by}: {why}")));
            }
            other => return Err(CliError::new(format!("{id} is {other}"))),
        }
        if !std::mem::replace(&mut told, true) {
            writeln!(io::stderr(), "weir: {}", waits(id, &known)).map_err(CliError::new)?;
        }
        std::thread::sleep(LOOK_EVERY);
        known = common.ask(Method::GET, &format!("/v1/unseals/{id}"), None, Command::Unseal(UnsealCommand::Show(id)))?;
    }
}

/// The identity in a file. Nothing of it is in any message.
fn read(file: &Path) -> Result<Opener> {
    let failed = |error: io::Error| CliError::new(format!("--identity {}: {error}", file.display()));
    if std::fs::metadata(file).map_err(failed)?.len() > LONGEST {
        return Err(CliError::new(format!("--identity {}: no file of an age identity is so long", file.display())));
    }
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(failed)?);
    Opener::new(&text).map_err(|error| CliError::new(format!("--identity {}: {error}", file.display())))
}

fn print(state_dir: &Path, session: SessionId, opener: &mut Opener, format: super::Format) -> Result {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut printed = Ok(());
    let read = unseal(state_dir, session, opener, &mut |time, kind, body| {
        if printed.is_ok() {
            printed = match format {
                super::Format::Json => json_line(time, kind, body, &mut out),
                super::Format::Text => line(time, kind, body, &mut out),
            };
        }
    });
    let printed = printed.and_then(|()| out.flush());
    read.map_err(CliError::new)?;
    super::session::finish(printed, ExitCode::SUCCESS)
}

/// As `weir session play --format json` has a frame; those of the sealed layer have no numbers.
fn json_line(time: Timestamp, kind: FrameKind, body: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let mut frame = replay::frame(&Seen { seq: 0, time, kind, body }, &[]);
    if let Some(fields) = frame.as_object_mut() {
        fields.remove("frame");
    }
    writeln!(out, "{}", text::json(&frame.to_string()))
}

fn line(time: Timestamp, kind: FrameKind, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let (operation, what, exact) = match kind {
        FrameKind::Statement => match Statement::parse(bytes) {
            Some(Statement { operation, kind, text }) => (operation, statement_name(kind), text::lines(text)),
            None => (0, "statement", text::hex(bytes)),
        },
        FrameKind::Parameters => {
            let (operation, rest) = body::number(bytes).unwrap_or((0, bytes));
            let values = postgres::parameters(rest).values;
            let values = values.iter().enumerate().map(|(at, value)| format!("${} = {}", at + 1, value.literal()));
            (operation, "parameters", values.collect::<Vec<_>>().join(", "))
        }
        FrameKind::Digest => match Digest::parse(bytes) {
            Some(Digest { operation, rows, sha256 }) => (operation, "digest", format!("{rows} rows, sha256 {sha256}")),
            None => (0, "digest", text::hex(bytes)),
        },
        FrameKind::Opened
        | FrameKind::Decision
        | FrameKind::Rows
        | FrameKind::Completed
        | FrameKind::Failed
        | FrameKind::Note
        | FrameKind::Ended => (0, kind.name(), text::hex(bytes)),
    };
    let exact = exact.trim_end().replace('\n', "\n                                            ");
    writeln!(out, "{}  {what:<11}#{operation:<5} {exact}", utc(time))
}

fn list(all: &Value) -> String {
    if items(all).next().is_none() {
        return "nobody asks to open a sealed layer".to_owned();
    }
    let rows = items(all).map(|one| {
        let approved = items(&one["votes"]).map(|vote| at(vote, "/by/name")).collect::<Vec<_>>().join(", ");
        [
            at(one, "/id"),
            at(one, "/state"),
            at(one, "/session"),
            at(one, "/target"),
            at(one, "/by"),
            at(one, "/reason"),
            if approved.is_empty() { "-".to_owned() } else { approved },
            time(one, "/until"),
        ]
    });
    table(["REQUEST", "STATE", "SESSION", "TARGET", "ASKED BY", "REASON", "APPROVED BY", "UNTIL (UTC)"], rows)
}
