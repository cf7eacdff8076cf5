//! The session's side of the judgement: each question of the protocol becomes an inspection, a
//! decision and a directive; the server's answers confirm what was thought.
//!
//! Files by concern: `decode` text, `names` what SQL's names stand for, `own` what the session has made, `verdict` the decision on a text,
//! `known` what was decided before, `beside` what a shadow set would have decided, `mask` what is hidden of results, `refusal` and `frame` its words, `hear` the server's answers, `watch` what runs, `hold` what waits for people, `house` what is shared.

mod beside;
mod decode;
mod frame;
mod hear;
mod hold;
mod house;
mod known;
mod mask;
mod names;
mod operation;
mod own;
mod refusal;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;

pub use hear::Answered;
pub(crate) use hold::who;
pub use hold::{Approval, Estimable, Request};
pub use house::{Gateway, House, Limits, Pending};
pub(crate) use refusal::outcome;
pub use watch::Order;

use crate::ledger::{Hold, InForce};
use crate::masking::{Assigned, Masking};
use crate::session::live::{KillOrder, Session};
use crate::session::moment;
use crate::session::owner::Ownership;
use crate::session::totals::{Meter, Slot};
use beside::Beside;
use decode::{Decoded, Places, decode, plain};
use foldhash::fast::RandomState;
use gateway_core::control::grant::Grant;
use gateway_core::inspect::catalog::Catalog;
use gateway_core::inspect::postgres::Reading;
use gateway_core::inspect::resolve::Mentions;
use gateway_core::inspect::{Inspection, Statement};
use gateway_core::model::ids::HoldId;
use gateway_core::policy::{Decision, Mode, OnDeny, PolicySet, Totals};
use gateway_core::protocol::{Directive, Encoding, OperationId, OperationKind, Pass, Refusal, Refused, Standing, Transaction};
use gateway_core::record::{FrameBuffer, FrameKind};
use hold::Approved;
use known::Known;
use mask::{Ground, Telling};
use names::Names;
use operation::{Operation, Part, function_call, made, pass, unread};
use refusal::Teller;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use verdict::{Approvals, Bench, Judged};
use watch::Watch;

/// Operations that are remembered at once: what is prepared and not forgotten, and what runs.
const MOST: usize = 65_536;

/// A question of the protocol. `B` is what holds its bytes: those of the moment, or a copy of them.
#[derive(Clone, Copy, Debug)]
pub struct Ask<B> {
    /// Names the question.
    pub id: OperationId,
    /// What kind of operation it is.
    pub kind: OperationKind,
    /// The name that the client gives to what it prepares, or by which SQL made what is bound or executed.
    pub name: B,
    /// Its text.
    pub text: B,
    /// What it is run with, as [`gateway_core::protocol::Event::Ask`] has it.
    pub parameters: Option<B>,
    /// The session at that moment.
    pub standing: Standing,
}

impl<B: AsRef<[u8]>> Ask<B> {
    /// The same without its own bytes.
    fn borrowed(&self) -> Ask<&[u8]> {
        let Self { id, kind, name, text, parameters, standing } = self;
        let parameters = parameters.as_ref().map(AsRef::as_ref);
        Ask { id: *id, kind: *kind, name: name.as_ref(), text: text.as_ref(), parameters, standing: *standing }
    }

    /// By which settings its text is to be read; `exact` where its tree is wanted, too.
    fn reading(&self, exact: bool) -> Reading {
        // What was prepared has been read by the settings of then, and stays so at the server.
        let known = self.standing.settings_known && !self.again();
        Reading { standard_conforming_strings: known.then_some(self.standing.standard_conforming_strings), exact }
    }

    /// Whether it is about something that was prepared before.
    const fn again(&self) -> bool {
        matches!(self.kind, OperationKind::Bind | OperationKind::Execute)
    }
}

impl Ask<&[u8]> {
    /// The same with bytes of its own.
    #[must_use]
    pub fn kept(self) -> Ask<Vec<u8>> {
        let Self { id, kind, name, text, parameters, standing } = self;
        Ask { id, kind, name: name.to_vec(), text: text.to_vec(), parameters: parameters.map(<[u8]>::to_vec), standing }
    }
}

/// What a question's answer rests on, once it has been waited for.
#[derive(Debug)]
pub struct Read {
    inspection: Arc<Inspection>,
    places: Places,
    /// The function that is called by its number.
    function: Option<u32>,
    /// Why it is not there where it should be.
    catalog: Result<Option<Arc<Catalog>>, String>,
    /// The classes of its columns, where any concerns the target.
    assigned: Option<Arc<Assigned>>,
}

/// What is to be done about a question.
#[derive(Debug)]
pub enum Verdict {
    /// The protocol is told.
    Answer(Directive),
    /// People are asked; the question is put again with what they approved.
    Hold(Box<Request>),
    /// The session is being killed; nobody is told.
    Killed,
}

/// The judge of one session.
pub struct Enforcer {
    house: Arc<dyn House>,
    session: Arc<Session>,
    mode: Mode,
    limits: Limits,
    database: String,
    user: String,
    set: Arc<PolicySet>,
    /// The set that decides beside it, without effect.
    beside: Option<Beside>,
    in_force: Arc<InForce>,
    /// The grants in force for this session.
    grants: Vec<Grant>,
    /// How its workload stands with its owner.
    owner: Ownership,
    /// What was approved for the rest of the session.
    approved: Approved,
    /// The operation whose text is in the record while it waits for people.
    written: Option<OperationId>,
    mentions: Mentions,
    operations: HashMap<OperationId, Operation, RandomState>,
    names: Names,
    known: Known,
    /// What was forwarded since the server was last ready leaves a transaction open, or ends one.
    begun: Option<bool>,
    /// Something that controls the transaction was: whether that has failed is no longer known.
    controlled: bool,
    /// What went to the server and is not answered may give names another meaning.
    moving: bool,
    /// The open transaction has changed the database.
    changed: bool,
    /// Code has run in it that nobody has reviewed, and that may have.
    unreviewed: bool,
    /// Each execution is asked about.
    executions: bool,
    meter: Meter,
    slot: Option<Slot>,
    watch: Watch,
    teller: Teller,
    /// What is masked, where anything may be at this target.
    masking: Option<Arc<Masking>>,
}

impl Enforcer {
    /// A judge for `session`, which is judged in `mode`.
    pub fn new(house: Arc<dyn House>, session: Arc<Session>, mode: Mode, limits: Limits) -> Self {
        let (set, in_force) = (house.policy(), house.in_force());
        let meter = house.totals().meter(&session.principal);
        Self {
            grants: grants(&in_force, &session),
            owner: house.owner(&session, &in_force),
            in_force,
            approved: Approved::default(),
            written: None,
            mentions: set.mentions(&session.target.name),
            beside: house.shadow().map(|shadow| Beside::new(shadow, &session.target.name)),
            watch: Watch::new(set.watches_totals()),
            executions: set.watches_totals() || limits.max_concurrent.is_some(),
            house,
            mode,
            limits,
            database: String::new(),
            user: String::new(),
            set,
            operations: HashMap::default(),
            names: Names::default(),
            known: Known::default(),
            begun: None,
            controlled: false,
            moving: false,
            changed: false,
            unreviewed: false,
            meter,
            slot: None,
            teller: Teller::default(),
            masking: None,
            session,
        }
    }

    /// Masks what `masking` says.
    #[must_use]
    pub fn with_masking(mut self, masking: Arc<Masking>) -> Self {
        self.masking = Some(masking);
        self
    }

    /// Whether the texts of statements are recorded here, without the values of classes, and not by the protocol.
    #[must_use]
    pub const fn records_texts(&self) -> bool {
        self.masking.is_some()
    }

    /// Whether results may be masked.
    #[must_use]
    pub fn masks(&self) -> bool {
        self.masking.is_some() && self.mode != Mode::Observe
    }

    /// Whether the payloads of notifications go through.
    #[must_use]
    pub fn passes_payloads(&self) -> bool {
        !self.masks() || self.masking.as_ref().is_some_and(|masking| masking.settings().notifications)
    }

    /// Whether the protocol is to ask about each execution: a policy looks at totals, or the target has a limit.
    #[must_use]
    pub const fn executions(&self) -> bool {
        self.executions
    }

    /// Hears where the session is at the server, as far as it is told.
    pub fn stands(&mut self, user: Option<&str>, database: Option<&str>) {
        self.known.clear();
        if let Some(user) = user {
            user.clone_into(&mut self.user);
        }
        if let Some(database) = database {
            database.clone_into(&mut self.database);
        }
    }

    /// Has people asked what `request` says. Whoever drops what is waited for takes the question back.
    pub fn ask_people(&self, request: &Request) -> (HoldId, Pending<Result<Hold, String>>) {
        self.house.ask_people(&self.session, request)
    }

    /// Takes the policy set in force, and what people have given and taken; true where any is another than before. Whether each execution is
    /// asked about may be another, too.
    pub fn refresh(&mut self) -> bool {
        let (set, in_force) = (self.house.policy(), self.house.in_force());
        if Arc::ptr_eq(&set, &self.set) && Arc::ptr_eq(&in_force, &self.in_force) {
            return false;
        }
        self.known.clear();
        self.mode = self.house.mode(&self.session);
        self.grants = grants(&in_force, &self.session);
        self.owner = self.house.owner(&self.session, &in_force);
        if !Arc::ptr_eq(&in_force, &self.in_force) {
            self.watch.again();
        }
        self.in_force = in_force;
        self.mentions = set.mentions(&self.session.target.name);
        if !Arc::ptr_eq(&set, &self.set) {
            self.beside = self.house.shadow().map(|shadow| Beside::new(shadow, &self.session.target.name));
        }
        self.watch.totals(set.watches_totals());
        self.executions = set.watches_totals() || self.limits.max_concurrent.is_some();
        self.set = set;
        true
    }

    /// Answers a question about which all is known: what goes through as it did before on the same grounds.
    /// None where something has to be found out first, or is refused.
    pub fn at_once(&mut self, ask: Ask<&[u8]>, frames: &mut FrameBuffer) -> Option<Directive> {
        let (inspection, places) = match self.operations.get(&ask.id) {
            Some(operation) if ask.again() && ask.name.is_empty() => {
                (Arc::clone(&operation.inspection), operation.places.clone())
            }
            _ if matches!(ask.kind, OperationKind::Query | OperationKind::Prepare) => {
                let text = plain(ask.text, ask.standing.encoding)?;
                (self.house.inspected(text, ask.reading(self.masking.is_some()))?, Places::Same)
            }
            _ => return None,
        };
        if !self.house.has(&self.set, &self.in_force) || (self.moving && !ask.standing.settled) {
            return None;
        }
        let catalog = if self.masking.is_some() || inspection.statements.iter().any(|statement| touches(statement)) {
            self.house.catalog_now(&self.session, &self.database)?
        } else {
            None
        };
        let open = self.open(&ask.standing);
        let counted = OnceCell::new();
        let totals = |more| counted_at(*counted.get_or_init(|| self.meter.totals(1)), more);
        let judged = self.known.find((&inspection, catalog.as_ref(), open), totals)?;
        if judged.refused.is_some() || copies_blindly(&judged, ask.standing.encoding).is_some() {
            return None;
        }
        if let Some(refusal) = self.limit(&ask, &inspection, frames) {
            return Some(refuse(refusal));
        }
        let totals = |more| counted_at(*counted.get_or_init(|| self.meter.totals(1)), more);
        self.record(&ask, &judged, totals, true, frames);
        let pass = pass(&judged.parts, &places, ask.standing.changed);
        self.remember(&ask, inspection, places, judged);
        Some(Directive::Forward(pass))
    }

    /// Begins to find out what a question needs. It may take a while; the session goes on beside it.
    pub fn read(&self, ask: &Ask<Vec<u8>>) -> Pending<Read> {
        let house = Arc::clone(&self.house);
        let (again, reading) = (ask.again(), ask.reading(self.masking.is_some()));
        let masking = self.masking.clone();
        let prepared = self.operations.get(&ask.id).filter(|_| again);
        let called = || std::str::from_utf8(&ask.text).ok()?.parse().ok();
        let function = (ask.kind == OperationKind::FunctionCall).then(called).flatten();
        let text = match ask.kind {
            _ if let Some(operation) = prepared.filter(|_| ask.name.is_empty()) => {
                Err((Arc::clone(&operation.inspection), operation.places.clone()))
            }
            OperationKind::FunctionCall => {
                let inspection = function.map_or_else(|| unread(ask.text.len(), "it calls no function"), function_call);
                Err((Arc::new(inspection), Places::Same))
            }
            // What is executed may have been forgotten since it was bound: its text is still there.
            OperationKind::Query | OperationKind::Prepare | OperationKind::Bind | OperationKind::Execute => {
                decode(&ask.text, ask.standing.encoding)
                    .map_err(|unreadable| (Arc::new(unreadable.inspection(ask.text.len())), Places::Same))
            }
        };
        let (session, database) = (Arc::clone(&self.session), self.database.clone());
        let made_as = if again { String::from_utf8_lossy(&ask.name).into_owned() } else { String::new() };
        Box::pin(async move {
            let (inspection, places) = match text {
                Ok(Decoded { text, places }) => (house.inspect(text, reading).await, places),
                Err(known) => known,
            };
            let inspection = if made_as.is_empty() { inspection } else { made(&inspection, &made_as) };
            let mut catalog = match masking.is_some() || inspection.statements.iter().any(|statement| touches(statement)) {
                true => house.catalog(&session, &database).await,
                false => Ok(None),
            };
            let mut assigned = None;
            if let Some(masking) = masking {
                let place = house.place(&session, &database);
                match catalog
                    .as_ref()
                    .map(|catalog| catalog.as_ref().map(|catalog| masking.assigned(&session.target.name, &place, catalog)))
                {
                    Ok(Some(Ok(found))) => assigned = Some(found),
                    Ok(Some(Err(why))) => catalog = Err(why),
                    Ok(None) => catalog = Err("the target has no `catalog`, and masks".to_owned()),
                    Err(_) => {}
                }
            }
            Read { inspection, places, function, catalog, assigned }
        })
    }

    /// Answers a question. `approval` is what people gave for it, where they were asked.
    pub fn verdict(&mut self, ask: &Ask<Vec<u8>>, read: Read, approval: Option<&Approval>, frames: &mut FrameBuffer) -> Verdict {
        self.refresh();
        let ask = &ask.borrowed();
        let Read { inspection, places, function, catalog, assigned } = read;
        let names = inspection.statements.iter().any(|statement| !statement.names.is_empty());
        if (names || self.moving) && !ask.standing.settled {
            return Verdict::Answer(Directive::Settle);
        }
        if let Some(refusal) = self.limit(ask, &inspection, frames) {
            return Verdict::Answer(refuse(refusal));
        }
        let open = self.open(&ask.standing);
        let bench = bench(
            &self.set,
            &self.mentions,
            catalog.as_ref().map(Option::as_deref).map_err(String::as_str),
            self.mode,
            (&self.session, &self.owner),
            (&self.database, &self.user),
            function,
        );
        let read = catalog.as_ref().ok().and_then(Option::as_deref);
        let ground = ground((self.masking.as_deref(), &self.session.target.name), assigned.as_deref(), read, self.mode);
        let (masks, waits) = (self.masking.is_some(), self.owner.waits());
        let asker = OnceCell::new();
        let bench = Bench { ground, masks, asker: Some(&asker), grants: &self.grants, waits, ..bench };
        // The record says by which totals it was judged, so that they are taken once.
        let counted = self.meter.totals(1);
        let totals = |more| counted_at(counted, more);
        // Names and functions may stand for something else the next time.
        let steady = !names && function.is_none();
        let grounds = catalog.as_ref().ok().filter(|_| steady).map(|catalog| (&inspection, catalog.as_ref(), open));
        let judged = grounds.and_then(|grounds| self.known.find(grounds, totals)).unwrap_or_else(|| {
            let judged = Arc::new(bench.judge(&inspection, &self.names, open, totals));
            if let (Some(grounds), Some(stretch)) = (grounds, self.set.stretch(&totals(1))) {
                // What is kept is decided anew where the shadow's decision may be another, too.
                let stretch = match &self.beside {
                    Some(beside) => beside.within(stretch, &totals(1)),
                    None => stretch,
                };
                self.known.keep(grounds, (stretch, totals), &judged);
            }
            if let Some(beside) = &mut self.beside {
                let compared = beside.compare(ask.id, &bench, &judged, totals);
                compared.notes.iter().for_each(|note| frames.push_json(moment::wall(), FrameKind::Note, note));
                self.house.shadow_decided(compared.decided, compared.differed);
            }
            judged
        });
        let mut votes = Vec::new();
        let judged = if self.mode == Mode::Enforce && judged.is_held() {
            let judge = |approvals: Approvals<'_>| bench.with(approvals).judge(&inspection, &self.names, open, totals);
            match self.for_people(ask, &judged, approval, counted, judge) {
                Ok((released, by)) => {
                    votes = by;
                    released
                }
                Err(request) => {
                    self.waits(ask, &request, frames);
                    return Verdict::Hold(request);
                }
            }
        } else {
            judged
        };
        self.record(ask, &judged, totals, false, frames);
        let outcome = judged.refused.and_then(|number| {
            let (_, decision) = judged.decisions.last()?;
            let part = judged.parts.get(number)?;
            let refusal = match &part.masked.refusal {
                Some(telling) if decision.permit(self.mode).is_some() => {
                    refusal::by_masking(&self.session, ask.id, part, telling)
                }
                Some(_) | None => refusal::by_policy(&self.session, ask.id, part, decision),
            };
            Some((number, refusal, decision.clone()))
        });
        let outcome = outcome.or_else(|| {
            let number = copies_blindly(&judged, ask.standing.encoding).filter(|_| judged.refused.is_none())?;
            let (part, (_, decision)) = (judged.parts.get(number)?, judged.decisions.last()?);
            let telling = Telling::in_an_encoding();
            Some((number, refusal::by_masking(&self.session, ask.id, part, &telling), decision.clone()))
        });
        let directive = match outcome {
            None => {
                let each_use = judged.waits_for_people();
                Directive::Forward(Pass { each_use, ..pass(&judged.parts, &places, ask.standing.changed) })
            }
            Some((number, refusal, decision)) => {
                self.house.totals().refused();
                self.session.refused();
                self.teller.tell(&refusal);
                if self.punish(&decision, refusal.without_text()) {
                    return Verdict::Killed;
                }
                refused(ask, number, refusal, &inspection, &judged, &places)
            }
        };
        self.remember(ask, inspection, places, judged);
        let kept = matches!(ask.kind, OperationKind::Execute | OperationKind::Prepare);
        if let Some(operation) = self.operations.get_mut(&ask.id).filter(|_| !kept) {
            operation.votes = votes;
        }
        Verdict::Answer(directive)
    }

    /// Ends the session, or the run, where a denial says so.
    fn punish(&self, decision: &Decision, what: &str) -> bool {
        let reason = format!("{}: {what}", refusal::because(decision));
        let order = KillOrder { by: "policy".to_owned(), reason };
        match decision.on_deny {
            OnDeny::Refuse => return false,
            OnDeny::KillSession => self.session.kill(order),
            OnDeny::KillRun => {
                self.house.kill_run(self.session.run, &order);
                self.session.kill(order);
            }
        }
        true
    }

    /// What a judgement rests on that is the session's own.
    fn bench(&self) -> Bench<'_> {
        let session = (&*self.session, &self.owner);
        let bench = bench(&self.set, &self.mentions, Ok(None), self.mode, session, (&self.database, &self.user), None);
        Bench { grants: &self.grants, waits: self.owner.waits(), ..bench }
    }

    /// Whether a transaction is open when what is asked about now runs.
    fn open(&self, standing: &Standing) -> bool {
        self.begun.unwrap_or(standing.transaction != Transaction::Idle)
    }

    /// Writes the decisions that are not as they were the last time; `totals` are those that they were made by. `again`: they are those of a
    /// judgement that is [`Known`], so that all but the totals and the operation is as it was when they were last written.
    fn record(&self, ask: &Ask<&[u8]>, judged: &Judged, totals: impl Fn(u64) -> Totals, again: bool, frames: &mut FrameBuffer) {
        let before = self.operations.get(&ask.id);
        if self.records_texts() && before.is_none() && self.written != Some(ask.id) {
            frame::statement(frames, ask, judged);
        }
        let last = before.map(|operation| operation.recorded.decisions.as_slice()).unwrap_or_default();
        for (number, decision) in &judged.decisions {
            let Some(part) = judged.parts.get(*number) else { continue };
            let shown = before.and_then(|operation| Some(&operation.recorded.parts.get(*number)?.masked.shown));
            let same = |(place, last): &(usize, Decision)| {
                place == number
                    && last.policies == decision.policies
                    && last.allows() == decision.allows()
                    && shown == Some(&part.masked.shown)
            };
            // A refusal is always written.
            if !last.iter().any(same) || !decision.allows() {
                let totals = totals(*number as u64 + 1);
                let keep = (again && judged.decisions.len() == 1).then_some(&judged.written);
                let written = keep.and_then(OnceLock::get);
                if !written.is_some_and(|written| written.again(frames, (ask.id, ask.kind, *number), &totals)) {
                    let (asked, decided) = ((ask.id, ask.kind), (*number, part, decision));
                    frame::decision(frames, &self.bench(), asked, decided, (judged, totals), keep);
                }
            }
            if let Some(telling) = &part.masked.refusal
                && decision.permit(self.mode).is_some()
            {
                let (what, classes) = (format!("{} {}", telling.what, telling.columns), &telling.classes);
                let would_refuse = self.mode == Mode::Observe;
                let fields = serde_json::json!({ "operation": ask.id.0, "part": number, "does": what, "classes": classes, "would_refuse": would_refuse });
                frame::finding(frames, "hidden_by_class", fields);
            }
            if self.mode == Mode::Observe && !part.masked.covered.is_empty() {
                let fields = serde_json::json!({ "operation": ask.id.0, "part": number, "columns": part.masked.covered });
                frame::finding(frames, "would_mask", fields);
            }
            let errors: Vec<_> = decision.errors.iter().chain(&part.masked.errors).collect();
            if !errors.is_empty() {
                let fields = serde_json::json!({ "operation": ask.id.0, "part": number, "errors": errors });
                frame::finding(frames, "policy_error", fields);
                tracing::error!(session = %self.session.id, ?errors, "a policy could not be evaluated");
            }
        }
    }

    fn remember(&mut self, ask: &Ask<&[u8]>, inspection: Arc<Inspection>, places: Places, judged: Arc<Judged>) {
        let runs = !matches!(ask.kind, OperationKind::Prepare | OperationKind::Bind);
        let aborted =
            (runs && ask.standing.settled && !self.controlled).then_some(ask.standing.transaction == Transaction::Failed);
        match (ask.kind, self.operations.get_mut(&ask.id)) {
            (OperationKind::Bind | OperationKind::Execute, Some(operation)) => {
                // A refused execution leaves what is prepared as it was.
                if judged.refused.is_none() {
                    operation.judged = Arc::clone(&judged);
                }
                operation.aborted = aborted;
                operation.recorded = judged;
            }
            (OperationKind::Bind, None) => {}
            (OperationKind::Prepare | OperationKind::Execute, _) if judged.refused.is_some() => {}
            (kind, _) => {
                let name = String::from_utf8_lossy(ask.name).into_owned();
                let recorded = Arc::clone(&judged);
                let (prepared, votes) = (false, Vec::new());
                let operation = Operation { kind, name, inspection, places, judged, prepared, aborted, recorded, votes };
                self.operations.insert(ask.id, operation);
            }
        }
    }
}

/// The first statement that copies masked values in an encoding in which the end of a field can't be told.
fn copies_blindly(judged: &Judged, encoding: Encoding) -> Option<usize> {
    let plan = |part: &Part| part.masked.plan.as_ref().is_some_and(|plan| plan.copy.is_some() && plan.hides());
    (encoding == Encoding::Other).then(|| judged.parts.iter().position(plan)).flatten()
}

/// Whether a statement needs a catalog to be judged by. What touches nothing needs none.
fn touches(statement: &Statement) -> bool {
    !statement.accesses.is_empty() || !statement.names.is_empty()
}

/// What is counted with so many statements, where `first` is with one.
const fn counted_at(first: Totals, statements: u64) -> Totals {
    first.later(statements.saturating_sub(1))
}

/// The judgement's grounds. Not a method, so that the meter can be read beside it.
fn bench<'a>(
    set: &'a PolicySet,
    mentions: &'a Mentions,
    catalog: Result<Option<&'a Catalog>, &'a str>,
    mode: Mode,
    (session, owner): (&'a Session, &Ownership),
    (database, user): (&'a str, &'a str),
    function: Option<u32>,
) -> Bench<'a> {
    let (principal, target) = (&session.principal, &session.target);
    let (ground, masks, grants, approvals) = (None, false, &[][..], Approvals::None);
    let (owner_active, asker, waits) = (owner.is_active(), None, None);
    Bench {
        set,
        mentions,
        catalog,
        mode,
        principal,
        target,
        owner_active,
        asker,
        waits,
        database,
        user,
        function,
        ground,
        masks,
        grants,
        approvals,
    }
}

/// What masking rests on, where all of it is there.
fn ground<'a>(
    (masking, target): (Option<&'a Masking>, &str),
    assigned: Option<&'a Assigned>,
    catalog: Option<&'a Catalog>,
    mode: Mode,
) -> Option<Ground<'a>> {
    let masking = masking?;
    Some(Ground { masking, assigned: assigned?, catalog: catalog?, unclassed: masking.unclassed(target), mode })
}

/// The refusal of a text from its statement `number` on: of a Query, what stands before that stays.
fn refused(
    ask: &Ask<&[u8]>,
    number: usize,
    refusal: Refusal,
    inspection: &Inspection,
    judged: &Judged,
    places: &Places,
) -> Directive {
    let before = inspection.statements.get(number).map_or(0, |statement| places.byte(statement.span.start));
    match ask.kind {
        OperationKind::Query if number > 0 => Directive::Refuse(Box::new(Refused {
            refusal,
            keep: before,
            statements: u32::try_from(number).unwrap_or(u32::MAX),
            pass: pass(judged.parts.get(..number).unwrap_or_default(), places, ask.standing.changed),
        })),
        _ => refuse(refusal),
    }
}

/// A refusal of the whole text.
pub fn refuse(refusal: Refusal) -> Directive {
    Directive::Refuse(Box::new(Refused { refusal, keep: 0, statements: 0, pass: Pass::default() }))
}

/// The grants in force for a session.
fn grants(in_force: &InForce, session: &Session) -> Vec<Grant> {
    let theirs =
        in_force.grants.iter().filter(|grant| grant.wish.is_for(&session.principal, &session.target.name, Some(session.id)));
    theirs.cloned().collect()
}
