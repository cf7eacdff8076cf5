//! Casts.

use super::UseKind;
use super::builtin;
use super::trace::Trace;
use super::value::{Sources, Value};
use crate::inspect::postgres::{cut, strings};
use crate::inspect::reviewed;
use pg_query::protobuf::{CollateClause, TypeCast, TypeName};

impl Trace<'_> {
    pub(super) fn cast(&mut self, cast: &TypeCast) -> Value {
        let TypeCast { arg, type_name, location: _ } = cast;
        let value = self.optional(arg.as_deref());
        self.cast_to(value, type_name.as_ref())
    }

    /// `value` as one of a type. What can't be told is what a type of a user's own makes of it.
    pub(super) fn cast_to(&mut self, value: Value, type_name: Option<&TypeName>) -> Value {
        let Some(TypeName { names, type_oid: _, setof: _, pct_type, typmods, typemod: _, array_bounds, location: _ }) = type_name
        else {
            // JSON_TABLE's column FOR ORDINALITY has none.
            return value;
        };
        let own = match strings(names).as_deref() {
            Some(["pg_catalog", name]) if reviewed::is_type(name) && !pct_type => Some(*name),
            Some([name]) if reviewed::is_type(name) && !pct_type && !self.has_own_type(name) => Some(*name),
            Some(parts) if !pct_type => {
                if !self.is_harmless_type(parts) {
                    return self.unreviewed(&value.sources);
                }
                None
            }
            Some(_) | None => return self.unreviewed(&value.sources),
        };
        if value.constant {
            // The server computes it before it looks at any row.
            return Value { type_oid: own.and_then(number), loud: value.loud || own.is_none(), ..value };
        }
        let text = own.filter(|name| matches!(*name, "text" | "varchar" | "bpchar" | "name"));
        if let Some(name) = text.filter(|_| array_bounds.is_empty() && self.are_of_own_types(&value.sources)) {
            // A text or varchar without a length is the same text, though not if it was padded.
            let same = matches!(name, "text" | "varchar") && typmods.is_empty() && matches!(value.type_oid, Some(25 | 1043));
            let type_oid = if same { value.type_oid } else { Some(builtin::TEXT) };
            return Value { direct: value.direct && same, type_oid, ..value };
        }
        self.uses(UseKind::Cast, &value.sources);
        let type_oid = own.filter(|_| array_bounds.is_empty()).and_then(number);
        Value::derived(value.sources, true).typed(type_oid)
    }

    /// Whether making a value of a type that is not the server's own runs nothing that has to be asked about.
    fn is_harmless_type(&self, parts: &[&str]) -> bool {
        let (schema, name) = match *parts {
            [name] => (None, cut(name)),
            [schema, name] | [_, schema, name] => (Some(cut(schema)), cut(name)),
            _ => return false,
        };
        if schema.is_some_and(|schema| reviewed::is_type_in(schema, name)) {
            return true;
        }
        let catalog = self.scope.catalog;
        let mut known = false;
        for (found, runs) in catalog.types(name) {
            if schema.map_or_else(|| self.reachable(found), |schema| schema == found) {
                known = true;
                if !runs.is_empty() {
                    return false;
                }
            }
        }
        let is_row = match schema {
            Some(schema) => catalog.is_row(schema, name),
            None => catalog.relations(name).iter().any(|row| self.reachable(&row.schema) && catalog.is_row(&row.schema, name)),
        };
        known || is_row
    }

    /// Whether a user may have put a type of this name where it is found.
    pub(super) fn has_own_type(&self, name: &str) -> bool {
        self.scope.catalog.types(name).any(|(schema, _)| self.reachable(schema))
    }

    /// A collation is another way to compare: the text is the same.
    pub(super) fn collated(&mut self, clause: &CollateClause) -> Value {
        let CollateClause { arg, collname: _, location: _ } = clause;
        let value = self.optional(arg.as_deref());
        Value { constant: false, ..value }
    }

    /// A text of something: XMLSERIALIZE and RETURNING of JSON's functions.
    pub(super) fn document_as(&mut self, sources: Sources, type_name: Option<&TypeName>) -> Value {
        let value = Value::derived(sources, true);
        if type_name.is_none() { value } else { self.cast_to(value, type_name) }
    }
}

/// The numbers of types that matter here.
fn number(name: &str) -> Option<u32> {
    Some(match name {
        "bool" => 16,
        "int2" => 21,
        "int4" => 23,
        "int8" => 20,
        "text" => 25,
        "varchar" => 1043,
        "bpchar" => 1042,
        "name" => 19,
        "numeric" => 1700,
        "date" => 1082,
        "timestamp" => 1114,
        "timestamptz" => 1184,
        "uuid" => 2950,
        _ => return None,
    })
}
