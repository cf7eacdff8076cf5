//! Blocks are set and lifted.

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use super::page::{Listed, Page};
use crate::evidence::now;
use crate::ledger::{Answer, Kind, Ledger, Standing};
use crate::session::context::random;
use gateway_core::control::block::{Block, Subject};
use gateway_core::control::hold;
use gateway_core::model::ids::BlockId;
use serde_json::json;
use std::time::Duration;

/// What is to be blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRequest {
    /// Whom.
    pub subject: Subject,
    /// For how long, in seconds; until it is lifted where there is none.
    pub seconds: Option<u64>,
    /// Why.
    pub reason: String,
}

/// Sets a block. It is in force once this comes back; who cuts what is live follows at once.
pub(super) fn add(ledger: &Ledger, actor: &Actor, request: &BlockRequest) -> Result<Block, CommandError> {
    let BlockRequest { subject, seconds, reason } = request;
    check(actor, request)?;
    let at = now();
    let block = Block {
        id: BlockId::new(at, random()),
        subject: subject.clone(),
        reason: reason.clone(),
        by: actor.name().to_owned(),
        since: at,
        until: seconds.map(|seconds| at.after(Duration::from_secs(seconds))),
    };
    ledger.change(|change| {
        change.put(&Standing { block: block.clone(), lifted: None, ended_at: None })?;
        let details = json!({ "subject": subject, "reason": reason, "until": block.until });
        change.tell(Kind::BlockAdded, &block.by, &block.id.to_string(), &details)?;
        Ok(block)
    })
}

/// Whether `actor` may set it, and it can be.
pub(super) fn check(actor: &Actor, request: &BlockRequest) -> Result<(), CommandError> {
    actor.must(Role::Operator, on(&request.subject), "to block")?;
    let name = request.subject.name();
    if name.is_empty() || name.len() > 1024 {
        return Err(CommandError::Wrong("a block names somebody or something, in at most 1024 bytes".to_owned()));
    }
    if request.seconds == Some(0) {
        return Err(CommandError::Wrong("a block is for at least 1 s".to_owned()));
    }
    if request.reason.trim().is_empty() || request.reason.len() > hold::REASON_BYTES {
        return Err(hold::Ineligible::Reason.into());
    }
    Ok(())
}

/// Lifts a block.
pub(super) fn lift(ledger: &Ledger, actor: &Actor, id: BlockId, reason: &str) -> Result<Standing, CommandError> {
    ledger.change(|change| {
        let mut standing: Standing = change.find(id.number())?.ok_or_else(|| CommandError::missing(id))?;
        actor.must(Role::Operator, on(&standing.block.subject), "to lift a block")?;
        if reason.trim().is_empty() || reason.len() > hold::REASON_BYTES {
            return Err(hold::Ineligible::Reason.into());
        }
        if standing.ended_at.is_some() {
            return Err(CommandError::over(id, "lifted"));
        }
        standing.ended_at = Some(change.at);
        standing.lifted = Some(Answer { by: actor.name().to_owned(), reason: reason.to_owned() });
        change.put(&standing)?;
        change.tell(Kind::BlockLifted, actor.name(), &id.to_string(), &json!({ "reason": reason }))?;
        Ok(standing)
    })
}

/// Those in force, and up to as many as the page has that are over, the newest first.
pub(super) fn list(ledger: &Ledger, actor: &Actor, page: Page) -> Result<Listed<Standing>, CommandError> {
    let (all, next) = ledger.look(|look| look.latest::<Standing>(page.past, page.before))?;
    let page = Listed::behind(all, next.map(BlockId::from_number));
    Ok(page.retain(|standing| actor.may(Role::Viewer, on(&standing.block.subject))))
}

/// What a block of a target or a workload is about; others are about everything.
fn on(subject: &Subject) -> On<'_> {
    match subject {
        Subject::Target(name) => On { target: Some(name), workload: None },
        Subject::Workload(name) => On { target: None, workload: Some((name, None)) },
        Subject::Owner(_) | Subject::Repository(_) | Subject::Credential(_) | Subject::Token(_) | Subject::Host(_) => {
            On::default()
        }
    }
}
