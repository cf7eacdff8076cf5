//! Expressions that call something: functions, operators, casts.

use super::parts::kind;
use super::{Part, Walk};
use crate::inspect::postgres::places::Place;
use crate::inspect::postgres::sweep::Counted;
use crate::inspect::postgres::{builtin, names};
use crate::inspect::{Action, NameKind, Object, ObjectName, Usage};
use pg_query::protobuf::{
    self, AExpr, AExprKind, ColumnRef, CurrentOfExpr, FuncCall, JsonOutput, JsonTableColumn, Node, RangeTableFuncCol, SortBy,
    SubLink, SubLinkType, TypeCast, TypeName, XmlSerialize, a_const, node::Node as Kind,
};

impl Part for ColumnRef {
    fn walk(&self, walk: &mut Walk) {
        let Self { fields, location: _ } = self;
        walk.seen(Counted::ColumnRef);
        fields.walk(walk);
        // The first is a column or a relation.
        if let [_, .., last] = fields.as_slice() {
            walk.member(last, Object::Member);
        }
    }
}

impl Part for protobuf::AIndirection {
    fn walk(&self, walk: &mut Walk) {
        let Self { arg, indirection } = self;
        arg.walk(walk);
        indirection.walk(walk);
        indirection.iter().for_each(|item| walk.member(item, Object::MemberOfValue));
    }
}

impl Part for protobuf::CaseExpr {
    fn walk(&self, walk: &mut Walk) {
        let Self { xpr, arg, args, defresult, casetype: _, casecollid: _, location: _ } = self;
        xpr.walk(walk);
        if arg.is_some() {
            walk.symbol("=");
        }
        arg.walk(walk);
        args.walk(walk);
        defresult.walk(walk);
    }
}

impl Part for FuncCall {
    fn walk(&self, walk: &mut Walk) {
        let Self {
            funcname,
            args,
            agg_order,
            agg_filter,
            over,
            agg_within_group: _,
            agg_star: _,
            agg_distinct: _,
            func_variadic: _,
            funcformat: _,
            location: _,
        } = self;
        walk.seen(Counted::FuncCall);
        match names::listed(funcname) {
            Some(name) => walk.call(name, args),
            None => walk.trouble("a function's name is not a name"),
        }
        args.walk(walk);
        agg_order.walk(walk);
        agg_filter.walk(walk);
        over.walk(walk);
    }
}

impl Part for AExpr {
    fn walk(&self, walk: &mut Walk) {
        let Self { kind, name, lexpr, rexpr, rexpr_list_start: _, rexpr_list_end: _, location: _ } = self;
        walk.seen(Counted::AExpr);
        match AExprKind::try_from(*kind) {
            // Their name is BETWEEN and so on.
            Ok(AExprKind::AexprBetween | AExprKind::AexprBetweenSym) => {
                walk.symbol(">=");
                walk.symbol("<=");
            }
            Ok(AExprKind::AexprNotBetween | AExprKind::AexprNotBetweenSym) => {
                walk.symbol("<");
                walk.symbol(">");
            }
            Ok(
                AExprKind::AexprOp
                | AExprKind::AexprOpAny
                | AExprKind::AexprOpAll
                | AExprKind::AexprDistinct
                | AExprKind::AexprNotDistinct
                | AExprKind::AexprNullif
                | AExprKind::AexprIn
                | AExprKind::AexprLike
                | AExprKind::AexprIlike
                | AExprKind::AexprSimilar,
            ) => walk.operator(name),
            Ok(AExprKind::Undefined) | Err(_) => walk.trouble("an operator of an unknown kind"),
        }
        lexpr.walk(walk);
        rexpr.walk(walk);
    }
}

impl Part for SortBy {
    fn walk(&self, walk: &mut Walk) {
        let Self { node, sortby_dir: _, sortby_nulls: _, use_op, location: _ } = self;
        if !use_op.is_empty() {
            walk.operator(use_op);
        }
        node.walk(walk);
    }
}

impl Part for SubLink {
    fn walk(&self, walk: &mut Walk) {
        let Self { xpr, sub_link_type, sub_link_id: _, testexpr, oper_name, subselect, location: _ } = self;
        walk.seen(Counted::SubLink);
        xpr.walk(walk);
        testexpr.walk(walk);
        if !oper_name.is_empty() {
            walk.operator(oper_name);
        } else if SubLinkType::try_from(*sub_link_type) == Ok(SubLinkType::AnySublink) {
            // IN.
            walk.symbol("=");
        }
        subselect.walk(walk);
    }
}

impl Part for TypeCast {
    fn walk(&self, walk: &mut Walk) {
        let Self { arg, type_name, location: _ } = self;
        walk.seen(Counted::TypeCast);
        arg.walk(walk);
        walk.input_of(type_name.as_ref());
    }
}

impl Part for TypeName {
    /// A type that is only named. What makes a value of it calls `input_of`.
    fn walk(&self, walk: &mut Walk) {
        let Self { names, type_oid: _, setof: _, pct_type: _, typmods, typemod: _, array_bounds, location: _ } = self;
        walk.seen(Counted::TypeName);
        names.walk(walk);
        typmods.walk(walk);
        array_bounds.walk(walk);
    }
}

impl Part for XmlSerialize {
    fn walk(&self, walk: &mut Walk) {
        let Self { xmloption: _, expr, type_name, indent: _, location: _ } = self;
        expr.walk(walk);
        walk.input_of(type_name.as_ref());
    }
}

impl Part for JsonOutput {
    fn walk(&self, walk: &mut Walk) {
        let Self { type_name, returning } = self;
        walk.input_of(type_name.as_ref());
        returning.walk(walk);
    }
}

impl Part for JsonTableColumn {
    fn walk(&self, walk: &mut Walk) {
        let Self {
            coltype: _,
            name: _,
            type_name,
            pathspec,
            format,
            wrapper: _,
            quotes: _,
            columns,
            on_empty,
            on_error,
            location: _,
        } = self;
        walk.input_of(type_name.as_ref());
        pathspec.walk(walk);
        format.walk(walk);
        columns.walk(walk);
        on_empty.walk(walk);
        on_error.walk(walk);
    }
}

impl Part for RangeTableFuncCol {
    fn walk(&self, walk: &mut Walk) {
        let Self { colname: _, type_name, for_ordinality: _, is_not_null: _, colexpr, coldefexpr, location: _ } = self;
        walk.input_of(type_name.as_ref());
        colexpr.walk(walk);
        coldefexpr.walk(walk);
    }
}

impl Part for CurrentOfExpr {
    fn walk(&self, walk: &mut Walk) {
        let Self { xpr, cvarno: _, cursor_name, cursor_param: _ } = self;
        walk.seen(Counted::CurrentOfExpr);
        xpr.walk(walk);
        walk.want(NameKind::Cursor, Usage::Use, cursor_name, Place::CurrentOf);
    }
}

impl Walk {
    /// A call, with what is known of the functions that reach rows by themselves.
    pub(super) fn call(&mut self, name: ObjectName, args: &[Node]) {
        if name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog" || schema == "public") {
            self.known_function(&name.name, args);
        } else if builtin::runs_text(&name.name) {
            self.runs_text();
        }
        self.access(Action::Call, Object::Function(name));
    }

    fn known_function(&mut self, name: &str, args: &[Node]) {
        match name {
            "nextval" | "setval" => self.sequence(Action::Write, args.first()),
            "currval" | "pg_sequence_last_value" => self.sequence(Action::Read, args.first()),
            "lastval" => self.on_target(Action::Read),
            "set_config" => {
                self.out.changes.settings = true;
                // It may name `role` or `session_authorization`.
                self.out.changes.role = true;
            }
            _ => match builtin::large_object(name) {
                Some(true) => self.on_target(Action::Write),
                Some(false) => self.on_target(Action::Read),
                None if builtin::runs_text(name) => self.runs_text(),
                None => {}
            },
        }
    }

    fn runs_text(&mut self) {
        self.out.facts.opaque = true;
        self.out.changes.anything = true;
    }

    /// The sequence that a function is given: by a literal, else it may be any.
    fn sequence(&mut self, action: Action, argument: Option<&Node>) {
        match argument.and_then(literal).and_then(names::regclass) {
            Some(name) => self.access(action, Object::Relation(name)),
            None => self.on_target(action),
        }
    }

    /// An operator.
    pub(super) fn operator(&mut self, listed: &[Node]) {
        let Some(parts) = names::strings(listed) else { return self.trouble("an operator's name is not a name") };
        match *parts.as_slice() {
            [symbol] => self.symbol(symbol),
            ["pg_catalog", symbol] if builtin::is_operator(symbol) => {}
            _ => match names::dotted(&parts) {
                Some(name) => self.access(Action::Call, Object::Operator(name)),
                None => self.trouble("an operator's name is not a name"),
            },
        }
    }

    /// An operator without a schema. Long conditions have few of them: each is kept once.
    pub(super) fn symbol(&mut self, symbol: &str) {
        if !self.symbols.contains(symbol) {
            self.symbols.insert(symbol.into());
            self.access(Action::Call, Object::Operator(names::object("", symbol)));
        }
    }

    /// What may be a column or a function: `t.name`, and `(value).name`. A star and a subscript are neither.
    fn member(&mut self, node: &Node, object: fn(Box<str>) -> Object) {
        if let Some(Kind::String(name)) = &node.node {
            let name = names::cut(&name.sval);
            self.access(Action::Call, object(name.into()));
            if builtin::runs_text(name) {
                self.runs_text();
            }
        }
    }

    /// A value of a type is made from text or from another type's: a type that is not built in runs its own code for that.
    pub(super) fn input_of(&mut self, type_name: Option<&TypeName>) {
        let Some(type_name) = type_name else { return };
        type_name.walk(self);
        match names::strings(&type_name.names).as_deref() {
            Some(["pg_catalog", name] | [name]) if builtin::is_type(name) => {}
            Some(parts) => match names::dotted(parts) {
                Some(name) => self.access(Action::Call, Object::Function(name)),
                None => self.trouble("a type's name is not a name"),
            },
            None => self.trouble("a type's name is not a name"),
        }
    }
}

/// The text of a string literal, also where it is cast: `'seq'`, `'seq'::regclass`.
pub(in crate::inspect) fn literal(node: &Node) -> Option<&str> {
    match &node.node {
        Some(Kind::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Sval(text)) => Some(&text.sval),
            _ => None,
        },
        Some(Kind::TypeCast(cast)) => cast.arg.as_deref().and_then(literal),
        _ => None,
    }
}

/// The name of a node's kind, where it has one.
pub(super) fn kind_of(node: &Node) -> String {
    node.node.as_ref().map_or_else(|| "nothing".to_owned(), kind)
}

impl Part for protobuf::ObjectWithArgs {
    fn walk(&self, walk: &mut Walk) {
        let Self { objname, objargs, objfuncargs, args_unspecified: _ } = self;
        walk.seen(Counted::ObjectWithArgs);
        objname.walk(walk);
        objargs.walk(walk);
        objfuncargs.walk(walk);
    }
}
