//! What is hidden of a statement's results, by the classes of what flows into them; and what is refused, because it
//! would tell, or carry away, what can't be hidden.

use super::names::Names;
use crate::masking::{Assigned, Masking};
use gateway_core::inspect::catalog::{Catalog, ColumnId};
use gateway_core::inspect::lineage::{self, CopyTo, Flow, Lineage, LineageScope, Made, Output, Place, Sources, UseKind};
use gateway_core::inspect::{Action, Object, Statement, TransactionControl};
use gateway_core::mask::copy::{CopyFormat, CopyOptions, ForceQuote};
use gateway_core::mask::fits;
use gateway_core::policy::{Decision, Mode};
use gateway_core::protocol::masking::{ClassMask, Column, Columns, Cover, MaskPlan, Texts};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many names may stand for one another: a prepared statement on a cursor is the deepest there is.
const DEEPEST: usize = 4;
/// So many columns are named in a refusal.
const NAMED: usize = 3;

/// What masking rests on, for one session's target and database.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) masking: &'a Masking,
    pub(super) assigned: &'a Assigned,
    pub(super) catalog: &'a Catalog,
    /// What looks through columns that have no class.
    pub(super) unclassed: Option<&'a Arc<ClassMask>>,
    pub(super) mode: Mode,
}

/// What becomes of one statement.
#[derive(Clone, Debug, Default)]
pub(super) struct Masked {
    /// What the protocol is to do; none where nothing is hidden.
    pub(super) plan: Option<Arc<MaskPlan>>,
    /// The columns that are hidden, for the record.
    pub(super) covered: Vec<Covered>,
    /// Values in its text may be of a class: the record has it without its literals.
    pub(super) text_unrecorded: bool,
    /// The relation that it makes, where that is known.
    pub(super) made: Option<Arc<Made>>,
    /// It gives something another name.
    pub(super) renames: bool,
    /// What goes into a relation that is made, or was by the session.
    pub(super) carries: Sources,
    /// Code runs that nobody has reviewed.
    pub(super) runs_code: bool,
    /// The classes of it that a policy shows.
    pub(super) shown: Vec<Shown>,
    /// Those that none does.
    pub(super) closed: Vec<Arc<str>>,
    /// Why policies could not say whether a class is shown: it is hidden then.
    pub(super) errors: BTreeSet<String>,
    /// Why it is refused, where it is; in observe mode, why it would be.
    pub(super) refusal: Option<Telling>,
}

/// A class that is shown as it is, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    class: Arc<str>,
    policies: Vec<String>,
}

/// A hidden column, as records name it: never its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Covered {
    /// Its place in the result, from 0.
    column: usize,
    /// Its name there.
    name: Box<str>,
    /// The classes of what flows into it.
    classes: Vec<Arc<str>>,
    /// How it is hidden: the class's transform, or `whole` where it is computed.
    how: &'static str,
}

/// A refusal for what a statement would tell or carry away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    /// What it does: "sorts by".
    pub(super) what: String,
    /// The columns, where they are known.
    pub(super) columns: String,
    /// Their classes.
    pub(super) classes: Vec<Arc<str>>,
    /// What can be done.
    pub(super) hint: String,
}

impl Masked {
    /// Where nothing is known of the columns that a statement may touch.
    pub(super) fn groundless() -> Self {
        let refusal = Telling {
            what: "may read".to_owned(),
            columns: "masked columns, and the catalog can't be read".to_owned(),
            classes: Vec::new(),
            hint: "see that the target's `catalog` credential works: weir doctor".to_owned(),
        };
        Self { refusal: Some(refusal), text_unrecorded: true, ..Self::default() }
    }
}

impl Telling {
    /// Of a copy in which a byte of a character may be taken for the end of a field.
    pub(super) fn in_an_encoding() -> Self {
        Self {
            what: "copies".to_owned(),
            columns: "masked columns in an encoding whose fields can't be told apart".to_owned(),
            classes: Vec::new(),
            hint: "SET client_encoding TO 'UTF8' first".to_owned(),
        }
    }
}

impl Ground<'_> {
    /// What becomes of `statement`, whose names stand for what `names` says. `reveals` decides whether policy shows a class.
    pub(super) fn mask(&self, statement: &Statement, names: &Names, mut reveals: impl FnMut(&str) -> Decision) -> Masked {
        let all = self.assigned.all();
        if all.is_empty() && self.unclassed.is_none() {
            return Masked::default();
        }
        if let Some(control) = statement.transaction {
            return self.at_the_end(control);
        }
        let mut traced = self.trace(statement, names, DEEPEST);
        let carried = self.carried(&traced);
        let concerned = self.concerned(&traced, &carried);
        let looked_at = traced.outputs.is_some() && !traced.touched.is_empty();
        let into_new = |flow: &&Flow| matches!(flow.into, Place::NewRelation | Place::Unknown);
        let carries = traced.flows.iter().filter(into_new).fold(Sources::default(), |all, flow| all.and(&flow.sources));
        let done = Masked {
            made: traced.makes.take().map(Arc::new),
            renames: traced.renames,
            carries,
            runs_code: traced.runs_code,
            ..Masked::default()
        };
        let unclassed = self.unclassed.filter(|detect| {
            let returns = traced.outputs.is_some() || traced.unknown_outputs;
            returns && self.mode != Mode::Observe && !reveals(&detect.class).allows()
        });
        if concerned.is_empty() && !looked_at && !traced.runs_code && unclassed.is_none() {
            return done;
        }
        // What only the server's description can show is every class's.
        let asked = if concerned.is_empty() { all } else { &concerned };
        let (mut closed, mut shown, mut errors) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
        for class in asked {
            let Some(mask) = self.masking.mask(*class) else { continue };
            let decision = reveals(&mask.class);
            errors.extend(decision.errors.iter().cloned());
            if !decision.allows() {
                closed.insert(*class);
            } else if concerned.contains(class) {
                shown.push(Shown { class: Arc::clone(&mask.class), policies: decision.policies });
            }
        }
        // A constant may be a value of a class where it is compared with one, or written to one.
        let writes = statement.accesses.iter().any(|access| access.action == Action::Write);
        let text_unrecorded = if writes { !concerned.is_empty() } else { !self.told(&traced, &carried).is_empty() };
        let touched: BTreeSet<usize> = closed.intersection(&concerned).copied().collect();
        let (columns, covered, misfit) = self.columns(&traced, &closed);
        let refusal = self.telling(statement, &traced, &closed).or(misfit);
        let open_rows = carried.iter().any(|class| !closed.contains(class));
        let observed = self.mode == Mode::Observe;
        let texts = match (closed.is_empty() || observed, traced.runs_code) {
            (true, _) => Texts::Clear,
            (false, true) => Texts::Code,
            (false, false) if concerned.is_empty() => Texts::Clear,
            (false, false) => Texts::Known,
        };
        let plan = MaskPlan {
            columns: if observed { Columns::Clear } else { columns },
            hidden: if observed { Arc::default() } else { self.assigned.hidden(&closed, self.masking) },
            unclassed: unclassed.cloned(),
            key: Arc::clone(self.masking.key()),
            copy: traced.copy.as_ref().and_then(|copy| options(copy, traced.outputs.as_deref()?)).map(Arc::new),
            texts,
            rows_unrecorded: open_rows || (observed && !covered.is_empty()),
            parameters_unrecorded: text_unrecorded,
        };
        let needed = plan.hides() || plan.texts != Texts::Clear || plan.rows_unrecorded || plan.parameters_unrecorded;
        let closed = self.names(&touched);
        Masked { plan: needed.then(|| Arc::new(plan)), covered, text_unrecorded, shown, closed, errors, refusal, ..done }
    }

    /// At the end of a transaction, constraints and triggers that waited for it speak.
    fn at_the_end(&self, control: TransactionControl) -> Masked {
        let speaks = matches!(control, TransactionControl::Commit | TransactionControl::Prepare);
        if !speaks || self.mode == Mode::Observe {
            return Masked::default();
        }
        let plan = MaskPlan {
            columns: Columns::Clear,
            hidden: Arc::default(),
            unclassed: None,
            key: Arc::clone(self.masking.key()),
            copy: None,
            texts: Texts::Code,
            rows_unrecorded: false,
            parameters_unrecorded: false,
        };
        Masked { plan: Some(Arc::new(plan)), ..Masked::default() }
    }

    /// The lineage of a statement with all that the names in it stand for.
    fn trace(&self, statement: &Statement, names: &Names, depth: usize) -> Lineage {
        let Some(node) = statement.tree.as_ref().and_then(|tree| tree.node()) else { return Lineage::everything() };
        let scope = LineageScope {
            catalog: self.catalog,
            search_path: None,
            own: names.own(),
            pure: &self.masking.settings().pure_functions,
        };
        let mut traced = lineage::lineage(node, &scope);
        if let Some(refers) = traced.refers.take() {
            let meaning = names.meaning(refers.kind, &refers.name).filter(|_| depth > 0);
            let body = meaning.map_or_else(Lineage::everything, |meaning| self.trace(meaning, names, depth - 1));
            traced.outputs = body.outputs;
            traced.unknown_outputs = body.unknown_outputs;
            traced.uses.extend(body.uses);
            traced.flows.extend(body.flows);
            traced.touched = body.touched;
            traced.runs_code |= body.runs_code;
            traced.copy = traced.copy.or(body.copy);
        }
        traced
    }

    /// The classes of everything that the statement reads, writes or tells; `carried` are those of its rows.
    fn concerned(&self, traced: &Lineage, carried: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut classes = self.told(traced, carried);
        classes.extend(self.assigned.of(&traced.touched));
        classes
    }

    /// The classes of what it shows, decides by or moves, without those that errors alone may quote.
    fn told(&self, traced: &Lineage, carried: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut classes = carried.clone();
        let more = traced.uses.iter().map(|one| &one.sources).chain(traced.flows.iter().map(|flow| &flow.sources));
        more.for_each(|sources| classes.extend(self.assigned.of(sources)));
        // What a name will stand for shows something later, and its text is here.
        if let Some(body) = &traced.body {
            classes.extend(self.told(body, &self.carried(body)));
        }
        classes
    }

    /// The classes of what its rows carry.
    fn carried(&self, traced: &Lineage) -> BTreeSet<usize> {
        if traced.unknown_outputs {
            return self.assigned.all().clone();
        }
        traced.outputs.iter().flatten().flat_map(|output| self.assigned.of(&output.sources)).collect()
    }

    fn columns(&self, traced: &Lineage, closed: &BTreeSet<usize>) -> (Columns, Vec<Covered>, Option<Telling>) {
        let Some(outputs) = traced.outputs.as_ref().filter(|_| !traced.unknown_outputs) else {
            // Rows that nobody expects are those of a rule.
            let columns = if closed.is_empty() { Columns::Clear } else { Columns::Whole };
            return (columns, Vec::new(), None);
        };
        let (mut covered, mut misfit) = (Vec::new(), None);
        let columns = outputs.iter().enumerate().map(|(place, output)| {
            let classes: BTreeSet<usize> = self.assigned.of(&output.sources).intersection(closed).copied().collect();
            let (cover, how) = self.cover(output, &classes, &mut misfit);
            if !classes.is_empty() {
                covered.push(Covered { column: place, name: output.name.clone(), classes: self.names(&classes), how });
            }
            Column { cover, type_oid: output.type_oid.unwrap_or(0), typmod: self.typmod(output) }
        });
        (Columns::Each(columns.collect()), covered, misfit)
    }

    /// What covers an output with these hidden classes: the first one's transform where it is a column, unchanged.
    fn cover(&self, output: &Output, classes: &BTreeSet<usize>, misfit: &mut Option<Telling>) -> (Cover, &'static str) {
        let Some(first) = classes.first().and_then(|class| self.masking.mask(*class)) else {
            return if classes.is_empty() { (Cover::Clear, "") } else { (Cover::Whole, "whole") };
        };
        let generated = |id: &ColumnId| self.catalog.column(*id).is_some_and(|column| column.generated);
        let computed = |id: &ColumnId| generated(id) || self.assigned.is_mixed(*id);
        if !output.direct || output.sources.columns.iter().any(computed) {
            return (Cover::Whole, "whole");
        }
        if let Some(Err(why)) = output.type_oid.map(|oid| fits(&first.transform, oid)) {
            misfit.get_or_insert_with(|| Telling {
                what: "reads".to_owned(),
                columns: self.places(&output.sources, classes),
                classes: self.names(classes),
                hint: format!("{why}, in [[class]] {:?}", first.class),
            });
        }
        (Cover::Class(Arc::clone(first)), first.transform.name())
    }

    /// The modifier of a column's type, so that what is put in its place fits.
    fn typmod(&self, output: &Output) -> i32 {
        let columns = output.sources.columns.iter().filter(|_| output.direct);
        let mut typed =
            columns.filter_map(|id| self.catalog.column(*id)).filter(|column| Some(column.type_oid) == output.type_oid);
        typed.next().map_or(-1, |column| column.typmod)
    }

    /// What the statement would tell of, or carry away from, what is hidden; the first of it.
    fn telling(&self, statement: &Statement, traced: &Lineage, closed: &BTreeSet<usize>) -> Option<Telling> {
        if closed.is_empty() {
            return None;
        }
        let hidden = |sources: &Sources| -> BTreeSet<usize> { self.assigned.of(sources).intersection(closed).copied().collect() };
        if statement.command == "DO" {
            return Some(self.refused("runs code that can't be read, and that may read", &Sources::everything(), closed));
        }
        if let Some(name) = self.changing(statement) {
            let what = format!("calls {name}, which may change what it likes and carry away");
            return Some(Telling {
                hint: "name it in [masking] pure_functions if it only computes, or have a policy permit `reveal`".to_owned(),
                ..self.refused(&what, &Sources::everything(), closed)
            });
        }
        for one in &traced.uses {
            let classes = hidden(&one.sources);
            let allowed = one.kind == UseKind::Equality && self.masking.settings().equality;
            if !classes.is_empty() && !allowed {
                return Some(self.refused(does(one.kind), &one.sources, &classes));
            }
        }
        for flow in &traced.flows {
            let mut classes = hidden(&flow.sources);
            if let Place::Column(column) = flow.into {
                let there: BTreeSet<usize> = self.assigned.of_column(column).collect();
                classes.retain(|class| !there.contains(class));
            }
            if !classes.is_empty() {
                return Some(self.refused(carries(flow.into), &flow.sources, &classes));
            }
        }
        None
    }

    /// A function of users' that the statement calls, that may change something, and that the configuration says nothing of.
    fn changing(&self, statement: &Statement) -> Option<String> {
        let pure = |schema: &str, name: &str| self.masking.settings().pure_functions.contains(&(schema.into(), name.into()));
        statement.accesses.iter().find_map(|access| {
            let Object::Function(name) = &access.object else { return None };
            let schema = name.schema.as_deref();
            let mut known =
                self.catalog.function_schemas(&name.name).filter(|known| schema.is_none_or(|schema| *schema == ***known));
            let mut named = || known.all(|known| **known == *"pg_catalog" || pure(known, &name.name));
            let calls = access.action == Action::Call && self.catalog.is_volatile(schema, &name.name);
            (calls && !named()).then(|| name.to_string())
        })
    }

    fn refused(&self, what: &str, sources: &Sources, classes: &BTreeSet<usize>) -> Telling {
        let names = self.names(classes);
        let list = names.iter().map(|name| format!("Class::{:?}", &**name)).collect::<Vec<_>>().join(", ");
        Telling {
            what: what.to_owned(),
            columns: self.places(sources, classes),
            hint: format!("select what is masked without that, or have a policy permit `reveal` of {list}"),
            classes: names,
        }
    }

    fn names(&self, classes: &BTreeSet<usize>) -> Vec<Arc<str>> {
        classes.iter().filter_map(|class| Some(Arc::clone(&self.masking.mask(*class)?.class))).collect()
    }

    /// The columns of these classes, as a reader knows them.
    fn places(&self, sources: &Sources, classes: &BTreeSet<usize>) -> String {
        if sources.everything {
            return "masked columns".to_owned();
        }
        let of_these = |id: &&ColumnId| self.assigned.of_column(**id).any(|class| classes.contains(&class));
        let named = sources.columns.iter().filter(of_these).filter_map(|id| {
            let (schema, relation) = self.catalog.name_of(id.relation)?;
            Some(format!("{schema}.{relation}.{}", self.catalog.column(*id)?.name))
        });
        let named: Vec<String> = named.collect();
        let shown = named.get(..NAMED.min(named.len())).unwrap_or_default().join(", ");
        match named.len() {
            0 => "masked columns".to_owned(),
            1..=NAMED => shown,
            more => format!("{shown} and {} more", more - NAMED),
        }
    }
}

/// How a copy is written, as its codec takes it; none where that is not known for certain.
fn options(copy: &CopyTo, outputs: &[Output]) -> Option<CopyOptions> {
    let CopyTo {
        format,
        delimiter,
        null,
        quote,
        escape,
        encoding,
        header,
        force_quote_all,
        force_quote,
        columns: _,
        unknown_option,
    } = copy;
    let plain = |name: &str| {
        ["utf8", "utf-8", "unicode", "latin1", "iso88591", "sql_ascii"].contains(&name.to_ascii_lowercase().as_str())
    };
    if *unknown_option || encoding.as_deref().is_some_and(|name| !plain(name)) {
        return None;
    }
    let byte = |written: &Option<Box<str>>, otherwise: u8| match written.as_deref().map(str::as_bytes) {
        None => Some(otherwise),
        Some([one]) => Some(*one),
        Some(_) => None,
    };
    let text = |written: &Option<Box<str>>, otherwise: &[u8]| written.as_deref().map_or(otherwise, str::as_bytes).to_vec();
    let format = match (*format)? {
        lineage::CopyFormat::Binary => CopyFormat::Binary,
        lineage::CopyFormat::Text => CopyFormat::Text { delimiter: byte(delimiter, b'\t')?, null: text(null, b"\\N") },
        lineage::CopyFormat::Csv => {
            let quote = byte(quote, b'"')?;
            let place = |name: &str| outputs.iter().position(|output| *output.name == *name);
            let force_quote = match (force_quote_all, force_quote.as_slice()) {
                (true, _) => ForceQuote::All,
                (false, []) => ForceQuote::No,
                (false, names) => ForceQuote::Columns(names.iter().map(|name| place(name)).collect::<Option<_>>()?),
            };
            CopyFormat::Csv {
                delimiter: byte(delimiter, b',')?,
                null: text(null, b""),
                quote,
                escape: byte(escape, quote)?,
                force_quote,
            }
        }
    };
    Some(CopyOptions { format, header: *header })
}

const fn does(kind: UseKind) -> &'static str {
    match kind {
        UseKind::Filter => "filters by",
        UseKind::Equality => "compares",
        UseKind::Join => "joins by",
        UseKind::Order => "sorts by",
        UseKind::Group => "groups by",
        UseKind::Distinct => "tells apart by",
        UseKind::Condition => "decides by",
        UseKind::Cast => "casts",
        UseKind::Match => "matches",
        UseKind::Raise => "calls what may fail with",
        UseKind::Window => "makes windows by",
        UseKind::SetOperation => "compares rows by",
        UseKind::Limit => "limits by",
        UseKind::Probe => "writes what is held against",
    }
}

const fn carries(place: Place) -> &'static str {
    match place {
        Place::Column(_) => "writes into a column of another class",
        Place::NewRelation => "makes a relation of",
        Place::Setting => "puts into a setting",
        Place::Sequence => "puts into a sequence",
        Place::Notification => "sends as a notification",
        Place::LargeObject => "puts into a large object",
        Place::Comment => "puts into a comment",
        Place::Code => "makes code of",
        Place::Server => "writes to the server's files",
        Place::Unknown => "may carry away",
    }
}
