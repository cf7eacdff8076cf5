//! Operators, and what is decided by them.

use super::UseKind;
use super::builtin;
use super::trace::Trace;
use super::value::{Sources, Value};
use crate::inspect::postgres::strings;
use crate::inspect::reviewed;
use pg_query::protobuf::{AExpr, AExprKind, BoolExpr, BoolExprType, List, Node, node::Node as Kind};

impl Trace<'_> {
    /// An expression with an operator.
    pub(super) fn operation(&mut self, expression: &AExpr) -> Value {
        let AExpr { kind, name, lexpr, rexpr, rexpr_list_start: _, rexpr_list_end: _, location: _ } = expression;
        let (left, right) = (self.optional(lexpr.as_deref()), self.side(rexpr.as_deref()));
        match AExprKind::try_from(*kind) {
            Ok(AExprKind::AexprBetween | AExprKind::AexprBetweenSym) => {
                self.symbol(">=", &[&left, &right]);
                self.symbol("<=", &[&left, &right])
            }
            Ok(AExprKind::AexprNotBetween | AExprKind::AexprNotBetweenSym) => {
                self.symbol("<", &[&left, &right]);
                self.symbol(">", &[&left, &right])
            }
            Ok(AExprKind::AexprNullif) => {
                // Whether it is NULL says whether they are equal.
                let value = self.operator(name, &[&left, &right]);
                self.uses(UseKind::Condition, &value.sources);
                Value::derived(value.sources.and(&left.sources), value.loud).typed(left.type_oid)
            }
            Ok(AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar) => {
                let value = self.operator(name, &[&left, &right]);
                self.uses(UseKind::Match, &value.sources);
                value
            }
            Ok(
                AExprKind::AexprOp
                | AExprKind::AexprOpAny
                | AExprKind::AexprOpAll
                | AExprKind::AexprDistinct
                | AExprKind::AexprNotDistinct
                | AExprKind::AexprIn,
            ) => self.operator(name, &[&left, &right]),
            Ok(AExprKind::Undefined) | Err(_) => self.unknown_value(),
        }
    }

    /// What stands behind an operator: IN and BETWEEN have a list.
    fn side(&mut self, node: Option<&Node>) -> Value {
        match node.and_then(|node| node.node.as_ref()) {
            Some(Kind::List(List { items })) => {
                let values: Vec<_> = items.iter().map(|item| self.expression(item)).collect();
                Value::of_all(&values)
            }
            _ => self.optional(node),
        }
    }

    /// An operator by its name.
    pub(super) fn operator(&mut self, name: &[Node], values: &[&Value]) -> Value {
        match strings(name).as_deref() {
            Some([symbol]) => self.symbol(symbol, values),
            Some(["pg_catalog", symbol]) => self.built_in(symbol, values),
            _ => {
                let given = Value::of_all(values.iter().copied());
                self.unreviewed(&given.sources)
            }
        }
    }

    /// An operator without a schema.
    fn symbol(&mut self, symbol: &str, values: &[&Value]) -> Value {
        if self.has_own_operator(symbol) {
            let given = Value::of_all(values.iter().copied());
            return self.unreviewed(&given.sources);
        }
        self.built_in(symbol, values)
    }

    /// An operator of the server's own.
    fn built_in(&mut self, symbol: &str, values: &[&Value]) -> Value {
        let given = Value::of_all(values.iter().copied());
        if !reviewed::is_operator(symbol) {
            return self.unreviewed(&given.sources);
        }
        if builtin::compares(symbol) {
            return given.typed(Some(builtin::BOOL));
        }
        if symbol == "||" {
            return self.joined(values, given);
        }
        let kind = if builtin::matches_pattern(symbol) { UseKind::Match } else { UseKind::Raise };
        self.uses(kind, &given.sources);
        Value::derived(given.sources, true)
    }

    /// `||` joins texts, and whatever else has a text; arrays and json documents may not fit.
    fn joined(&mut self, values: &[&Value], given: Value) -> Value {
        let text = values.iter().any(|value| value.type_oid.is_some_and(builtin::is_text));
        let fits = values.iter().all(|value| {
            let known = value.type_oid.is_some_and(builtin::can_be_joined);
            known || value.constant || (value.sources.is_empty() && value.type_oid.is_none())
        });
        if !fits {
            self.uses(UseKind::Raise, &given.sources);
        }
        let loud = given.loud || !(fits && text);
        Value::derived(given.sources, loud).typed((fits && text).then_some(builtin::TEXT))
    }

    /// Whether a user may have put an operator of this symbol where it is found.
    fn has_own_operator(&self, symbol: &str) -> bool {
        let catalog = self.scope.catalog;
        let mut known = catalog.operators(symbol).filter(|(schema, _)| self.reachable(schema));
        known.any(|(_, function)| function.is_none_or(|(schema, name)| catalog.has_own_function(schema, name)))
    }

    /// AND, OR, NOT: an arm may keep the next from being computed.
    pub(super) fn boolean(&mut self, expression: &BoolExpr) -> Value {
        let BoolExpr { xpr: _, boolop, args, location: _ } = expression;
        let values: Vec<_> = args.iter().map(|arm| self.expression(arm)).collect();
        match BoolExprType::try_from(*boolop) {
            Ok(BoolExprType::AndExpr | BoolExprType::OrExpr) => self.guards(&values),
            Ok(BoolExprType::NotExpr) => {}
            Ok(BoolExprType::Undefined) | Err(_) => self.give_up(),
        }
        Value::of_all(&values).typed(Some(builtin::BOOL))
    }

    /// Values of which one decides whether another, that may raise an error, is computed at all.
    pub(super) fn guards(&mut self, values: &[Value]) {
        for (place, value) in values.iter().enumerate() {
            let others = values.iter().enumerate().any(|(other, value)| other != place && value.loud);
            if others {
                self.uses(UseKind::Condition, &value.sources);
            }
        }
    }

    /// `column = given`: the column, where it is one, and else the value.
    pub(super) fn equality(&mut self, expression: &AExpr) -> (Value, Option<Sources>) {
        let AExpr { kind: _, name, lexpr, rexpr, rexpr_list_start: _, rexpr_list_end: _, location: _ } = expression;
        let (left, right) = (self.optional(lexpr.as_deref()), self.optional(rexpr.as_deref()));
        let value = self.operator(name, &[&left, &right]);
        // With a collation of one's own it may be another equality.
        let column = match (is_named(lexpr.as_deref()) && left.direct, is_named(rexpr.as_deref()) && right.direct) {
            (true, false) if right.constant => Some(left.sources),
            (false, true) if left.constant => Some(right.sources),
            _ => None,
        };
        // An operator of a user's own is no equality.
        let column = column.filter(|column| *column == value.sources);
        (value, column)
    }
}

/// Whether an expression is a column's name and nothing else.
fn is_named(node: Option<&Node>) -> bool {
    matches!(node.and_then(|node| node.node.as_ref()), Some(Kind::ColumnRef(_) | Kind::AIndirection(_)))
}

/// Whether an expression is one operator `=`.
pub(super) fn is_equality(expression: &AExpr) -> bool {
    AExprKind::try_from(expression.kind) == Ok(AExprKind::AexprOp)
        && matches!(strings(&expression.name).as_deref(), Some(["="] | ["pg_catalog", "="]))
}
