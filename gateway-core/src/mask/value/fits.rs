//! Which transform suits which type: asked when the configuration meets the catalog, before anything is masked.

use super::super::{DatePart, Key, Transform};
use super::types::{Family, Plain, Type};
use super::{ColumnMask, Format};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a class's transform can't be used for a column.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{transform}` can't be used for values of type {type_name}{reason}: use {instead}")]
pub struct Misfit {
    /// The transform, as the configuration calls it.
    pub transform: &'static str,
    /// The type, or what kind of type it is where it is not built in.
    pub type_name: &'static str,
    /// Why not, where that is not plain from both names; begins with ", ".
    pub reason: &'static str,
    /// What can be used.
    pub instead: &'static str,
}

/// Whether a class's transform can be used for columns of this type.
///
/// # Errors
///
/// A [`Misfit`], which says what to use instead.
pub fn fits(transform: &Transform, type_oid: u32) -> Result<(), Misfit> {
    // What a mask would do is asked of what makes masks: both can't disagree. No value is masked by this key.
    let key = Key::new(Zeroizing::new([0; 32]));
    if ColumnMask::fitting(transform, type_oid, -1, Format::Text, &key, "").is_some() {
        return Ok(());
    }
    let Type { name, family, element: _ } = Type::of(type_oid);
    Err(Misfit { transform: transform.name(), type_name: name, reason: reason(transform, family), instead: instead(family) })
}

fn reason(transform: &Transform, family: Family) -> &'static str {
    match (transform, family) {
        (Transform::Constant(_), Family::Plain(Plain::Opaque)) => "",
        (Transform::Constant(_), _) => ", of which this constant is none",
        (Transform::Date(DatePart::Day), Family::Date) => ", whose day is all of it",
        _ => "",
    }
}

fn instead(family: Family) -> &'static str {
    match family {
        Family::Text => "redact, null, partial, pseudonym, digits, date or a constant",
        Family::Xml => "redact, null or a constant without markup",
        Family::Json | Family::Jsonb => "redact, null, pseudonym or a constant that is JSON",
        Family::Integer(_) | Family::Numeric => "null, pseudonym, digits or a constant that is a number of the type",
        Family::Float4 | Family::Float8 => "null or a constant that is a number",
        Family::Bool => "null or a constant that is `true` or `false`",
        Family::Bytea => "null, pseudonym or a constant like `\\x00ff`",
        Family::Date => "null, date to the year or month, or a constant like `2000-01-01`",
        Family::Timestamp | Family::TimestampTz => "null, date or a constant like `2000-01-01`",
        Family::Uuid => "null, pseudonym or a constant that is a uuid",
        Family::Plain(Plain::Opaque) => "null",
        Family::Plain(_) => "null or a constant of the type",
        Family::Foreign => "null or a constant",
    }
}
