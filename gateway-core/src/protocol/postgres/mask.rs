//! Hiding what a job may not see of its results: which plan belongs to what the server answers now, what
//! columns that has, and what goes to the client instead.
//!
//! A result in the simple protocol describes itself. What was prepared is described once by the session
//! itself, before it is first bound, and the server's answer to that stays here.

use super::Fault;
use super::codec::{self, HEADER, Header, Reader};
use super::from_client::Scan;
use super::names::ServerName;
use super::pending::{Awaited, Item};
use super::relay::{Cut, NameOf, Relay, Step};
use super::withhold;
use crate::mask::copy::CopyMask;
use crate::mask::{ColumnMask, Format, Key, row};
use crate::protocol::masking::{ClassMask, Columns, Cover, MaskPlan, Plans, Texts};
use crate::protocol::{Event, Output};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

/// A message of a masked result is taken whole; a longer one ends the session.
const LONGEST: usize = 64 << 20;
/// The number of the type `text`.
const TEXT: u32 = 25;

/// A plan, and the message of the client that it is for.
#[derive(Debug)]
pub(super) struct Masking {
    serial: u64,
    plans: Arc<[Option<Arc<MaskPlan>>]>,
    shape: Option<Arc<Shape>>,
    formats: Arc<[i16]>,
}

/// The columns of what was prepared, once the server has described them.
#[derive(Debug, Default)]
pub(super) struct Shape {
    fields: OnceLock<Vec<Field>>,
    /// For one plan and one list of formats: most statements are run with the same ones all the time.
    made: OnceLock<Made>,
}

#[derive(Debug)]
struct Made {
    plan: Arc<MaskPlan>,
    formats: Arc<[i16]>,
    masks: Masks,
}

/// Masks of a result's columns; none where no column has any.
type Masks = Option<Arc<[Option<ColumnMask>]>>;

/// A column, as a RowDescription has it.
#[derive(Clone, Copy, Debug)]
struct Field {
    table: u32,
    number: i16,
    type_oid: u32,
    typmod: i32,
    format: i16,
}

/// What the result that is being sent goes through.
#[derive(Debug, Default)]
pub(super) enum Sending {
    /// Nothing is known of it yet.
    #[default]
    Unknown,
    Clear,
    Rows(Arc<[Option<ColumnMask>]>),
    Copy(Box<CopyMask>),
}

/// What is known of the message that the server answers now.
#[derive(Clone, Copy)]
struct Current<'a> {
    plan: &'a Arc<MaskPlan>,
    shape: Option<&'a Shape>,
    formats: &'a Arc<[i16]>,
}

const TOO_LONG: Fault = Fault { side: crate::protocol::Side::Server, code: "54000", what: "a row that is too long to be masked" };
const MALFORMED: Fault = Fault::server("a result that does not fit its own description");
const OTHER_COLUMNS: Fault = Fault::server("a result with other columns than its statement has: it can't be masked");
const UNKNOWN_COPY: Fault = Fault::server("a copy with options that are not known: it can't be masked");
const NOT_DESCRIBED: Fault = Fault::server("rows that were not described: they can't be masked");

impl Relay {
    /// Notes the plans for what was sent as `serial`.
    pub(super) fn plan(&mut self, serial: Option<u64>, plans: &Plans, shape: Option<&Arc<Shape>>, formats: &Arc<[i16]>) {
        let (Some(serial), Some(plans)) = (serial, plans) else { return };
        let (plans, shape, formats) = (Arc::clone(plans), shape.cloned(), Arc::clone(formats));
        self.masking.push_back(Masking { serial, plans, shape, formats });
    }

    /// Has the server describe what is prepared, or bound, as `server`; the answer stays here.
    pub(super) fn look(
        &mut self,
        of: NameOf,
        (client, server): (&[u8], ServerName),
        plans: &Plans,
        scan: &mut Scan<'_>,
    ) -> Arc<Shape> {
        let shape = Arc::<Shape>::default();
        codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), b'D', |body| {
            body.push(if of == NameOf::Statement { b'S' } else { b'P' });
            self.write_name(client, server, body);
        });
        let serial = self.await_answer(Awaited::Look, super::pending::UNKNOWN, false);
        self.plan(serial, plans, Some(&shape), &Arc::default());
        shape
    }

    /// Does what masking asks for with a message of the server; none where it is an ordinary one.
    pub(super) fn masked(
        &mut self,
        header: Header,
        front: Option<Item>,
        bytes: &[u8],
        cut: &mut Cut,
        output: &mut Output,
    ) -> Result<Option<Step>, Fault> {
        if self.masking.is_empty() && !self.masks {
            return Ok(None);
        }
        if let Some(item) = front {
            while self.masking.front().is_some_and(|masking| masking.serial < item.serial) {
                self.masking.pop_front();
            }
        }
        let rest = bytes.get(cut.at..).unwrap_or_default();
        let looked = front.is_some_and(|item| item.awaited == Awaited::Look);
        let current = front.and_then(|item| current(&self.masking, self.part, item));
        let concerned = match header.kind {
            b'A' => !self.payloads,
            b'N' | b'E' => self.texts(front) != Texts::Clear,
            b'T' | b't' | b'n' if looked => true,
            b'T' => current.is_some() && front.is_some_and(|item| item.awaited == Awaited::Query),
            b'D' | b'd' | b'H' | b'V' => {
                let (Some(current), Some(item)) = (&current, front) else { return Ok(None) };
                if header.kind == b'D' && matches!(self.sending, Sending::Unknown) {
                    self.sending = prepared(*current)?.map_or(Sending::Clear, Sending::Rows);
                }
                let anew = header.kind == b'H' || matches!(self.sending, Sending::Rows(_) | Sending::Copy(_));
                if !anew {
                    return Ok(if current.plan.rows_unrecorded { self.unrecorded(header, item) } else { None });
                }
                true
            }
            _ => false,
        };
        if !concerned {
            return Ok(None);
        }
        if header.total > LONGEST {
            return Err(TOO_LONG);
        }
        let Some(body) = rest.get(HEADER..header.total) else { return Ok(Some(Step::Wait)) };
        match (header.kind, current, front) {
            (b'A', ..) => {
                let without = withhold::notification(body).ok_or(MALFORMED)?;
                codec::message(cut.tail(bytes, &mut output.to_client), b'A', |to| {
                    to.extend_from_slice(without);
                    // The payload is an empty text.
                    to.push(0);
                });
                Ok(Some(Step::Drop))
            }
            (b'N', ..) => {
                let texts = self.texts(front);
                codec::message(cut.tail(bytes, &mut output.to_client), b'N', |to| withhold::fields(body, texts, to));
                Ok(Some(Step::Drop))
            }
            // Here all of it is there: what is left of it is for the one who answers errors.
            (b'E', ..) => Ok(None),
            (b't', ..) => Ok(Some(Step::Drop)),
            (b'T' | b'n', _, Some(item)) if looked => {
                let fields = if header.kind == b'T' { fields(body).ok_or(MALFORMED)? } else { Vec::new() };
                if let Some(shape) = self
                    .masking
                    .front()
                    .filter(|masking| masking.serial == item.serial)
                    .and_then(|masking| masking.shape.as_ref())
                {
                    let _first = shape.fields.set(fields).is_ok();
                }
                self.pending.pop();
                Ok(Some(Step::Drop))
            }
            (b'T', Some(current), _) => {
                let fields = fields(body).ok_or(MALFORMED)?;
                let formats: Vec<i16> = fields.iter().map(|field| field.format).collect();
                self.sending = masks(current.plan, &fields, &formats)?.map_or(Sending::Clear, Sending::Rows);
                Ok(None)
            }
            (b'H', Some(current), _) => {
                self.sending = copy(current.plan, body)?;
                Ok(None)
            }
            (kind @ (b'D' | b'd'), Some(current), Some(item)) => {
                let unrecorded = current.plan.rows_unrecorded;
                let mut sending = std::mem::take(&mut self.sending);
                let done = match (&mut sending, kind) {
                    (Sending::Rows(masks), b'D') => {
                        let written = |to: &mut Vec<u8>| row::data_row(body, masks, to).is_ok();
                        self.row((item, unrecorded), (header.kind, body), (bytes, cut), output, written)
                    }
                    (Sending::Copy(mask), b'd') => {
                        let written = |to: &mut Vec<u8>| mask.row(body, to).is_ok();
                        self.row((item, unrecorded), (header.kind, body), (bytes, cut), output, written)
                    }
                    _ => Ok(None),
                };
                self.sending = sending;
                done
            }
            _ => Ok(None),
        }
    }

    /// One row, as `write` appends it where it can.
    fn row(
        &mut self,
        (item, unrecorded): (Item, bool),
        (kind, row): (u8, &[u8]),
        (bytes, cut): (&[u8], &mut Cut),
        output: &mut Output,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<Option<Step>, Fault> {
        if !matches!(item.awaited, Awaited::Query | Awaited::Execute) || self.must_fail(item) {
            // The one who takes rows says what is wrong.
            return Ok(None);
        }
        let to = cut.tail(bytes, &mut output.to_client);
        let start = to.len();
        let mut done = false;
        codec::message(to, kind, |body| done = write(body));
        if !done {
            to.truncate(start);
            return Err(MALFORMED);
        }
        let message = to.get(start..).unwrap_or_default();
        let changed = u64::from(message.get(HEADER..) != Some(row));
        self.totals.rows += 1;
        self.totals.masked_rows += changed;
        self.masked_rows += changed;
        self.recorder.masked(item.operation, (row, message), unrecorded);
        Ok(Some(Step::Drop))
    }

    /// What goes through and stays out of the record.
    fn unrecorded(&mut self, header: Header, item: Item) -> Option<Step> {
        let expected = match (header.kind, item.awaited) {
            (b'D', Awaited::Query | Awaited::Execute) | (b'V', Awaited::FunctionCall) => true,
            (b'd', Awaited::Query | Awaited::Execute) => self.copying_out,
            _ => false,
        };
        // What is not expected is for the one who says so.
        if !expected || self.must_fail(item) {
            return None;
        }
        let called = header.kind == b'V';
        self.totals.rows += u64::from(!called);
        self.called |= called;
        self.recorder.counted(header.total, !called);
        Some(Step::Pass)
    }

    /// What an error or a notice may say now.
    pub(super) fn texts(&self, front: Option<Item>) -> Texts {
        let planned = front.and_then(|item| {
            let masking = self.masking.front().filter(|masking| masking.serial == item.serial)?;
            // Of a text with several statements the strictest holds: which one raised it is not told.
            masking.plans.iter().flatten().map(|plan| plan.texts).max()
        });
        // At a Sync, what was put off to the end of the transaction speaks.
        let ends = front.is_some_and(|item| item.awaited == Awaited::Sync);
        if self.masks && ends {
            return Texts::Code;
        }
        let otherwise = if self.masks && front.is_none() { Texts::Known } else { Texts::Clear };
        planned.unwrap_or(otherwise)
    }

    /// A result is over.
    pub(super) fn sent(&mut self, item: Option<Item>, output: &mut Output) {
        let sent = std::mem::take(&mut self.sending);
        let rows = std::mem::take(&mut self.masked_rows);
        if let Some(item) = item.filter(|_| rows > 0) {
            let found = match &sent {
                Sending::Rows(masks) => found(masks),
                Sending::Copy(mask) => found(mask.columns()),
                Sending::Unknown | Sending::Clear => String::new(),
            };
            let found = output.keep(found.as_bytes());
            self.tell(Event::Masked { id: item.operation, part: self.part, rows, found }, output);
        }
    }
}

/// What detectors have found in these columns: see [`Event::Masked`].
fn found(masks: &[Option<ColumnMask>]) -> String {
    let mut all = Vec::new();
    for (column, mask) in masks.iter().enumerate() {
        let Some(mask) = mask else { continue };
        mask.found(|rule, count| all.push(serde_json::json!({ "column": column, "rule": rule, "count": count })));
    }
    if all.is_empty() { String::new() } else { serde_json::Value::from(all).to_string() }
}

/// What is known of `item`, in whose text the server is at statement `part`. Borrowed, since each row asks for it.
fn current(masking: &VecDeque<Masking>, part: u32, item: Item) -> Option<Current<'_>> {
    let masking = masking.front().filter(|masking| masking.serial == item.serial)?;
    let number = usize::try_from(if item.awaited == Awaited::Query { part } else { 0 }).ok()?;
    let plan = masking.plans.get(number)?.as_ref()?;
    Some(Current { plan, shape: masking.shape.as_deref(), formats: &masking.formats })
}

/// A RowDescription's columns.
fn fields(body: &[u8]) -> Option<Vec<Field>> {
    let mut reader = Reader(body);
    let count = reader.short()?;
    let mut fields = Vec::with_capacity(usize::try_from(count).ok()?.min(2_000));
    for _ in 0..count {
        reader.text()?;
        let table = reader.number()?;
        let number = reader.short()?;
        let type_oid = reader.number()?;
        reader.short()?;
        let typmod = reader.number()?.cast_signed();
        let format = reader.short()?;
        fields.push(Field { table, number, type_oid, typmod, format });
    }
    reader.0.is_empty().then_some(fields)
}

/// The masks of something prepared.
fn prepared(current: Current<'_>) -> Result<Masks, Fault> {
    if !current.plan.hides() {
        return Ok(None);
    }
    let shape = current.shape.ok_or(NOT_DESCRIBED)?;
    let described = shape.fields.get().ok_or(NOT_DESCRIBED)?;
    if let Some(made) = shape.made.get()
        && Arc::ptr_eq(&made.plan, current.plan)
        && made.formats == *current.formats
    {
        return Ok(made.masks.clone());
    }
    let formats: Vec<i16> = match &**current.formats {
        // Of a portal, the description has them.
        [] => described.iter().map(|field| field.format).collect(),
        [one] => vec![*one; described.len()],
        each if each.len() == described.len() => each.to_vec(),
        _ => return Err(MALFORMED),
    };
    let masks = masks(current.plan, described, &formats)?;
    let made = Made { plan: Arc::clone(current.plan), formats: Arc::clone(current.formats), masks: masks.clone() };
    let _first = shape.made.set(made).is_ok();
    Ok(masks)
}

/// The masks of a result with these columns.
fn masks(plan: &MaskPlan, fields: &[Field], formats: &[i16]) -> Result<Masks, Fault> {
    if let Columns::Each(columns) = &plan.columns
        && columns.len() != fields.len()
    {
        return Err(OTHER_COLUMNS);
    }
    let mut any = false;
    let mut masks = Vec::with_capacity(fields.len());
    for (place, (field, format)) in fields.iter().zip(formats).enumerate() {
        let format = format_of(*format)?;
        let planned = match &plan.columns {
            Columns::Clear => &Cover::Clear,
            Columns::Whole => &Cover::Whole,
            Columns::Each(columns) => columns.get(place).map_or(&Cover::Whole, |column| &column.cover),
        };
        let class = match planned {
            Cover::Whole => None,
            Cover::Class(class) => Some(class),
            Cover::Clear => match plan.hidden.get(&(field.table, field.number)) {
                Some(class) => Some(class),
                None => {
                    let looks = looks_through(plan, (field.type_oid, field.typmod), format);
                    any |= looks.is_some();
                    masks.push(looks);
                    continue;
                }
            },
        };
        any = true;
        masks.push(Some(mask(class.map(Arc::as_ref), (field.type_oid, field.typmod), format, &plan.key)));
    }
    Ok(any.then(|| masks.into()))
}

/// What looks through a column that no class covers, where anything does and its type is one of texts.
fn looks_through(plan: &MaskPlan, (type_oid, typmod): (u32, i32), format: Format) -> Option<ColumnMask> {
    let detect = plan.unclassed.as_ref()?;
    ColumnMask::fitting(&detect.transform, type_oid, typmod, format, &plan.key, &detect.class)
}

/// The mask of a column of a type and its modifier: its class's; as a whole, where it is of none or the transform does not fit.
fn mask(class: Option<&ClassMask>, (type_oid, typmod): (u32, i32), format: Format, key: &Key) -> ColumnMask {
    let of_class = class.and_then(|class| ColumnMask::fitting(&class.transform, type_oid, typmod, format, key, &class.class));
    of_class.unwrap_or_else(|| ColumnMask::whole(type_oid, typmod, format))
}

/// What a copy to the client goes through. Its columns are the plan's: it describes none but their number.
fn copy(plan: &MaskPlan, body: &[u8]) -> Result<Sending, Fault> {
    let mut reader = Reader(body);
    let (Some(_format), Some(count)) = (reader.byte(), reader.short()) else { return Err(MALFORMED) };
    let columns = match &plan.columns {
        Columns::Clear if plan.unclassed.is_none() => return Ok(Sending::Clear),
        Columns::Each(columns) if usize::try_from(count).ok() == Some(columns.len()) => columns,
        Columns::Clear | Columns::Each(_) | Columns::Whole => return Err(OTHER_COLUMNS),
    };
    if plan.unclassed.is_none() && columns.iter().all(|column| column.cover == Cover::Clear) {
        return Ok(Sending::Clear);
    }
    let mut masks = Vec::with_capacity(columns.len());
    for column in columns {
        let format = format_of(reader.short().ok_or(MALFORMED)?)?;
        let class = match &column.cover {
            Cover::Clear => {
                // What is computed has a type that nobody says here: it may be a text.
                let type_oid = if column.type_oid == 0 { TEXT } else { column.type_oid };
                masks.push(looks_through(plan, (type_oid, column.typmod), format));
                continue;
            }
            Cover::Class(class) => Some(class.as_ref()),
            Cover::Whole => None,
        };
        masks.push(Some(mask(class, (column.type_oid, column.typmod), format, &plan.key)));
    }
    let options = plan.copy.as_deref().cloned().ok_or(UNKNOWN_COPY)?;
    Ok(Sending::Copy(Box::new(CopyMask::new(options, masks))))
}

const fn format_of(code: i16) -> Result<Format, Fault> {
    match code {
        0 => Ok(Format::Text),
        1 => Ok(Format::Binary),
        _ => Err(MALFORMED),
    }
}

/// The formats that a Bind asks its result in, from what follows the names in it.
pub(super) fn result_formats(values: &[u8]) -> Option<Arc<[i16]>> {
    let mut reader = Reader(values);
    let formats = reader.short()?;
    reader.take(usize::try_from(formats).ok()?.checked_mul(2)?)?;
    for _ in 0..reader.short()? {
        let length = reader.number()?.cast_signed();
        if length >= 0 {
            reader.take(usize::try_from(length).ok()?)?;
        }
    }
    let count = reader.short()?;
    if count == 0 {
        return Some(Arc::from([0]));
    }
    (0..count).map(|_| reader.short()).collect::<Option<Vec<_>>>().map(Arc::from)
}
