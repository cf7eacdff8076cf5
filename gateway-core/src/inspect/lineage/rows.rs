//! Functions, XMLTABLE and JSON_TABLE in FROM.

use super::UseKind;
use super::builtin::{self, Rows};
use super::space::{Item, Space};
use super::trace::Trace;
use super::value::{Field, Shape, Sources, Value};
use crate::inspect::postgres::{cut, listed, strings};
use crate::inspect::reviewed;
use pg_query::protobuf::{
    Alias, FuncCall, JsonTable, JsonTableColumn, JsonTableColumnType, List, Node, RangeFunction, RangeTableFunc,
    RangeTableFuncCol, ResTarget, node::Node as Kind,
};
use std::rc::Rc;

impl Trace<'_> {
    pub(super) fn range_function(&mut self, range: &RangeFunction) -> Space {
        let RangeFunction { lateral: _, ordinality, is_rowsfrom: _, functions, alias, coldeflist } = range;
        let only = functions.len() == 1;
        let mut shape = Shape::default();
        for item in functions {
            let (function, columns) = match &item.node {
                Some(Kind::List(List { items })) => match items.as_slice() {
                    [function] => (function, &[] as &[Node]),
                    [function, Node { node: None }] => (function, &[] as &[Node]),
                    [function, Node { node: Some(Kind::List(List { items })) }] => (function, items.as_slice()),
                    _ => {
                        self.give_up();
                        return Space::bare(Shape::everything());
                    }
                },
                _ => {
                    self.give_up();
                    return Space::bare(Shape::everything());
                }
            };
            let columns = if columns.is_empty() && only { coldeflist.as_slice() } else { columns };
            let called = alias.as_ref().filter(|_| only).map(|Alias { aliasname, colnames: _ }| cut(aliasname));
            let of_one = self.function_rows(function, columns, called);
            shape.fields.extend(of_one.fields);
            super::space::add_rest(&mut shape.rest, of_one.rest);
        }
        if *ordinality {
            shape.fields.push(Field { name: Some("ordinality".into()), value: Value::default() });
        }
        if alias.is_some() {
            return self.item(shape, alias.as_ref());
        }
        // Without an alias it is called as its first function is.
        let first = functions.first().and_then(|item| match &item.node {
            Some(Kind::List(List { items })) => items.first().and_then(super::figure::name),
            _ => None,
        });
        match first {
            Some(name) => Space::of(Item { name, schemas: Vec::new(), shape: Rc::new(shape), system: false }),
            None => Space::bare(shape),
        }
    }

    /// The columns of one function: all of them are made of what it is given.
    fn function_rows(&mut self, function: &Node, columns: &[Node], called: Option<&str>) -> Shape {
        let value = self.expression(function);
        // It is computed once, whether or not a column is read.
        let made_of = |name: Option<Box<str>>| Field { name, value: Value::derived(value.sources.clone(), false) };
        if !columns.is_empty() {
            let fields = columns.iter().map(|column| match &column.node {
                Some(Kind::ColumnDef(column)) => made_of(Some(cut(&column.colname).into())),
                _ => Field { name: None, value: Value::everything() },
            });
            return Shape { fields: fields.collect(), rest: None };
        }
        let Some(Kind::FuncCall(call)) = &function.node else {
            // CURRENT_DATE and its like: one column.
            let name = called.map(Box::from).or_else(|| super::figure::name(function));
            return Shape { fields: vec![made_of(name)], rest: None };
        };
        let FuncCall {
            funcname,
            args,
            agg_order: _,
            agg_filter: _,
            over: _,
            agg_within_group: _,
            agg_star: _,
            agg_distinct: _,
            func_variadic: _,
            funcformat: _,
            location: _,
        } = &**call;
        let Some(name) = listed(funcname) else { return Shape::unknown(value.sources) };
        let known = match name.schema.as_deref() {
            None | Some("pg_catalog") => {
                reviewed::function(&name.name).is_some_and(is_reviewed) && !self.has_own_function(None, &name.name)
            }
            Some(schema) => reviewed::function_in(schema, &name.name).is_some_and(is_reviewed),
        };
        let key = match name.schema.as_deref() {
            Some("information_schema") => format!("information_schema.{}", name.name),
            Some(_) | None => name.name.to_string(),
        };
        match builtin::rows(&key) {
            _ if !known => Shape::unknown(value.sources),
            None => Shape { fields: vec![made_of(Some(called.map_or_else(|| name.name.clone(), Box::from)))], rest: None },
            Some(Rows::Named(names)) => {
                Shape { fields: names.split(' ').map(|name| made_of(Some(name.into()))).collect(), rest: None }
            }
            Some(Rows::Unknown) => self.unnested(&name.name, args, called).map_or_else(
                || Shape::unknown(value.sources.clone()),
                |names| Shape { fields: names.into_iter().map(|name| made_of(Some(name))).collect(), rest: None },
            ),
        }
    }

    /// The columns of `unnest`, where it is plain to see that each array has one.
    fn unnested(&mut self, name: &str, arguments: &[Node], called: Option<&str>) -> Option<Vec<Box<str>>> {
        if name != "unnest" || !arguments.iter().all(|argument| self.is_array(argument)) {
            return None;
        }
        // With several arguments each column is called as the function is.
        let called = called.filter(|_| arguments.len() == 1).unwrap_or(name);
        Some(arguments.iter().map(|_| called.into()).collect())
    }

    fn is_array(&mut self, node: &Node) -> bool {
        if is_plain_array(node) {
            return true;
        }
        match &node.node {
            // `text[]`, where no user has a type of that name.
            Some(Kind::TypeCast(cast)) => cast.type_name.as_ref().is_some_and(|name| {
                let own = matches!(strings(&name.names).as_deref(), Some([own]) if reviewed::is_type(own) && *own != "record" && !self.has_own_type(own));
                own && !name.array_bounds.is_empty()
            }),
            Some(Kind::ColumnRef(_)) => self.expression(node).type_oid.is_some_and(builtin::is_array),
            _ => false,
        }
    }

    pub(super) fn xml_table(&mut self, table: &RangeTableFunc) -> Space {
        let RangeTableFunc { lateral: _, docexpr, rowexpr, namespaces, columns, alias, location: _ } = table;
        let mut made_of = self.optional(docexpr.as_deref()).sources;
        made_of.add(&self.optional(rowexpr.as_deref()).sources);
        for namespace in namespaces {
            match &namespace.node {
                Some(Kind::ResTarget(namespace)) => {
                    let ResTarget { name: _, indirection: _, val, location: _ } = &**namespace;
                    made_of.add(&self.optional(val.as_deref()).sources);
                }
                _ => made_of.add(&self.unknown_value().sources),
            }
        }
        let mut fields = Vec::new();
        for column in columns {
            let Some(Kind::RangeTableFuncCol(column)) = &column.node else {
                self.give_up();
                return Space::bare(Shape::everything());
            };
            let RangeTableFuncCol { colname, type_name, for_ordinality: _, is_not_null: _, colexpr, coldefexpr, location: _ } =
                &**column;
            let mut sources = made_of.clone();
            for part in [colexpr, coldefexpr] {
                sources.add(&self.optional(part.as_deref()).sources);
            }
            let value = self.cast_to(Value::derived(sources, true), type_name.as_ref());
            fields.push(Field { name: Some(cut(colname).into()), value });
        }
        let shape = Shape { fields, rest: None };
        self.uses(UseKind::Raise, &made_of.and(&shape.row()));
        self.table_item(shape, alias.as_ref(), "xmltable")
    }

    pub(super) fn json_table(&mut self, table: &JsonTable) -> Space {
        let JsonTable { context_item, pathspec, passing, columns, on_error, alias, lateral: _, location: _ } = table;
        let mut made_of = self.json_value(context_item.as_deref()).sources;
        made_of.add(&self.json_passing(passing));
        made_of.add(&self.json_path(pathspec.as_deref()));
        made_of.add(&self.json_behavior(on_error.as_deref()));
        let mut fields = Vec::new();
        self.json_columns(columns, &made_of, &mut fields);
        let shape = Shape { fields, rest: None };
        self.uses(UseKind::Raise, &made_of.and(&shape.row()));
        self.table_item(shape, alias.as_ref(), "json_table")
    }

    fn json_columns(&mut self, columns: &[Node], made_of: &Sources, fields: &mut Vec<Field>) {
        for column in columns {
            let Some(Kind::JsonTableColumn(column)) = &column.node else {
                self.give_up();
                continue;
            };
            let JsonTableColumn {
                coltype,
                name,
                type_name,
                pathspec,
                format: _,
                wrapper: _,
                quotes: _,
                columns,
                on_empty,
                on_error,
                location: _,
            } = &**column;
            let mut sources = made_of.clone();
            sources.add(&self.json_path(pathspec.as_deref()));
            sources.add(&self.json_behavior(on_empty.as_deref()));
            sources.add(&self.json_behavior(on_error.as_deref()));
            if JsonTableColumnType::try_from(*coltype) == Ok(JsonTableColumnType::JtcNested) {
                self.deeper(|| (), |trace| trace.json_columns(columns, &sources, fields));
            } else {
                let value = self.cast_to(Value::derived(sources, true), type_name.as_ref());
                fields.push(Field { name: Some(cut(name).into()), value });
            }
        }
    }

    fn table_item(&mut self, shape: Shape, alias: Option<&Alias>, name: &str) -> Space {
        if alias.is_some() {
            return self.item(shape, alias);
        }
        Space::of(Item { name: name.into(), schemas: Vec::new(), shape: Rc::new(shape), system: false })
    }
}

fn is_reviewed(verdict: reviewed::Verdict) -> bool {
    match verdict {
        reviewed::Verdict::Reviewed | reviewed::Verdict::Counted(_) => true,
        reviewed::Verdict::Denied(_) => false,
    }
}

/// Whether an expression is an array of a type whose values are one column: `ARRAY[…]` of literals and
/// parameters, or something cast to an array of one of the server's own types.
fn is_plain_array(node: &Node) -> bool {
    match &node.node {
        Some(Kind::TypeCast(cast)) => cast.type_name.as_ref().is_some_and(|name| {
            let plain = matches!(strings(&name.names).as_deref(), Some(["pg_catalog", own]) if reviewed::is_type(own) && *own != "record");
            plain && !name.array_bounds.is_empty()
        }),
        Some(Kind::AArrayExpr(array)) => array.elements.iter().all(|element| match &element.node {
            Some(Kind::AConst(_) | Kind::ParamRef(_)) => true,
            Some(Kind::AArrayExpr(_)) => is_plain_array(element),
            _ => false,
        }),
        Some(Kind::FuncCall(call)) => {
            matches!(strings(&call.funcname).as_deref(), Some(["string_to_array" | "regexp_split_to_array"]))
        }
        _ => false,
    }
}
