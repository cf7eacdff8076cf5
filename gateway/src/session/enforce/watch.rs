//! What runs: judged again while its result streams, and ended when it takes longer than the target allows.

use super::verdict::{Approvals, Bench};
use super::{Enforcer, bench, frame, refusal};
use crate::session::live::KillOrder;
use crate::session::moment;
use crate::session::owner::involved;
use gateway_core::inspect::CopyWith;
use gateway_core::policy::{Mode, Stretch};
use gateway_core::protocol::{OperationId, Refusal};
use gateway_core::record::FrameBuffer;
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// A result is judged again after so many rows,
const ROWS: u64 = 1000;
/// so many bytes,
const BYTES: u64 = 1 << 20;
/// or so much time, whichever comes first.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a cancelled statement may take to end.
const AFTER_CANCEL: Duration = Duration::from_secs(5);

/// The operations that are at the server, in its order, and how far they were looked at.
#[derive(Debug)]
pub(super) struct Watch {
    totals: bool,
    running: VecDeque<OperationId>,
    /// Of the first of them, how many statements were answered.
    answered: u32,
    /// Since when it is the first.
    since: Instant,
    cancelled: bool,
    /// What had been counted at the last judgement that allowed it, and when that was.
    rows: u64,
    bytes: u64,
    at: Instant,
    /// The counts now.
    counted: (u64, u64),
    /// The first look judges, whatever has been counted.
    unjudged: bool,
    /// The totals for which the last judgement of what runs holds.
    stretch: Option<Stretch>,
    /// In observe mode what would have been denied is said once.
    said: bool,
    /// The copy was made to fail already.
    failed_copy: bool,
    /// What it was allowed by may have been taken away.
    taken: bool,
}

/// What the relay has to do about what runs.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Have the copy fail.
    FailCopy(Refusal),
}

impl Watch {
    pub(super) fn new(totals: bool) -> Self {
        let now = Instant::now();
        Self {
            totals,
            running: VecDeque::new(),
            answered: 0,
            since: now,
            cancelled: false,
            rows: 0,
            bytes: 0,
            at: now,
            counted: (0, 0),
            unjudged: false,
            stretch: None,
            said: false,
            failed_copy: false,
            taken: false,
        }
    }

    /// People have given or taken something: what runs is judged once more.
    pub(super) const fn again(&mut self) {
        self.taken = true;
    }

    /// Whether any policy looks at totals.
    pub(super) fn totals(&mut self, watched: bool) {
        // What runs was allowed by another set.
        self.unjudged = true;
        self.stretch = None;
        self.totals = watched;
    }

    pub(super) fn begin(&mut self, id: OperationId) {
        self.running.push_back(id);
        if self.running.len() == 1 {
            self.first();
        }
    }

    pub(super) fn answered(&mut self, id: OperationId) {
        if self.running.front() == Some(&id) {
            self.answered += 1;
            self.stretch = None;
        }
    }

    pub(super) fn end(&mut self, id: OperationId) {
        if let Some(place) = self.running.iter().position(|running| *running == id) {
            self.running.remove(place);
            if place == 0 {
                self.first();
            }
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn front(&self) -> Option<(OperationId, u32)> {
        self.running.front().map(|id| (*id, self.answered))
    }

    fn first(&mut self) {
        self.answered = 0;
        self.stretch = None;
        self.since = moment::instant();
        self.at = self.since;
        self.cancelled = false;
        self.said = false;
        self.failed_copy = false;
        (self.rows, self.bytes) = self.counted;
    }

    /// Whether enough has come since the last judgement for another.
    fn due(&self, now: Instant) -> bool {
        let (rows, bytes) = self.counted;
        self.unjudged || rows - self.rows >= ROWS || bytes - self.bytes >= BYTES || now - self.at >= PAUSE
    }

    const fn allowed(&mut self, now: Instant) {
        (self.rows, self.bytes) = self.counted;
        self.at = now;
        self.unjudged = false;
    }
}

impl Enforcer {
    /// Counts the session's rows and bytes since its beginning, before what was read is handed on.
    pub fn count(&mut self, rows: u64, bytes: u64, frames: &mut FrameBuffer) -> Option<Order> {
        self.meter.count(rows, bytes);
        self.watch.counted = (rows.max(self.watch.counted.0), bytes.max(self.watch.counted.1));
        if !self.watch.totals || self.watch.is_idle() || !self.watch.due(moment::instant()) {
            return None;
        }
        self.judge_running(false, frames)
    }

    /// When [`Self::look`] wants to be called, where anything runs that is watched.
    #[must_use]
    pub fn next_look(&self) -> Option<Instant> {
        if self.watch.is_idle() {
            return None;
        }
        if self.watch.taken {
            // Now: a moment that is over, and stays the same however often it is asked for.
            return Some(self.watch.since);
        }
        let judgement = self.watch.totals.then(|| self.watch.at + PAUSE);
        let end = self.limits.statement_time.filter(|_| self.mode == Mode::Enforce || !self.watch.cancelled).map(|limit| {
            let cancel = self.watch.since + limit;
            if self.watch.cancelled { cancel + AFTER_CANCEL } else { cancel }
        });
        judgement.into_iter().chain(end).min()
    }

    /// Looks at the time.
    pub fn look(&mut self, frames: &mut FrameBuffer) -> Option<Order> {
        let now = Instant::now();
        let taken = std::mem::take(&mut self.watch.taken);
        if taken || (self.watch.totals && !self.watch.is_idle() && self.watch.due(now)) {
            let order = self.judge_running(taken, frames);
            if order.is_some() {
                return order;
            }
        }
        self.overtime(now, frames);
        None
    }

    /// Judges the statement that runs by what has been counted up to now.
    fn judge_running(&mut self, taken: bool, frames: &mut FrameBuffer) -> Option<Order> {
        self.meter.worked();
        let now = moment::instant();
        let (id, number) = self.watch.front()?;
        let operation = self.operations.get(&id)?;
        let totals = self.meter.totals(0);
        if !taken && self.watch.stretch.as_ref().is_some_and(|stretch| stretch.holds(&totals)) {
            self.watch.allowed(now);
            return None;
        }
        let Some(part) = operation.part(number).filter(|part| part.statement.transaction.is_none()) else {
            self.watch.allowed(now);
            return None;
        };
        let grounds = (self.database.as_str(), self.user.as_str());
        let bench = bench(&self.set, &self.mentions, Ok(None), self.mode, (&self.session, &self.owner), grounds, None);
        // What people have approved stays approved; what they have taken is gone.
        let involved = involved(&self.session.principal, &self.in_force);
        let approvals = Approvals::Given { votes: &operation.votes, involved: &involved };
        // What an owner's leaving has wait is the next statement: this one goes on to its end.
        let bench = Bench { grants: &self.grants, approvals, ..bench };
        let decision = bench.decide(part, operation.inspection.statements.len(), totals);
        if decision.allows() {
            self.watch.allowed(now);
            self.watch.stretch = self.set.stretch(&totals);
            return None;
        }
        if self.watch.said {
            self.watch.at = now;
            return None;
        }
        let beyond = (self.watch.counted.0 - self.watch.rows, self.watch.counted.1 - self.watch.bytes);
        let number_of_it = usize::try_from(number).unwrap_or(usize::MAX);
        frame::decision(frames, &bench, (id, operation.kind), (number_of_it, part, &decision), (&operation.judged, totals), None);
        let kill = matches!(self.mode, Mode::Enforce);
        let fields = json!({
            "operation": id.0, "part": number, "policies": decision.policies, "errors": decision.errors,
            "rows_beyond": beyond.0, "bytes_beyond": beyond.1, "would_refuse": !kill,
            "session_rows": totals.session.rows, "run_rows": totals.run.rows, "hour_rows": totals.hour.rows,
        });
        frame::finding(frames, if taken { "taken" } else { "quota" }, fields);
        let refusal = refusal::by_policy(&self.session, id, part, &decision);
        let copies = part.statement.facts.copy == Some(CopyWith::Stdin);
        self.watch.said = true;
        self.watch.unjudged = false;
        self.watch.at = now;
        if !kill {
            return None;
        }
        self.teller.tell(&refusal);
        if self.punish(&decision, &refusal.message) {
            return None;
        }
        if copies && !self.watch.failed_copy {
            self.watch.failed_copy = true;
            return Some(Order::FailCopy(refusal));
        }
        let reason = format!(
            "{}: {}, after it had begun; {} rows and {} bytes were counted beyond the last judgement that allowed it",
            refusal::because(&decision),
            refusal.message,
            beyond.0,
            beyond.1
        );
        self.session.kill(KillOrder { by: "policy".to_owned(), reason });
        None
    }

    /// Cancels, and then kills, what runs longer than the target allows.
    fn overtime(&mut self, now: Instant, frames: &mut FrameBuffer) {
        let (Some(limit), Some((id, _))) = (self.limits.statement_time, self.watch.front()) else { return };
        let ran = now - self.watch.since;
        if self.watch.cancelled {
            if ran >= limit + AFTER_CANCEL && self.mode == Mode::Enforce {
                let reason = format!("a statement ran on after it was cancelled at its statement_time of {} s", limit.as_secs());
                self.session.kill(KillOrder { by: "weir".to_owned(), reason });
            }
            return;
        }
        if ran < limit {
            return;
        }
        self.watch.cancelled = true;
        let observes = self.mode == Mode::Observe;
        tracing::warn!(session = %self.session.id, operation = id.0, seconds = limit.as_secs(), "a statement runs too long");
        let fields = json!({ "operation": id.0, "statement_time": limit.as_secs(), "would_refuse": observes });
        frame::finding(frames, "statement_time", fields);
        if !observes {
            self.house.cancel(&self.session);
        }
    }
}
