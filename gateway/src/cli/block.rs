//! `weir block add|list|remove`: refusals by name.

use super::desk::{Common, at, items, seconds, table, time};
use super::{Result, examples};
use crate::control::{BlockRequest, Command, Page};
use clap::Subcommand;
use gateway_core::control::block::Subject;
use gateway_core::model::ids::BlockId;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Block {
    /// Refuse by name until it is lifted, and cut what is live
    #[command(after_help = examples::BLOCK_ADD)]
    Add(Add),
    /// The blocks in force
    #[command(after_help = examples::BLOCK_LIST)]
    List {
        /// And so many of those that are over
        #[arg(long, value_name = "N", default_value_t = 0)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Lift a block
    #[command(after_help = examples::BLOCK_REMOVE)]
    Remove {
        /// Its id
        block: BlockId,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
pub(super) struct Add {
    #[command(flatten)]
    named: Named,
    /// How long: 45s, 30m, 2h, 7d [default: until it is lifted]
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    seconds: Option<u64>,
    /// Why: the job sees it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only say what it would cut
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Named {
    /// A workload: its SPIFFE id or its name; this and what follows may end in *
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// All workloads of an owner
    #[arg(long, value_name = "PERSON")]
    owner: Option<String>,
    /// All jobs of a repository, signed or claimed
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// All sessions that are given this credential, as the configuration refers to it
    #[arg(long, value_name = "SOURCE")]
    credential: Option<String>,
    /// All jobs that showed this token: its SHA-256, or its subject
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// All sessions to a target
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// All sessions of a host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

impl Named {
    /// The one that is named.
    fn subject(self) -> Option<Subject> {
        let Self { workload, owner, repository, credential, token, target, host } = self;
        let workload = workload.map(Subject::Workload);
        let person = owner.map(Subject::Owner).or_else(|| repository.map(Subject::Repository));
        let secret = credential.map(Subject::Credential).or_else(|| token.map(Subject::Token));
        let place = target.map(Subject::Target).or_else(|| host.map(Subject::Host));
        workload.or(person).or(secret).or(place)
    }
}

pub(super) fn block(command: Block) -> Result {
    match command {
        Block::Add(request) => return add(request),
        Block::List { past, common } => {
            let path = format!("/v1/blocks?past={past}");
            let blocks = common.ask(Method::GET, &path, None, Command::ListBlocks(Page::first(past)))?;
            common.tell(&blocks, || list(&blocks))?;
        }
        Block::Remove { block, reason, common } => {
            let (path, body) = (format!("/v1/blocks/{block}/lift"), json!({ "reason": reason }));
            let lifted = common.ask(Method::POST, &path, Some(&body), Command::LiftBlock { id: block, reason })?;
            common.tell(&lifted, || format!("{block} is lifted: {} is not refused by it any more", named(&lifted)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn add(request: Add) -> Result {
    let Add { named: subject, seconds, reason, dry_run, common } = request;
    let Some(subject) = subject.subject() else { return Err(super::CliError::new("a block names somebody or something")) };
    let body = |dry_run: bool| json!({ "subject": subject, "seconds": seconds, "reason": reason, "dry_run": dry_run });
    // Every gateway that runs here has sessions of its own.
    let all = common.ask_all(&Method::POST, "/v1/blocks", Some(&body(true)))?;
    let cut: Vec<Value> = all.iter().filter_map(|answer| answer.get("cut")).flat_map(items).cloned().collect();
    if dry_run {
        let answer = json!({ "block": null, "cut": cut });
        common.tell(&answer, || format!("a block on {subject} would cut {}", sessions(&cut)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let offline =
        Command::AddBlock { request: BlockRequest { subject: subject.clone(), seconds, reason: reason.clone() }, dry_run };
    let mut added = common.ask(Method::POST, "/v1/blocks", Some(&body(false)), offline)?;
    // One gateway tells of its own, and the others follow at once.
    added["cut"] = json!(cut);
    common.tell(&added, || {
        let until = match time(&added, "/block/until").as_str() {
            "-" => "until it is lifted".to_owned(),
            time => format!("until {time} (UTC)"),
        };
        format!("{} on {subject} is in force {until}; it cuts {}", at(&added, "/block/id"), sessions(&cut))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn sessions(cut: &[Value]) -> String {
    if cut.is_empty() {
        return "no live session".to_owned();
    }
    let rows = cut.iter().map(|session| ["/session", "/run", "/workload", "/target"].map(|place| at(session, place)));
    format!(
        "{}\n{}",
        crate::telemetry::count(cut.len() as u64, "live session:", "live sessions:"),
        table(["SESSION", "RUN", "WORKLOAD", "TARGET"], rows)
    )
}

fn list(blocks: &Value) -> String {
    if items(blocks).next().is_none() {
        return "nothing is blocked".to_owned();
    }
    let rows = items(blocks).map(|block| {
        let state = if block.get("ended_at").is_some_and(Value::is_string) { "over" } else { "in force" };
        [
            at(block, "/id"),
            state.to_owned(),
            named(block),
            at(block, "/by"),
            time(block, "/since"),
            time(block, "/until"),
            at(block, "/reason"),
        ]
    });
    table(["BLOCK", "STATE", "WHOM", "BY", "SINCE (UTC)", "UNTIL", "REASON"], rows)
}

fn named(block: &Value) -> String {
    format!("{} {}", at(block, "/subject/kind"), at(block, "/subject/name"))
}
