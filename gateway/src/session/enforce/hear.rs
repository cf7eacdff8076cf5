//! What the protocol reports of the server's answers: what names stand for now, whether an answer is
//! one that its statement may have, what was counted.

use super::operation::Part;
use super::verdict::leaves_open;
use super::{Enforcer, MOST, frame, refusal};
use crate::session::live::KillOrder;
use gateway_core::inspect::{CopyWith, Inspection, answers};
use gateway_core::policy::Mode;
use gateway_core::protocol::{OperationId, OperationKind, Refusal, Transaction};
use gateway_core::record::FrameBuffer;
use serde_json::json;
use std::sync::Arc;

/// How the server answered a statement, as [`gateway_core::protocol::Outcome`], with its tag's bytes.
#[derive(Clone, Copy, Debug)]
pub enum Answered<'a> {
    /// Done, with this tag.
    Done(&'a [u8]),
    /// Prepared.
    Prepared,
    /// Failed.
    Failed,
    /// Refused, or passed over: it has not run.
    NotRun,
}

impl Enforcer {
    /// An operation went to the server.
    pub fn running(&mut self, id: OperationId) {
        let parts = self.operations.get(&id).map(|operation| operation.parts()).unwrap_or_default();
        let statements = parts.len().max(1);
        if let Some(open) = leaves_open(parts) {
            self.begun = Some(open);
        }
        self.moving |= self.masking.is_some() && parts.iter().any(Part::moves_relations);
        self.controlled |= parts.iter().any(|part| part.statement.transaction.is_some());
        self.meter.begin(statements as u64);
        self.watch.begin(id);
    }

    /// A statement was answered.
    pub fn answered(&mut self, id: OperationId, part: u32, answered: Answered<'_>, frames: &mut FrameBuffer) {
        self.watch.answered(id);
        let Some(operation) = self.operations.get_mut(&id) else { return };
        match answered {
            Answered::Prepared => {
                operation.prepared = true;
                if let Some(part) = operation.part(0) {
                    let name = operation.name.clone();
                    let statement = part.statement.clone();
                    self.names.prepared(&name, &statement, id);
                }
            }
            Answered::Done(tag) => self.done(id, part, tag, frames),
            Answered::Failed => {
                self.names.relations().failed();
                if let Some(part) = operation.part(part) {
                    self.names.ran(part.hidden);
                }
                self.drop_unprepared(id);
            }
            Answered::NotRun => self.drop_unprepared(id),
        }
    }

    /// Rows of a statement's result were masked; `found` is what detectors found, as [`gateway_core::protocol::Event::Masked`] has it.
    pub fn masked(&self, id: OperationId, number: u32, rows: u64, found: &[u8], frames: &mut FrameBuffer) {
        if let Some(part) = self.operations.get(&id).and_then(|operation| operation.part(number)) {
            frame::masked(frames, id, number, part, (rows, found));
        }
    }

    /// An operation is over.
    pub fn finished(&mut self, id: OperationId) {
        self.watch.end(id);
        if self.operations.get(&id).is_some_and(|operation| !operation.stays()) {
            self.operations.remove(&id);
        }
        self.rest();
    }

    /// What was prepared can be fetched from as the cursor of this name.
    pub fn bound(&mut self, id: OperationId, name: &[u8]) {
        if let (Some(part), Ok(name)) =
            (self.operations.get(&id).and_then(|operation| operation.part(0)), std::str::from_utf8(name))
        {
            let statement = Arc::clone(&part.statement);
            self.names.bound(name, &statement, id);
        }
    }

    /// The client dropped what it had prepared.
    pub fn forgotten(&mut self, id: OperationId) {
        self.operations.remove(&id);
        self.names.forgotten(id);
    }

    /// The server has answered everything up to here.
    pub fn ready(&mut self, transaction: Transaction) {
        if transaction == Transaction::Idle && std::mem::take(&mut self.changed) {
            // What was read of the database meanwhile is without what was only now committed.
            self.house.catalog_changed(&self.session, &self.database);
        }
        self.unreviewed &= transaction != Transaction::Idle;
        if transaction == Transaction::Idle && self.names.relations().ended() {
            self.known.clear();
        }
        if self.watch.is_idle() {
            self.begun = None;
            self.controlled = false;
            self.moving = false;
            // What never ran is not reported as finished.
            self.operations.retain(|_, operation| operation.stays());
        }
        self.rest();
    }

    /// Gives up the place on the target where nothing runs any more.
    pub fn rest(&mut self) {
        if self.watch.is_idle() {
            self.meter.idle();
            self.slot = None;
        }
    }

    fn done(&mut self, id: OperationId, number: u32, tag: &[u8], frames: &mut FrameBuffer) {
        let Some(operation) = self.operations.get_mut(&id) else { return };
        // Only what came first is known to have found the transaction as it was.
        let aborted = operation.aborted.take().filter(|_| number == 0);
        let Some(part) = operation.part(number) else { return };
        if part.statement.facts.copy == Some(CopyWith::Stdin) {
            let rows = tag.rsplit(|byte| *byte == b' ').next().and_then(|rows| std::str::from_utf8(rows).ok()?.parse().ok());
            self.meter.copied(rows.unwrap_or_default());
        }
        let legal = part.statement.facts.unparsed.is_some() || answers::legal(&part.statement, tag, aborted);
        let command = part.statement.command;
        let changes = part.statement.changes.schema || part.statement.changes.anything;
        self.unreviewed |= part.hidden || part.masked.runs_code;
        // The end of a transaction brings to light what was changed in it, and changes nothing by itself.
        let ends = part.statement.transaction.is_some();
        if changes && (!ends || self.changed || self.unreviewed) {
            self.changed = true;
            self.house.catalog_changed(&self.session, &self.database);
        }
        self.names.done(&part.statement, part.hidden);
        if self.masking.is_some() && self.names.relations().done(part) {
            self.known.clear();
        }
        if !legal {
            let tag = String::from_utf8_lossy(tag).into_owned();
            tracing::error!(session = %self.session.id, operation = id.0, command, tag, "the server's answer contradicts its statement");
            frame::finding(
                frames,
                "tag_contradiction",
                json!({ "operation": id.0, "part": number, "command": command, "tag": tag }),
            );
            let reason = format!("the server answered {command} with {tag:?}: the statement is not what it was taken for");
            self.session.kill(KillOrder { by: "weir".to_owned(), reason });
        }
    }

    fn drop_unprepared(&mut self, id: OperationId) {
        if self.operations.get(&id).is_some_and(|operation| operation.stays() && !operation.prepared) {
            self.operations.remove(&id);
        }
    }

    /// Refuses what is beyond a limit: of the target, or of what is remembered here.
    pub(super) fn limit(
        &mut self,
        ask: &super::Ask<&[u8]>,
        inspection: &Inspection,
        frames: &mut FrameBuffer,
    ) -> Option<Refusal> {
        let runs = match ask.kind {
            OperationKind::Query | OperationKind::Execute | OperationKind::FunctionCall => true,
            OperationKind::Prepare | OperationKind::Bind => false,
        };
        // The end of a transaction is never refused.
        let free = inspection.statements.iter().all(|statement| statement.transaction.is_some());
        let first = inspection.statements.first().map_or("", |statement| statement.command);
        let command = if first.is_empty() { "a statement" } else { first };
        let why = if ask.kind == OperationKind::Prepare && self.operations.len() >= MOST {
            format!("{MOST} statements are prepared already")
        } else if let Some(most) = self.limits.max_concurrent.filter(|_| runs && !free && self.slot.is_none()) {
            self.slot = self.house.totals().slot(&self.session.target.name, most);
            if self.slot.is_some() {
                return None;
            }
            let fields = json!({ "operation": ask.id.0, "max_concurrent": most, "would_refuse": self.mode == Mode::Observe });
            frame::finding(frames, "max_concurrent", fields);
            if self.mode == Mode::Observe {
                return None;
            }
            format!("{most} statements run there already")
        } else {
            return None;
        };
        let refusal = refusal::by_limit(&self.session, ask.id, command, &why);
        self.house.totals().refused();
        self.session.refused();
        self.teller.tell(&refusal);
        Some(refusal)
    }
}
