//! Expressions: what flows into their value, and what they decide on the way.

use super::UseKind;
use super::sort::First;
use super::space::{self, Found};
use super::trace::Trace;
use super::value::{Shape, Sources, Value};
use crate::inspect::postgres::{cut, strings};
use pg_query::protobuf::{
    AArrayExpr, AIndices, AIndirection, BooleanTest, CaseExpr, CaseWhen, CoalesceExpr, ColumnRef, GroupingFunc, List,
    MergeSupportFunc, MinMaxExpr, Node, NullTest, ParamRef, RowExpr, SetToDefault, SqlValueFunction, SubLink, SubLinkType,
    node::Node as Kind,
};

impl Trace<'_> {
    /// An expression.
    pub(super) fn expression(&mut self, node: &Node) -> Value {
        self.deeper(Value::everything, |trace| trace.expression_of(node))
    }

    fn expression_of(&mut self, node: &Node) -> Value {
        let Some(kind) = &node.node else { return self.unknown_value() };
        match kind {
            Kind::AConst(_) => Value::constant(),
            Kind::ParamRef(ParamRef { number: _, location: _ }) => Value::constant(),
            Kind::ColumnRef(column) => self.column(column),
            Kind::FuncCall(call) => self.function(call),
            Kind::AExpr(expression) => self.operation(expression),
            Kind::BoolExpr(expression) => self.boolean(expression),
            Kind::TypeCast(cast) => self.cast(cast),
            Kind::CollateClause(clause) => self.collated(clause),
            Kind::AIndirection(indirection) => self.part(indirection),
            Kind::CaseExpr(case) => self.case(case),
            Kind::CoalesceExpr(coalesce) => {
                let CoalesceExpr { xpr: _, coalescetype: _, coalescecollid: _, args, location: _ } = &**coalesce;
                let values = self.all(args);
                self.guards_next(&values);
                let texts = values.iter().all(|value| value.constant || value.type_oid == Some(super::builtin::TEXT));
                Value::of_all(&values).typed(texts.then_some(super::builtin::TEXT))
            }
            Kind::MinMaxExpr(expression) => {
                let MinMaxExpr { xpr: _, minmaxtype: _, minmaxcollid: _, inputcollid: _, op: _, args, location: _ } =
                    &**expression;
                Value::of_all(&self.all(args))
            }
            Kind::NullTest(test) => {
                let NullTest { xpr: _, arg, nulltesttype: _, argisrow: _, location: _ } = &**test;
                self.tested(arg.as_deref())
            }
            Kind::BooleanTest(test) => {
                let BooleanTest { xpr: _, arg, booltesttype: _, location: _ } = &**test;
                self.tested(arg.as_deref())
            }
            Kind::SubLink(link) => self.subquery(link),
            Kind::AArrayExpr(AArrayExpr { elements, list_start: _, list_end: _, location: _ }) => {
                let values = self.all(elements);
                // Arrays in arrays may not fit.
                Value { loud: true, ..Value::of_all(&values) }
            }
            Kind::RowExpr(row) => {
                let RowExpr { xpr: _, args, row_typeid: _, row_format: _, colnames: _, location: _ } = &**row;
                self.row(args)
            }
            Kind::List(List { items }) => Value::of_all(&self.all(items)),
            Kind::GroupingFunc(grouping) => {
                let GroupingFunc { xpr: _, args, refs: _, agglevelsup: _, location: _ } = &**grouping;
                // Which columns a row is grouped by; the values themselves decide nothing here.
                self.all(args);
                Value::default()
            }
            Kind::NamedArgExpr(argument) => self.named_argument(argument),
            Kind::SqlvalueFunction(function) => {
                let SqlValueFunction { xpr: _, op: _, r#type: _, typmod: _, location: _ } = &**function;
                Value::default()
            }
            Kind::SetToDefault(default) => {
                let SetToDefault { xpr: _, type_id: _, type_mod: _, collation: _, location: _ } = &**default;
                Value::default()
            }
            Kind::MergeSupportFunc(function) => {
                let MergeSupportFunc { xpr: _, msftype: _, msfcollid: _, location: _ } = &**function;
                Value::default()
            }
            // The row that a cursor stands at: no value decides.
            Kind::CurrentOfExpr(_) => Value::default(),
            Kind::MultiAssignRef(assignment) => self.assigned_part(assignment),
            Kind::XmlExpr(_)
            | Kind::XmlSerialize(_)
            | Kind::JsonAggConstructor(_)
            | Kind::JsonArrayAgg(_)
            | Kind::JsonArrayConstructor(_)
            | Kind::JsonArrayQueryConstructor(_)
            | Kind::JsonFuncExpr(_)
            | Kind::JsonIsPredicate(_)
            | Kind::JsonKeyValue(_)
            | Kind::JsonObjectAgg(_)
            | Kind::JsonObjectConstructor(_)
            | Kind::JsonParseExpr(_)
            | Kind::JsonScalarExpr(_)
            | Kind::JsonSerializeExpr(_)
            | Kind::JsonValueExpr(_) => self.document(kind),
            // Whole statements, parts of others, and what only an analysed tree has.
            _ => self.unknown_value(),
        }
    }

    /// Each of a list.
    pub(super) fn all(&mut self, list: &[Node]) -> Vec<Value> {
        list.iter().map(|item| self.expression(item)).collect()
    }

    /// A column, a whole row, or a function of one.
    fn column(&mut self, column: &ColumnRef) -> Value {
        let ColumnRef { fields, location: _ } = column;
        let value = match strings(fields).as_deref() {
            Some([name]) => self.bare(cut(name), fields),
            Some([before @ .., name]) => {
                let schema = match before {
                    [_] => None,
                    [schema, _] | [_, schema, _] => Some(cut(schema)),
                    _ => return Value::everything(),
                };
                let Some(item) = before.last() else { return Value::everything() };
                self.qualified(schema, cut(item), cut(name))
            }
            Some([]) => return self.unknown_value(),
            // `t.*` where one value is expected is a whole row.
            None => match fields.split_last() {
                Some((Node { node: Some(Kind::AStar(_)) }, item @ [_, ..])) => {
                    self.row_named(item).map_or_else(Value::everything, |row| Value::derived(row.row(), row.is_loud()))
                }
                _ => return self.unknown_value(),
            },
        };
        self.spend(value.sources.columns.len());
        value
    }

    /// A name alone: a column, at whatever level, before a whole row.
    fn bare(&self, name: &str, fields: &[Node]) -> Value {
        match space::column(&self.levels, name) {
            Found::Column(value) => value,
            Found::Doubt => Value::everything(),
            Found::Missing => {
                self.row_named(fields).map_or_else(Value::everything, |row| Value::derived(row.row(), row.is_loud()))
            }
        }
    }

    /// Whether a name alone is that of a column.
    pub(super) fn is_column(&self, fields: &[Node]) -> bool {
        match strings(fields).as_deref() {
            Some([name]) => !matches!(space::column(&self.levels, cut(name)), Found::Missing),
            _ => false,
        }
    }

    fn qualified(&mut self, schema: Option<&str>, item: &str, name: &str) -> Value {
        let mut value: Option<Value> = None;
        let mut row = Sources::default();
        let mut missing = false;
        for found in space::items(&self.levels, schema, item) {
            row.add(&found.shape.row());
            match found.column(name) {
                Found::Column(column) => value = Some(value.map_or_else(|| column.clone(), |known| known.or(&column))),
                Found::Doubt | Found::Missing => missing = true,
            }
        }
        match (value, missing) {
            (Some(value), false) => value,
            (Some(value), true) => value.or(&Value::everything()),
            // No column: a function of the row.
            (None, true) => self.call_of(name, Value::derived(row, false)),
            // Nothing of that name.
            (None, false) => Value::everything(),
        }
    }

    /// `(value).name`, `value[1]`.
    fn part(&mut self, indirection: &AIndirection) -> Value {
        let AIndirection { arg, indirection } = indirection;
        // `(t).name` is a column of a whole row.
        let row = match (arg.as_deref().and_then(|arg| arg.node.as_ref()), indirection.as_slice()) {
            (Some(Kind::ColumnRef(column)), [Node { node: Some(Kind::String(name)) }, rest @ ..])
                if !self.is_column(&column.fields) =>
            {
                let found = self.row_named(&column.fields).and_then(|row| {
                    let mut named = row.fields.into_iter().filter(|field| field.name.as_deref() == Some(cut(&name.sval)));
                    named.next().map(|field| field.value)
                });
                found.map(|value| (value, rest))
            }
            _ => None,
        };
        let (mut value, parts) = match row {
            Some(found) => found,
            None => (self.optional(arg.as_deref()), indirection.as_slice()),
        };
        for part in parts {
            value = match &part.node {
                Some(Kind::String(name)) if self.may_be_called(cut(&name.sval)) => self.call_of(cut(&name.sval), value),
                Some(Kind::String(_)) => Value::derived(value.sources, value.loud),
                _ => {
                    let subscript = self.subscript(part);
                    // Which element, or none, hangs on it.
                    self.uses(UseKind::Raise, &subscript);
                    Value::derived(value.sources.and(&subscript), true)
                }
            };
        }
        value
    }

    /// Whether a name behind a value may be a function rather than a part of it.
    fn may_be_called(&self, name: &str) -> bool {
        crate::inspect::reviewed::function(name).is_some() || self.scope.catalog.function_schemas(name).next().is_some()
    }

    /// What is in brackets.
    pub(super) fn subscript(&mut self, node: &Node) -> Sources {
        match &node.node {
            Some(Kind::AIndices(indices)) => {
                let AIndices { is_slice: _, lidx, uidx } = &**indices;
                let lower = self.optional(lidx.as_deref()).sources;
                lower.and(&self.optional(uidx.as_deref()).sources)
            }
            Some(Kind::AStar(_) | Kind::String(_)) => Sources::default(),
            _ => self.unknown_value().sources,
        }
    }

    /// A row, written down. It may have a whole row's columns in it.
    fn row(&mut self, list: &[Node]) -> Value {
        let mut all = Value::default();
        for item in list {
            match self.star(item) {
                Some(Shape { fields, rest }) => {
                    fields.iter().for_each(|field| all.sources.add(&field.value.sources));
                    rest.iter().for_each(|rest| all.sources.add(rest));
                }
                None => {
                    let value = self.expression(item);
                    all.sources.add(&value.sources);
                    all.loud |= value.loud;
                }
            }
        }
        all
    }

    fn tested(&mut self, argument: Option<&Node>) -> Value {
        let value = self.optional(argument);
        Value::derived(value.sources, value.loud).typed(Some(super::builtin::BOOL))
    }

    /// CASE: what is tested decides which result is computed, and that it is.
    fn case(&mut self, case: &CaseExpr) -> Value {
        let CaseExpr { xpr: _, casetype: _, casecollid: _, arg, args, defresult, location: _ } = case;
        let tested = self.optional(arg.as_deref());
        let mut all = Value { direct: false, constant: false, type_oid: None, ..tested.clone() };
        for arm in args {
            let Some(Kind::CaseWhen(arm)) = &arm.node else { return self.unknown_value() };
            let CaseWhen { xpr: _, expr, result, location: _ } = &**arm;
            let condition = self.optional(expr.as_deref());
            if arg.is_some() {
                let compared = self.operator(&[equals()], &[&tested, &condition]);
                self.uses(UseKind::Condition, &compared.sources);
            }
            self.uses(UseKind::Condition, &condition.sources);
            let result = self.optional(result.as_deref());
            all = Value::of_all([&all, &condition, &result]);
        }
        let otherwise = self.optional(defresult.as_deref());
        Value::of_all([&all, &otherwise])
    }

    /// COALESCE: what is NULL decides whether the next is computed; that matters where the next may raise an error.
    fn guards_next(&mut self, values: &[Value]) {
        for (place, value) in values.iter().enumerate() {
            if values.iter().skip(place + 1).any(|next| next.loud) {
                self.uses(UseKind::Condition, &value.sources);
            }
        }
    }

    fn subquery(&mut self, link: &SubLink) -> Value {
        let SubLink { xpr: _, sub_link_type, sub_link_id: _, testexpr, oper_name, subselect, location: _ } = link;
        let tested = self.optional(testexpr.as_deref());
        let shape = self.query(subselect.as_deref());
        match SubLinkType::try_from(*sub_link_type) {
            // Whether there are rows is decided by uses alone, but for UNION and its like that is seen to there.
            Ok(SubLinkType::ExistsSublink) => Value { loud: true, ..Value::default() },
            Ok(SubLinkType::AnySublink | SubLinkType::AllSublink | SubLinkType::RowcompareSublink) => {
                let row = Value::derived(shape.row(), true);
                let equals = [equals()];
                let name = if oper_name.is_empty() { equals.as_slice() } else { oper_name };
                let compared = self.operator(name, &[&tested, &row]);
                Value::derived(compared.sources.and(&row.sources).and(&tested.sources), true)
            }
            // More than one row is an error.
            Ok(SubLinkType::ExprSublink) => Value { loud: true, constant: false, ..shape.at(0) },
            Ok(SubLinkType::ArraySublink) => Value::derived(shape.at(0).sources, true),
            Ok(SubLinkType::Undefined | SubLinkType::MultiexprSublink | SubLinkType::CteSublink) | Err(_) => self.unknown_value(),
        }
    }

    /// What an aggregate's rows are sorted by, and filtered by.
    pub(super) fn aggregated(&mut self, order: &[Node], filter: Option<&Node>) -> Sources {
        let sources = self.sorted(UseKind::Order, order, &Shape::default(), First::Alone);
        sources.and(&self.decides(UseKind::Filter, filter).sources)
    }
}

/// The operator `=` as a statement names it.
fn equals() -> Node {
    Node { node: Some(Kind::String(pg_query::protobuf::String { sval: "=".to_owned() })) }
}
