//! COPY.

use super::assign::Target;
use super::space::Found;
use super::trace::{Returned, Trace};
use super::value::{Field, Shape, Sources, Value};
use super::with::named;
use super::{Place, UseKind};
use crate::inspect::postgres::{cut, is_on};
use pg_query::protobuf::{CopyStmt, DefElem, List, Node, RangeVar, node::Node as Kind};

/// COPY … TO STDOUT, as written: what a codec has to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyTo {
    /// The format; none where it is not known.
    pub format: Option<CopyFormat>,
    /// DELIMITER, where it is written.
    pub delimiter: Option<Box<str>>,
    /// NULL, where it is written.
    pub null: Option<Box<str>>,
    /// QUOTE, where it is written.
    pub quote: Option<Box<str>>,
    /// ESCAPE, where it is written.
    pub escape: Option<Box<str>>,
    /// ENCODING, where it is written.
    pub encoding: Option<Box<str>>,
    /// HEADER.
    pub header: bool,
    /// `FORCE_QUOTE *`.
    pub force_quote_all: bool,
    /// FORCE_QUOTE of columns.
    pub force_quote: Vec<Box<str>>,
    /// The columns that are written; empty for all of them.
    pub columns: Vec<Box<str>>,
    /// An option that is not known here: nothing of the rows is.
    pub unknown_option: bool,
}

/// A format of COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyFormat {
    /// Lines of texts with backslashes.
    Text,
    /// Comma-separated values.
    Csv,
    /// The types' own bytes.
    Binary,
}

impl Trace<'_> {
    pub(super) fn copy(&mut self, statement: &CopyStmt) -> Returned {
        let CopyStmt { relation, query, attlist, is_from, is_program, filename, options, where_clause } = statement;
        let columns = named(attlist);
        let outside = *is_program || !filename.is_empty();
        if *is_from {
            let Some(relation) = relation else { return self.unknown_copy() };
            self.copied_in(relation, &columns, outside, where_clause.as_deref());
            return Returned::Nothing;
        }
        let shape = match (relation, query.as_deref()) {
            (Some(relation), None) => self.copied_out(relation, &columns),
            (None, Some(query)) => self.query(Some(query)),
            _ => return self.unknown_copy(),
        };
        self.decides(UseKind::Filter, where_clause.as_deref());
        if outside {
            self.flow(&shape.row(), Place::Server);
            return Returned::Nothing;
        }
        self.copy = Some(written(options, columns));
        Returned::Rows(shape)
    }

    /// Rows of the client's own, or of a file that may have been filled with anything.
    fn copied_in(&mut self, relation: &RangeVar, columns: &[Box<str>], outside: bool, condition: Option<&Node>) {
        let target = self.target(relation);
        let columns = self.copied_columns(&target, columns);
        if outside {
            let rows = Shape::unknown(Sources::everything());
            self.inserted(&target, &columns, &rows);
        } else {
            self.probe(&target, columns.iter().map(|column| &**column), false);
        }
        self.within(target.space(), |trace| trace.decides(UseKind::Filter, condition));
    }

    fn copied_columns(&self, target: &Target, columns: &[Box<str>]) -> Vec<Box<str>> {
        if columns.is_empty() {
            target.item.shape.fields.iter().filter_map(|field| field.name.clone()).collect()
        } else {
            columns.to_vec()
        }
    }

    /// All columns of a table but computed ones, or those that are named.
    fn copied_out(&mut self, relation: &RangeVar, columns: &[Box<str>]) -> Shape {
        let item = self.relation_item(relation);
        if columns.is_empty() {
            let meant = self.meant(relation);
            let computed = |name: &str| {
                meant
                    .relations
                    .iter()
                    .any(|known| self.scope.catalog.column_named(known.oid, name).is_some_and(|column| column.generated))
            };
            let mut shape = (*item.shape).clone();
            shape.fields.retain(|field| !field.name.as_deref().is_some_and(computed));
            return shape;
        }
        let fields = columns.iter().map(|name| {
            let value = match item.column(name) {
                Found::Column(value) => value,
                Found::Doubt | Found::Missing => Value::everything(),
            };
            Field { name: Some(name.clone()), value }
        });
        Shape { fields: fields.collect(), rest: None }
    }

    fn unknown_copy(&mut self) -> Returned {
        self.give_up();
        Returned::unknown()
    }
}

/// The options. Of one that is written twice the server says so.
fn written(options: &[Node], columns: Vec<Box<str>>) -> CopyTo {
    let mut copy = CopyTo { format: Some(CopyFormat::Text), columns, ..CopyTo::default() };
    for option in options {
        let Some(Kind::DefElem(option)) = &option.node else {
            copy.unknown_option = true;
            continue;
        };
        let text = text(option);
        match option.defname.as_str() {
            "format" => {
                copy.format = match text.as_deref() {
                    Some("text") => Some(CopyFormat::Text),
                    Some("csv") => Some(CopyFormat::Csv),
                    Some("binary") => Some(CopyFormat::Binary),
                    Some(_) | None => None,
                };
            }
            "delimiter" => copy.delimiter = text,
            "null" => copy.null = text,
            "quote" => copy.quote = text,
            "escape" => copy.escape = text,
            "encoding" => copy.encoding = text,
            "header" => copy.header = is_on(option),
            "force_quote" => match option.arg.as_deref().and_then(|value| value.node.as_ref()) {
                Some(Kind::AStar(_)) => copy.force_quote_all = true,
                Some(Kind::List(List { items })) => copy.force_quote = named(items),
                _ => copy.unknown_option = true,
            },
            _ => copy.unknown_option = true,
        }
    }
    copy.unknown_option |= copy.format.is_none();
    copy
}

/// An option's value as a text.
fn text(option: &DefElem) -> Option<Box<str>> {
    match option.arg.as_deref().and_then(|value| value.node.as_ref()) {
        Some(Kind::String(text)) => Some(text.sval.as_str().into()),
        // A word that is also the name of a type.
        Some(Kind::TypeName(name)) => named(&name.names).last().map(|name| cut(name).into()),
        _ => None,
    }
}
