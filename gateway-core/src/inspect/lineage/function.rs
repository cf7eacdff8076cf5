//! Calls of functions: what flows through, into the session or the server, or can't be told.

use super::builtin::{self, Needs};
use super::sort::First;
use super::trace::Trace;
use super::value::{Shape, Sources, Value};
use super::{Place, UseKind};
use crate::inspect::ObjectName;
use crate::inspect::catalog::FIRST_OWN;
use crate::inspect::postgres::{cut, listed, literal};
use crate::inspect::reviewed::{self, Verdict};
use pg_query::protobuf::{ColumnRef, FuncCall, NamedArgExpr, Node, node::Node as Kind};

/// What a call is given.
#[derive(Debug)]
pub(super) struct Arguments<'n> {
    /// As written; fewer than the values where more is given than in parentheses.
    nodes: &'n [Node],
    values: Vec<Value>,
    /// They are not in the order of the function's own: named, or an array of them.
    shuffled: bool,
}

impl Trace<'_> {
    pub(super) fn function(&mut self, call: &FuncCall) -> Value {
        let FuncCall {
            funcname,
            args,
            agg_order,
            agg_filter,
            over,
            agg_within_group,
            agg_star: _,
            // It makes no other value of what is not seen anyway.
            agg_distinct: _,
            func_variadic,
            funcformat: _,
            location: _,
        } = call;
        let Some(name) = listed(funcname) else { return self.unknown_value() };
        if let Some(column) = self.column_as_function(&name, call) {
            return column;
        }
        let mut values: Vec<_> = args.iter().map(|argument| self.expression(argument)).collect();
        let mut beside = Sources::default();
        if *agg_within_group {
            // What it is computed from.
            values.extend(agg_order.iter().map(|item| Value::derived(self.sorted_alone(item), false)));
        } else {
            beside.add(&self.sorted(UseKind::Order, agg_order, &Shape::default(), First::Alone));
        }
        beside.add(&self.decides(UseKind::Filter, agg_filter.as_deref()).sources);
        if let Some(window) = over {
            beside.add(&self.window(window));
        }
        let shuffled = *func_variadic || args.iter().any(|argument| matches!(argument.node, Some(Kind::NamedArgExpr(_))));
        let mut value = self.call(&name, &Arguments { nodes: args, values, shuffled });
        value.sources.add(&beside);
        value
    }

    /// A call by name and values alone: what `(value).name` may be.
    pub(super) fn call_of(&mut self, name: &str, value: Value) -> Value {
        self.call(&ObjectName::bare(name), &Arguments { nodes: &[], values: vec![value], shuffled: false })
    }

    fn sorted_alone(&mut self, item: &Node) -> Sources {
        match &item.node {
            Some(Kind::SortBy(sort)) if sort.use_op.is_empty() => self.optional(sort.node.as_deref()).sources,
            _ => self.unknown_value().sources,
        }
    }

    /// `email(t)`: a column of a row, where no function is called so.
    fn column_as_function(&mut self, name: &ObjectName, call: &FuncCall) -> Option<Value> {
        let [Node { node: Some(Kind::ColumnRef(ColumnRef { fields, location: _ })) }] = call.args.as_slice() else { return None };
        let is_function =
            reviewed::function(&name.name).is_some() || self.scope.catalog.function_schemas(&name.name).next().is_some();
        let plain = name.schema.is_none()
            && !call.agg_star
            && call.over.is_none()
            && call.agg_filter.is_none()
            && call.agg_order.is_empty();
        if is_function || !plain || self.is_column(fields) {
            return None;
        }
        let row = self.row_named(fields)?;
        let column = row.fields.iter().find(|field| field.name.as_deref() == Some(&*name.name))?;
        Some(column.value.clone())
    }

    fn call(&mut self, name: &ObjectName, arguments: &Arguments<'_>) -> Value {
        let given = Value::of_all(&arguments.values);
        let verdict = match name.schema.as_deref() {
            None if self.has_own_function(None, &name.name) => None,
            None => reviewed::function(&name.name),
            Some(schema) => reviewed::function_in(schema, &name.name),
        };
        match verdict {
            Some(Verdict::Reviewed) => self.reviewed_call(&name.name, arguments, given.sources),
            Some(Verdict::Counted(_)) => {
                self.uses(UseKind::Raise, &given.sources);
                self.counted_call(&name.name, arguments);
                // Numbers of sequences, large objects and locks are no values of rows.
                match &*name.name {
                    "lo_get" | "loread" => Value::everything(),
                    // It says what it was given.
                    "set_config" | "setval" => Value::derived(given.sources, true),
                    _ => Value::derived(Sources::default(), true),
                }
            }
            // It takes time, and says nothing.
            Some(Verdict::Denied(_)) if name.name.starts_with("pg_sleep") => {
                self.uses(UseKind::Raise, &given.sources);
                Value::derived(Sources::default(), true)
            }
            Some(Verdict::Denied(_)) => self.unreviewed(&given.sources),
            None if verdict.is_none() && self.is_pure(name) => {
                self.uses(UseKind::Raise, &given.sources);
                Value::derived(given.sources, true)
            }
            None if name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog") && self.is_type_alone(&name.name) => {
                // `jsonb('…')` is a cast.
                self.uses(UseKind::Cast, &given.sources);
                Value::derived(given.sources, true)
            }
            // The server has none either, and says so before anything runs.
            None if given.sources.is_empty() && self.is_nowhere(name) => Value::everything(),
            None => self.unreviewed(&given.sources),
        }
    }

    /// Whether the database has no function, type or relation of a name: what looks like a call of one is an error.
    fn is_nowhere(&self, name: &ObjectName) -> bool {
        let catalog = self.scope.catalog;
        !self.scope.own.changed
            && reviewed::function(&name.name).is_none()
            && !reviewed::is_type(&name.name)
            && catalog.function_schemas(&name.name).next().is_none()
            && catalog.types(&name.name).next().is_none()
            && catalog.relations(&name.name).is_empty()
            && self.made_by_session("", &name.name).shapes.is_empty()
    }

    /// Code that nobody has reviewed is given `sources`: it may put them anywhere, and say anything.
    pub(super) fn unreviewed(&mut self, sources: &Sources) -> Value {
        self.uses(UseKind::Raise, sources);
        self.flow(sources, Place::Unknown);
        self.code();
        Value::everything()
    }

    fn reviewed_call(&mut self, name: &str, arguments: &Arguments<'_>, given: Sources) -> Value {
        if name == "current_setting" && self.scope.own.code_ran && !is_common_setting(arguments.nodes) {
            self.uses(UseKind::Raise, &given);
            return Value::everything();
        }
        if name == "setseed" {
            // What `random` says from now on hangs on it.
            self.flow(&given, Place::Setting);
        }
        let total = builtin::total(name, arguments.values.len()).filter(|_| !arguments.shuffled);
        let Some(total) = total else {
            let kind = if builtin::is_matching(name) { UseKind::Match } else { UseKind::Raise };
            self.uses(kind, &given);
            return Value::derived(given, true);
        };
        for (place, value) in arguments.values.iter().enumerate() {
            if !total.any_value_at(place) || !self.allows(total.needs, &value.sources) {
                self.uses(UseKind::Raise, &value.sources);
            }
        }
        let loud = !total.is_whole() || total.needs != Needs::Nothing || arguments.values.iter().any(|value| value.loud);
        Value::derived(given, loud).typed(total.text.then_some(builtin::TEXT))
    }

    /// Whether all of the columns are of types that a call can have.
    fn allows(&self, needs: Needs, sources: &Sources) -> bool {
        needs == Needs::Nothing || self.types(sources).is_some_and(|mut types| types.all(|known| needs.allow(known)))
    }

    /// The types of columns; none where one is not known.
    pub(super) fn types(&self, sources: &Sources) -> Option<impl Iterator<Item = u32>> {
        let catalog = self.scope.catalog;
        let types: Option<Vec<_>> = sources.columns.iter().map(|id| catalog.column(*id).map(|column| column.type_oid)).collect();
        types.filter(|_| !sources.everything).map(IntoIterator::into_iter)
    }

    /// Functions that put what they are given somewhere.
    fn counted_call(&mut self, name: &str, arguments: &Arguments<'_>) {
        let place = match name {
            "set_config" => Place::Setting,
            "setval" => Place::Sequence,
            "pg_notify" => Place::Notification,
            _ if name.starts_with("lo") && name != "lo_close" => Place::LargeObject,
            // Locks are seen by all, with their numbers.
            _ => Place::Unknown,
        };
        let given = Value::of_all(&arguments.values).sources;
        self.flow(&given, place);
    }

    /// Whether a user may have put a function of this name where it is found.
    pub(super) fn has_own_function(&self, schema: Option<&str>, name: &str) -> bool {
        let catalog = self.scope.catalog;
        let mut schemas = catalog.function_schemas(name).filter(|known| ***known != *"pg_catalog");
        schemas.any(|known| {
            schema.map_or_else(|| self.reachable(known), |schema| *schema == **known) && catalog.has_own_function(known, name)
        })
    }

    /// Whether the configuration says of all that the name may mean that it depends on its arguments alone.
    fn is_pure(&self, name: &ObjectName) -> bool {
        let pure = |schema: &str| self.scope.pure.contains(&(Box::from(schema), name.name.clone()));
        match name.schema.as_deref() {
            Some(schema) => pure(schema),
            None => {
                let mut schemas =
                    self.scope.catalog.function_schemas(&name.name).filter(|schema| self.reachable(schema)).peekable();
                schemas.peek().is_some() && schemas.all(|schema| pure(schema))
            }
        }
    }

    /// Whether a name is one of the server's own types and nothing else.
    fn is_type_alone(&self, name: &str) -> bool {
        reviewed::is_type(name)
            && self.scope.catalog.function_schemas(name).next().is_none()
            && self.scope.catalog.types(name).next().is_none()
    }

    /// Whether an argument that has a name is what it names.
    pub(super) fn named_argument(&mut self, argument: &NamedArgExpr) -> Value {
        let NamedArgExpr { xpr: _, arg, name: _, argnumber: _, location: _ } = argument;
        self.optional(arg.as_deref())
    }

    /// Whether all columns are of the server's own types: making a text of them runs no code of users'.
    pub(super) fn are_of_own_types(&self, sources: &Sources) -> bool {
        sources.is_empty() || self.types(sources).is_some_and(|mut types| types.all(|known| known < FIRST_OWN))
    }
}

/// A setting that every server has, written down: one that a session makes up has a dot.
fn is_common_setting(arguments: &[Node]) -> bool {
    arguments.first().and_then(literal).is_some_and(|name| !name.is_empty() && !cut(name).contains('.') && !name.contains('.'))
}
