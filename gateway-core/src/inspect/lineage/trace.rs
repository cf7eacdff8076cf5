//! The state of one reading: what was found so far, and how much more may be read.

use super::space::Level;
use super::value::{Field, Shape, Value};
use super::with::Common;
use super::{CopyTo, Flow, Lineage, LineageScope, Made, NameRef, Output, Place, Sources, Use, UseKind};
use std::collections::BTreeMap;

/// Queries and expressions inside one another, at most: a chain of as many operators.
const DEEPEST: usize = 1_000;
/// Expressions, and columns that are carried from one place to another, at most.
const MOST: usize = 1_000_000;
/// Bytes of stack that one level is sure to find, and bytes of a new stack where it does not. A test reads what
/// is nearly as deep as may be on a stack of 2 MiB.
const ENOUGH: usize = 192 << 10;
const NEW: usize = 2 << 20;

/// One reading.
#[derive(Debug)]
pub(super) struct Trace<'a> {
    pub(super) scope: &'a LineageScope<'a>,
    /// The queries around the place that is read, the innermost last.
    pub(super) levels: Vec<Level>,
    /// The common table expressions in scope, the innermost last.
    pub(super) common: Vec<Common>,
    uses: BTreeMap<UseKind, Sources>,
    flows: BTreeMap<Place, Sources>,
    pub(super) touched: Sources,
    pub(super) runs_code: bool,
    pub(super) copy: Option<CopyTo>,
    pub(super) refers: Option<NameRef>,
    pub(super) made: Option<Made>,
    pub(super) renames: bool,
    pub(super) body: Option<Box<Lineage>>,
    depth: usize,
    spent: usize,
}

/// What a statement returns.
#[derive(Debug)]
pub(super) enum Returned {
    /// No rows.
    Nothing,
    /// Rows of these columns.
    Rows(Shape),
}

impl Returned {
    /// Rows that nobody knows, or perhaps none.
    pub(super) const fn unknown() -> Self {
        Self::Rows(Shape::everything())
    }
}

impl<'a> Trace<'a> {
    pub(super) const fn new(scope: &'a LineageScope<'a>) -> Self {
        Self {
            scope,
            levels: Vec::new(),
            common: Vec::new(),
            uses: BTreeMap::new(),
            flows: BTreeMap::new(),
            touched: Sources { columns: std::collections::BTreeSet::new(), everything: false },
            runs_code: false,
            copy: None,
            refers: None,
            made: None,
            renames: false,
            body: None,
            depth: 0,
            spent: 0,
        }
    }

    /// Does `work` one level deeper; what is too deep or too much is given up.
    pub(super) fn deeper<T>(&mut self, given_up: impl FnOnce() -> T, work: impl FnOnce(&mut Self) -> T) -> T {
        self.spend(1);
        if self.depth >= DEEPEST || self.spent > MOST {
            self.give_up();
            return given_up();
        }
        self.depth += 1;
        let done = stacker::maybe_grow(ENOUGH, NEW, || work(self));
        self.depth -= 1;
        done
    }

    /// So much more was read or carried.
    pub(super) const fn spend(&mut self, steps: usize) {
        self.spent = self.spent.saturating_add(steps);
    }

    /// Whether nothing more is read.
    pub(super) const fn is_spent(&self) -> bool {
        self.spent > MOST
    }

    /// Something was not understood: anything may happen there.
    pub(super) fn give_up(&mut self) {
        self.uses(UseKind::Raise, &Sources::everything());
        self.flow(&Sources::everything(), Place::Unknown);
        self.touched = Sources::everything();
        self.runs_code = true;
    }

    /// The same, where a value or columns are expected.
    pub(super) fn unknown_value(&mut self) -> Value {
        self.give_up();
        Value::everything()
    }

    /// Code runs that nobody has reviewed.
    pub(super) fn code(&mut self) {
        self.touched = Sources::everything();
        self.runs_code = true;
    }

    /// `sources` decide something.
    pub(super) fn uses(&mut self, kind: UseKind, sources: &Sources) {
        if !sources.is_empty() {
            self.spend(sources.columns.len());
            self.uses.entry(kind).or_default().add(sources);
        }
    }

    /// `sources` go somewhere.
    pub(super) fn flow(&mut self, sources: &Sources, into: Place) {
        if !sources.is_empty() {
            self.spend(sources.columns.len());
            self.flows.entry(into).or_default().add(sources);
        }
    }

    /// Nothing was found to decide, flow or run.
    pub(super) fn is_quiet(&self) -> bool {
        self.uses.is_empty() && self.flows.is_empty() && !self.runs_code
    }

    /// Where nothing but keys of other relations was found to decide anything, those.
    pub(super) fn only_probes(&self) -> Option<Sources> {
        let only = self.flows.is_empty() && !self.runs_code && self.uses.keys().all(|kind| *kind == UseKind::Probe);
        only.then(|| self.uses.get(&UseKind::Probe).cloned().unwrap_or_default())
    }

    /// What goes into a place, if anything does.
    pub(super) fn goes_to(&self, place: Place) -> Option<&Sources> {
        self.flows.get(&place)
    }

    /// All that was found to decide something.
    pub(super) fn all_uses(&self) -> Sources {
        self.uses.values().fold(Sources::default(), Sources::and)
    }

    /// What was found is the maker's, and the body's alone.
    pub(super) fn finish(self, returned: Returned) -> Lineage {
        let Self {
            scope: _,
            levels: _,
            common: _,
            uses,
            flows,
            touched,
            runs_code,
            copy,
            refers,
            made,
            renames,
            body,
            depth: _,
            spent: _,
        } = self;
        let (outputs, unknown_outputs) = match returned {
            Returned::Nothing => (None, false),
            Returned::Rows(Shape { fields, rest: None }) => (Some(fields.into_iter().map(output).collect()), false),
            Returned::Rows(Shape { fields: _, rest: Some(_) }) => (None, true),
        };
        let uses = uses.into_iter().map(|(kind, sources)| Use { kind, sources }).collect();
        let flows = flows.into_iter().map(|(into, sources)| Flow { sources, into }).collect();
        Lineage { outputs, unknown_outputs, uses, flows, touched, runs_code, copy, refers, makes: made, renames, body }
    }

    /// What a name will stand for: read apart, and what it does is also this statement's.
    pub(super) fn apart(&mut self, read: impl FnOnce(&mut Self) -> Returned) {
        let mut inner = Trace::new(self.scope);
        inner.depth = self.depth;
        inner.spent = self.spent;
        let returned = read(&mut inner);
        self.spent = inner.spent;
        let body = inner.finish(returned);
        body.uses.iter().for_each(|found| self.uses(found.kind, &found.sources));
        body.flows.iter().for_each(|found| self.flow(&found.sources, found.into));
        self.touched.add(&body.touched);
        self.runs_code |= body.runs_code;
        self.body = Some(Box::new(body));
    }
}

fn output(field: Field) -> Output {
    let Field { name, value } = field;
    let type_oid = value.type_oid.filter(|_| value.direct);
    Output { name: name.unwrap_or_default(), sources: value.sources, direct: value.direct, type_oid }
}
