//! What the record keeps of a judgement: a decision for each statement, a note for what is found.

use super::Ask;
use super::mask::Shown;
use super::operation::Part;
use super::verdict::{Bench, Judged};
use crate::session::moment;
use gateway_core::inspect::postgres::without_literals;
use gateway_core::inspect::resolve::Question;
use gateway_core::policy::basis::{OperationBasis, write_totals};
use gateway_core::policy::{Alert, Decision, Mode, OnDeny, Totals};
use gateway_core::protocol::{OperationId, OperationKind};
use gateway_core::record::body::write_statement;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::sync::OnceLock;

/// So many of a statement's questions are kept; the rest are counted.
const MOST: usize = 20;
/// So many characters are kept of why a statement was not understood.
const REASON: usize = 200;

/// A decision as its frame holds it.
#[derive(Serialize)]
struct Frame<'a> {
    operation: u64,
    /// The statement's place in its text, from 0.
    part: usize,
    asked: &'static str,
    command: &'a str,
    accesses: Accesses<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    accesses_not_shown: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    unparsed: Option<String>,
    no_where: bool,
    outcome: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    held: bool,
    policies: &'a [String],
    /// The classes that are shown as they are, each with the policies that say so.
    #[serde(skip_serializing_if = "<[Shown]>::is_empty")]
    reveals: &'a [Shown],
    errors: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_deny: Option<&'static str>,
    mode: &'static str,
    would_refuse: bool,
    set_hash: &'a str,
    /// What it takes to decide the same again.
    facts: OperationBasis<'a>,
}

/// The first of a statement's questions, in words.
struct Accesses<'a>(&'a [Question]);

impl Serialize for Accesses<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let shown = self.0.get(..MOST).unwrap_or(self.0);
        let mut list = to.serialize_seq(Some(shown.len()))?;
        for question in shown {
            list.serialize_element(&format_args!("{question}"))?;
        }
        list.end()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A decision as its frame has it, but for what differs each time that it is found to hold again: the operation and the totals.
#[derive(Debug)]
pub(super) struct Written {
    part: usize,
    kind: OperationKind,
    /// From behind the operation up to the totals, and what is behind them.
    before: Box<[u8]>,
    behind: Box<[u8]>,
}

impl Written {
    /// Takes a frame's `body` apart; none where it is not as it is thought to be.
    fn of(body: &[u8], (id, kind, part): (OperationId, OperationKind, usize), totals: &Totals) -> Option<Self> {
        let mut counted = Vec::new();
        write_totals(totals, &mut counted);
        let rest = body.strip_prefix(format!("{{\"operation\":{}", id.0).as_bytes())?;
        let at = memchr::memmem::find(rest, &counted)?;
        let (before, behind) = (rest.get(..at)?, rest.get(at + counted.len()..)?);
        Some(Self { part, kind, before: before.into(), behind: behind.into() })
    }

    /// Writes it anew, where it is the same.
    pub(super) fn again(
        &self,
        frames: &mut FrameBuffer,
        (id, kind, part): (OperationId, OperationKind, usize),
        totals: &Totals,
    ) -> bool {
        if (self.kind, self.part) != (kind, part) {
            return false;
        }
        frames.push(moment::wall(), FrameKind::Decision, |body| {
            body.extend_from_slice(b"{\"operation\":");
            body.extend_from_slice(itoa::Buffer::new().format(id.0).as_bytes());
            body.extend_from_slice(&self.before);
            write_totals(totals, body);
            body.extend_from_slice(&self.behind);
        });
        true
    }
}

/// Writes the decision on the statement `number` of what was judged, with `totals` at that moment. How it was written is kept in `keep`.
pub(super) fn decision(
    frames: &mut FrameBuffer,
    bench: &Bench<'_>,
    (id, kind): (OperationId, OperationKind),
    (number, part, decision): (usize, &Part, &Decision),
    (judged, totals): (&Judged, Totals),
    keep: Option<&OnceLock<Written>>,
) {
    let denied = !decision.allows();
    let mode = bench.mode;
    let grants: Vec<_> = bench.grants.iter().collect();
    let request = bench.request(part, &grants, judged.statements, totals);
    let waits = bench.waits.as_ref().map(|wait| wait.terms);
    let facts = OperationBasis { request: &request, decision, by_catalog: judged.by_catalog, waits, hidden: &part.masked.closed };
    let frame = Frame {
        operation: id.0,
        part: number,
        asked: asked(kind),
        command: part.statement.command,
        accesses: Accesses(&part.questions),
        accesses_not_shown: part.questions.len().saturating_sub(MOST),
        unparsed: part.statement.facts.unparsed.as_ref().map(|why| why.chars().take(REASON).collect()),
        no_where: part.statement.facts.no_where,
        outcome: match (denied, kind) {
            (true, _) => "deny",
            // It is bound and run only with somebody's approval.
            (false, OperationKind::Prepare) if !decision.holds.is_empty() => "hold",
            (false, _) => "allow",
        },
        held: decision.held(),
        policies: &decision.policies,
        reveals: &part.masked.shown,
        errors: &decision.errors,
        message: decision.message.as_deref(),
        alert: decision.alert.map(Alert::name),
        on_deny: denied.then_some(on_deny(decision.on_deny)).flatten(),
        mode: mode.name(),
        would_refuse: denied && mode != Mode::Enforce,
        set_hash: bench.set.hash(),
        facts,
    };
    frames.push(moment::wall(), FrameKind::Decision, |body| {
        let start = body.len();
        // Writing JSON into memory can't fail.
        let _written = serde_json::to_writer(&mut *body, &frame).is_ok();
        if let Some(keep) = keep
            && let Some(written) = Written::of(body.get(start..).unwrap_or_default(), (id, kind, number), &totals)
        {
            // Whoever was first has written the same.
            let _kept = keep.set(written).is_ok();
        }
    });
}

/// Writes the text of a statement: without its literals, where one of them may be a value of a class.
pub(super) fn statement(frames: &mut FrameBuffer, ask: &Ask<&[u8]>, judged: &Judged) {
    let kind = match ask.kind {
        OperationKind::Query => b'Q',
        OperationKind::Prepare | OperationKind::Bind | OperationKind::Execute => b'P',
        OperationKind::FunctionCall => b'F',
    };
    let shown = judged.parts.iter().any(|part| part.masked.text_unrecorded || part.statement.facts.unparsed.is_some());
    // What is behind a refused statement was not looked at.
    let text = if shown || judged.refused.is_some() {
        std::str::from_utf8(ask.text).map(|text| Cow::Owned(without_literals(text).into_bytes())).unwrap_or_default()
    } else {
        Cow::Borrowed(ask.text)
    };
    frames.push(moment::wall(), FrameKind::Statement, |body| write_statement(ask.id.0, kind, &text, body));
}

/// Notes that rows were masked, and what detectors found in them.
pub(super) fn masked(frames: &mut FrameBuffer, id: OperationId, number: u32, part: &Part, (rows, found): (u64, &[u8])) {
    let mut fields =
        serde_json::json!({ "what": "masked", "operation": id.0, "part": number, "rows": rows, "columns": part.masked.covered });
    if let (Some(fields), Ok(found)) = (fields.as_object_mut(), serde_json::from_slice(found)) {
        fields.insert("found".to_owned(), found);
    }
    frames.push_json(moment::wall(), FrameKind::Note, &fields);
}

/// Notes something that someone should look at.
pub(super) fn finding(frames: &mut FrameBuffer, kind: &str, mut fields: serde_json::Value) {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("what".to_owned(), "finding".into());
        fields.insert("kind".to_owned(), kind.into());
    }
    frames.push_json(moment::wall(), FrameKind::Note, &fields);
}

pub(super) fn access(question: &Question) -> String {
    question.to_string()
}

pub(super) const fn asked(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Query => "query",
        OperationKind::Prepare => "prepare",
        OperationKind::Bind => "bind",
        OperationKind::Execute => "execute",
        OperationKind::FunctionCall => "function",
    }
}

/// What a denial ends beside the operation.
pub(super) const fn on_deny(consequence: OnDeny) -> Option<&'static str> {
    match consequence {
        OnDeny::Refuse => None,
        OnDeny::KillSession => Some("kill_session"),
        OnDeny::KillRun => Some("kill_run"),
    }
}
