//! One value, hidden: a mask is made once for each result column and used for each of its values.
//!
//! Files by concern: `types` the built-in types, `fits` which transform suits which, `prf` the keyed hash, `ff1` and
//! `digits` format-preserving encryption, `text`, `integer`, `numeric`, `iso` (dates), `bytes` (bytea, uuid, JSON)
//! and `array` the types' forms, `detect` what is found in free text, `constant` (with `plain`) what always stands in place of a value.

mod array;
mod bytes;
mod constant;
mod detect;
mod digits;
mod ff1;
mod fits;
mod integer;
mod iso;
mod numeric;
mod plain;
mod prf;
#[cfg(test)]
mod tests;
mod text;
mod types;

use self::detect::Detecting;
use self::digits::Digits;
use self::prf::Prf;
use self::types::{Family, Room, Type, Width, precision};
use super::{DatePart, Key, Transform};
use std::fmt;

pub use fits::{Misfit, fits};

/// The form in which a column's values are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// What the type's output function writes.
    Text,
    /// What the type's send function writes.
    Binary,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Masked {
    /// It was replaced: what is sent was appended.
    Value,
    /// It is NULL: nothing was appended.
    Null,
}

/// One result column's mask.
///
/// Text masks of redaction, NULL and parts are about a copy; pseudonyms and digits cost a hash or an encryption. Nothing
/// is allocated for a value, except where an array's text has escapes in it.
pub struct ColumnMask {
    family: Family,
    /// Of arrays, the OID of the elements.
    element: Option<u32>,
    format: Format,
    room: Room,
    precision: Option<(i32, i32)>,
    act: Act,
    covers_null: bool,
}

/// A transform, made ready for a type that it fits.
enum Act {
    Null,
    /// Always these bytes, in the column's form.
    Fixed(Box<[u8]>),
    Partial {
        first: u8,
        last: u8,
    },
    Token(Box<Prf>),
    Integer(Width, Box<integer::Pseudonyms>),
    Digits(Box<Digits>),
    Date(DatePart),
    Detect(Box<Detecting>),
}

impl ColumnMask {
    /// The mask of a column that is a classed one.
    ///
    /// `type_modifier` is -1 for none: limits of `varchar(n)`, `char(n)` and `numeric(p, s)` are kept. `class` is the
    /// class's name: pseudonyms of one class are the same in all columns of it, so that joins work, and differ between
    /// classes. `type_oid` is the base type's, where the column's is a domain (as RowDescription has it, and
    /// `pg_attribute` has not). Where the transform does not [fit](fits), every value becomes NULL.
    #[must_use]
    pub fn new(transform: &Transform, type_oid: u32, type_modifier: i32, format: Format, key: &Key, class: &str) -> Self {
        Self::fitting(transform, type_oid, type_modifier, format, key, class)
            .unwrap_or_else(|| Self::of(type_oid, type_modifier, format))
    }

    /// The mask that [`new`](Self::new) makes, or `None` where the transform does not fit.
    #[must_use]
    pub fn fitting(
        transform: &Transform,
        type_oid: u32,
        type_modifier: i32,
        format: Format,
        key: &Key,
        class: &str,
    ) -> Option<Self> {
        let column = Self::of(type_oid, type_modifier, format);
        let act = act(transform, &column, type_modifier, key, class)?;
        Some(Self { act, ..column })
    }

    /// The mask of a column that is derived from classed ones, which is replaced as a whole: by `[masked]` in text
    /// types, by NULL in all others.
    #[must_use]
    pub fn whole(type_oid: u32, type_modifier: i32, format: Format) -> Self {
        let column = Self::of(type_oid, type_modifier, format);
        let act = match column.element {
            // It has one value, which says nothing.
            None if type_oid == types::VOID => Some(Act::Fixed(Box::default())),
            Some(_) => None,
            None => fixed(constant::redacted(column.family, column.room, format)),
        };
        Self { act: act.unwrap_or(Act::Null), covers_null: true, ..column }
    }

    /// Whether a NULL is replaced, too: whether something computed is NULL can depend on what it is computed from.
    #[must_use]
    pub const fn covers_null(&self) -> bool {
        self.covers_null
    }

    /// Tells how often each detector has found something since this was asked last. Other transforms have none.
    pub fn found(&self, tell: impl FnMut(&str, u64)) {
        if let Act::Detect(detecting) = &self.act {
            detecting.found(tell);
        }
    }

    /// The mask of a column of this type whose values all become NULL.
    fn of(type_oid: u32, type_modifier: i32, format: Format) -> Self {
        let known = Type::of(type_oid);
        Self {
            family: known.family,
            element: known.element,
            format,
            room: Room::of(known.scalar(type_oid), type_modifier),
            precision: precision(type_modifier),
            act: Act::Null,
            covers_null: false,
        }
    }

    /// Appends what is sent instead of `value`. NULLs stay what they are, unless the mask [covers](Self::covers_null) them: then
    /// any value will do.
    ///
    /// What can't be read in its type becomes NULL.
    pub fn mask(&self, value: &[u8], out: &mut Vec<u8>) -> Masked {
        if matches!(self.act, Act::Null) {
            return Masked::Null;
        }
        let from = out.len();
        let appended = match (self.element, self.format) {
            (None, _) => self.scalar(value, out),
            (Some(_), Format::Text) => array::text(value, out, |value, out| self.element(value, out)),
            (Some(element), Format::Binary) => array::binary(value, element, out, |value, out| self.element(value, out)),
        };
        Self::outcome(appended, from, out)
    }

    fn element(&self, value: &[u8], out: &mut Vec<u8>) -> Masked {
        let from = out.len();
        let appended = self.scalar(value, out);
        Self::outcome(appended, from, out)
    }

    fn outcome(appended: Option<()>, from: usize, out: &mut Vec<u8>) -> Masked {
        match appended {
            Some(()) => Masked::Value,
            None => {
                out.truncate(from);
                Masked::Null
            }
        }
    }

    /// Appends one value that is not an array; `None` where it has to be NULL, whatever was appended.
    fn scalar(&self, value: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let Self { family, format, room, .. } = *self;
        match (&self.act, family) {
            (Act::Fixed(bytes), _) => text::fixed(bytes, room, out),
            (Act::Partial { first, last }, Family::Text) => return text::partial(value, *first, *last, room, out),
            (Act::Token(prf), Family::Text) => text::pseudonym(value, prf, room, out),
            (Act::Token(prf), Family::Json | Family::Jsonb) => return bytes::json(value, family, format, prf, out),
            (Act::Token(prf), Family::Bytea) => return bytes::bytea(value, format, prf, out),
            (Act::Token(prf), Family::Uuid) => return bytes::uuid(value, format, prf, out),
            (Act::Token(prf), Family::Numeric) => return numeric::pseudonym(value, format, self.precision, prf, out),
            (Act::Integer(width, pseudonyms), _) => {
                return width.write(pseudonyms.of(width.read(value, format)?, *width), format, out);
            }
            (Act::Digits(digits), Family::Text) => return text::digits(value, digits, out),
            (Act::Digits(digits), Family::Numeric) => return numeric::digits(value, format, digits, out),
            (Act::Digits(digits), Family::Integer(width)) => {
                let number = width.read(value, format)?;
                let image = i64::try_from(digits.integer(number.unsigned_abs(), width.highest())).ok()?;
                return width.write(if number < 0 { -image } else { image }, format, out);
            }
            (Act::Date(part), Family::Text) => return text::date(value, *part, room, out),
            (Act::Date(part), Family::Date) => return iso::cut_date(value, format, *part, out),
            (Act::Date(part), Family::Timestamp) => return iso::cut_timestamp(value, format, *part, false, out),
            (Act::Date(part), Family::TimestampTz) => return iso::cut_timestamp(value, format, *part, true, out),
            (Act::Detect(detecting), Family::Text | Family::Json | Family::Jsonb) => {
                return detecting.redact(value, (family, format), room, out);
            }
            // `act` makes no others.
            (Act::Null | Act::Partial { .. } | Act::Token(_) | Act::Digits(_) | Act::Date(_) | Act::Detect(_), _) => return None,
        }
        Some(())
    }
}

impl fmt::Debug for ColumnMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnMask").field("family", &self.family).field("format", &self.format).finish_non_exhaustive()
    }
}

/// What a transform does in a column, or `None` where it does not fit the column's type.
fn act(transform: &Transform, column: &ColumnMask, modifier: i32, key: &Key, class: &str) -> Option<Act> {
    let ColumnMask { family, room, format, .. } = *column;
    match (transform, family) {
        (Transform::Null, _) => Some(Act::Null),
        (Transform::Redact, _) => Some(fixed(constant::redacted(family, room, format)).unwrap_or(Act::Null)),
        (Transform::Constant(text), _) => fixed(constant::encode(text, family, room, modifier, format)),
        (Transform::Partial { first, last }, Family::Text) => Some(Act::Partial { first: *first, last: *last }),
        (Transform::Pseudonym, Family::Integer(width)) => {
            Some(Act::Integer(width, Box::new(integer::Pseudonyms::new(key, class)?)))
        }
        (Transform::Pseudonym, Family::Text | Family::Json | Family::Jsonb | Family::Bytea | Family::Uuid | Family::Numeric) => {
            Some(Act::Token(Box::new(Prf::new(key, class))))
        }
        (Transform::Digits, Family::Integer(Width::Two | Width::Four | Width::Eight) | Family::Text | Family::Numeric) => {
            Some(Act::Digits(Box::new(Digits::new(key, class)?)))
        }
        (Transform::Date(part), Family::Timestamp | Family::TimestampTz | Family::Text) => Some(Act::Date(*part)),
        // The day of a date is all of it: that would show everything.
        (Transform::Date(part @ (DatePart::Year | DatePart::Month)), Family::Date) => Some(Act::Date(*part)),
        (Transform::Detect(detectors), Family::Text | Family::Json | Family::Jsonb) => {
            Some(Act::Detect(Box::new(Detecting::new(detectors))))
        }
        (Transform::Partial { .. } | Transform::Pseudonym | Transform::Digits | Transform::Date(_) | Transform::Detect(_), _) => {
            None
        }
    }
}

fn fixed(bytes: Option<Vec<u8>>) -> Option<Act> {
    bytes.map(|bytes| Act::Fixed(bytes.into_boxed_slice()))
}
