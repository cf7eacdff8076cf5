//! XML and JSON: what makes documents, and what looks into them.

use super::UseKind;
use super::trace::Trace;
use super::value::{Sources, Value};
use pg_query::protobuf::{
    JsonAggConstructor, JsonArgument, JsonArrayAgg, JsonArrayConstructor, JsonArrayQueryConstructor, JsonBehavior, JsonFormat,
    JsonFormatType, JsonFuncExpr, JsonIsPredicate, JsonKeyValue, JsonObjectAgg, JsonObjectConstructor, JsonOutput, JsonParseExpr,
    JsonScalarExpr, JsonSerializeExpr, JsonTablePathSpec, JsonValueExpr, Node, ResTarget, XmlExpr, XmlSerialize,
    node::Node as Kind,
};

impl Trace<'_> {
    pub(super) fn document(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::XmlExpr(expression) => self.xml(expression),
            Kind::XmlSerialize(serialize) => {
                let XmlSerialize { xmloption: _, expr, type_name, indent: _, location: _ } = &**serialize;
                let value = self.optional(expr.as_deref());
                // A document may not be one.
                self.uses(UseKind::Raise, &value.sources);
                self.document_as(value.sources, type_name.as_ref())
            }
            Kind::JsonObjectConstructor(JsonObjectConstructor { exprs, output, absent_on_null: _, unique: _, location: _ }) => {
                let sources = self.json_members(exprs);
                self.json_output(sources, output.as_ref())
            }
            Kind::JsonArrayConstructor(JsonArrayConstructor { exprs, output, absent_on_null: _, location: _ }) => {
                let sources = self.json_members(exprs);
                self.json_output(sources, output.as_ref())
            }
            Kind::JsonArrayQueryConstructor(constructor) => {
                let JsonArrayQueryConstructor { query, output, format, absent_on_null: _, location: _ } = &**constructor;
                let row = self.query(query.as_deref()).row();
                self.json_format(format.as_ref(), &row);
                self.json_output(row, output.as_ref())
            }
            Kind::JsonObjectAgg(aggregate) => {
                let JsonObjectAgg { constructor, arg, absent_on_null: _, unique: _ } = &**aggregate;
                let sources = arg.as_deref().map_or_else(Sources::default, |member| self.json_member(member));
                self.json_aggregate(sources, constructor.as_deref())
            }
            Kind::JsonArrayAgg(aggregate) => {
                let JsonArrayAgg { constructor, arg, absent_on_null: _ } = &**aggregate;
                let sources = self.json_value(arg.as_deref()).sources;
                self.json_aggregate(sources, constructor.as_deref())
            }
            Kind::JsonFuncExpr(function) => self.json_function(function),
            Kind::JsonParseExpr(parse) => {
                let JsonParseExpr { expr, output, unique_keys: _, location: _ } = &**parse;
                let value = self.json_value(expr.as_deref());
                self.uses(UseKind::Raise, &value.sources);
                self.json_output(value.sources, output.as_ref())
            }
            Kind::JsonScalarExpr(scalar) => {
                let JsonScalarExpr { expr, output, location: _ } = &**scalar;
                let value = self.optional(expr.as_deref());
                self.json_output(value.sources, output.as_ref())
            }
            Kind::JsonSerializeExpr(serialize) => {
                let JsonSerializeExpr { expr, output, location: _ } = &**serialize;
                let value = self.json_value(expr.as_deref());
                self.uses(UseKind::Raise, &value.sources);
                self.json_output(value.sources, output.as_ref())
            }
            Kind::JsonIsPredicate(predicate) => {
                let JsonIsPredicate { expr, format: _, item_type: _, unique_keys: _, location: _ } = &**predicate;
                let value = self.optional(expr.as_deref());
                Value::derived(value.sources, value.loud)
            }
            Kind::JsonKeyValue(member) => Value::derived(self.json_member(member), true),
            Kind::JsonValueExpr(value) => self.json_value(Some(value)),
            _ => self.unknown_value(),
        }
    }

    /// XMLELEMENT and its like. Names and documents may be wrong.
    fn xml(&mut self, expression: &XmlExpr) -> Value {
        let XmlExpr {
            xpr: _,
            op: _,
            name: _,
            named_args,
            arg_names: _,
            args,
            xmloption: _,
            indent: _,
            r#type: _,
            typmod: _,
            location: _,
        } = expression;
        let mut all = Sources::default();
        for argument in named_args {
            match &argument.node {
                Some(Kind::ResTarget(argument)) => {
                    let ResTarget { name: _, indirection: _, val, location: _ } = &**argument;
                    all.add(&self.optional(val.as_deref()).sources);
                }
                _ => all.add(&self.unknown_value().sources),
            }
        }
        self.all(args).iter().for_each(|value| all.add(&value.sources));
        self.uses(UseKind::Raise, &all);
        Value::derived(all, true)
    }

    fn json_members(&mut self, members: &[Node]) -> Sources {
        self.all(members).iter().fold(Sources::default(), |all, value| all.and(&value.sources))
    }

    /// A key and its value. A key that is NULL, or comes twice, is an error.
    fn json_member(&mut self, member: &JsonKeyValue) -> Sources {
        let JsonKeyValue { key, value } = member;
        let key = self.optional(key.as_deref());
        self.uses(UseKind::Raise, &key.sources);
        key.sources.and(&self.json_value(value.as_deref()).sources)
    }

    /// A value that becomes part of a document, or one.
    pub(super) fn json_value(&mut self, value: Option<&JsonValueExpr>) -> Value {
        let Some(JsonValueExpr { raw_expr, formatted_expr, format }) = value else { return Value::default() };
        let mut value = self.optional(raw_expr.as_deref());
        if formatted_expr.is_some() {
            value = Value::of_all([&value, &self.optional(formatted_expr.as_deref())]);
        }
        self.json_format(format.as_ref(), &value.sources);
        Value::derived(value.sources, true)
    }

    /// FORMAT JSON: a text that is no document is an error.
    fn json_format(&mut self, format: Option<&JsonFormat>, sources: &Sources) {
        let Some(JsonFormat { format_type, encoding: _, location: _ }) = format else { return };
        match JsonFormatType::try_from(*format_type) {
            Ok(JsonFormatType::Undefined | JsonFormatType::JsFormatDefault) => {}
            Ok(JsonFormatType::JsFormatJson | JsonFormatType::JsFormatJsonb) | Err(_) => self.uses(UseKind::Raise, sources),
        }
    }

    /// RETURNING: without it what is made is a document of its own.
    fn json_output(&mut self, sources: Sources, output: Option<&JsonOutput>) -> Value {
        match output {
            Some(JsonOutput { type_name, returning: _ }) => self.document_as(sources, type_name.as_ref()),
            None => Value::derived(sources, true),
        }
    }

    fn json_aggregate(&mut self, mut sources: Sources, constructor: Option<&JsonAggConstructor>) -> Value {
        let Some(JsonAggConstructor { output, agg_filter, agg_order, over, location: _ }) = constructor else {
            return self.unknown_value();
        };
        sources.add(&self.aggregated(agg_order, agg_filter.as_deref()));
        if let Some(window) = over {
            sources.add(&self.window(window));
        }
        self.json_output(sources, output.as_ref())
    }

    /// `JSON_VALUE` and its like: what a path does not find may be an error.
    fn json_function(&mut self, function: &JsonFuncExpr) -> Value {
        let JsonFuncExpr {
            op: _,
            column_name: _,
            context_item,
            pathspec,
            passing,
            output,
            on_empty,
            on_error,
            wrapper: _,
            quotes: _,
            location: _,
        } = function;
        let mut sources = self.json_value(context_item.as_deref()).sources;
        sources.add(&self.optional(pathspec.as_deref()).sources);
        sources.add(&self.json_passing(passing));
        sources.add(&self.json_behavior(on_empty.as_deref()));
        sources.add(&self.json_behavior(on_error.as_deref()));
        self.uses(UseKind::Raise, &sources);
        self.json_output(sources, output.as_ref())
    }

    pub(super) fn json_passing(&mut self, passing: &[Node]) -> Sources {
        let mut all = Sources::default();
        for argument in passing {
            match &argument.node {
                Some(Kind::JsonArgument(argument)) => {
                    let JsonArgument { val, name: _ } = &**argument;
                    all.add(&self.json_value(val.as_deref()).sources);
                }
                _ => all.add(&self.unknown_value().sources),
            }
        }
        all
    }

    pub(super) fn json_path(&mut self, path: Option<&JsonTablePathSpec>) -> Sources {
        let Some(JsonTablePathSpec { string, name: _, name_location: _, location: _ }) = path else { return Sources::default() };
        self.optional(string.as_deref()).sources
    }

    pub(super) fn json_behavior(&mut self, behavior: Option<&JsonBehavior>) -> Sources {
        let Some(JsonBehavior { btype: _, expr, coerce: _, location: _ }) = behavior else { return Sources::default() };
        self.optional(expr.as_deref()).sources
    }
}
