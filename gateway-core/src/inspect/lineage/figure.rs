//! How a result column without AS is called: as the server calls it.

use crate::inspect::postgres::{cut, strings};
use pg_query::protobuf::{
    AExprKind, JsonExprOp, Node, SelectStmt, SqlValueFunctionOp, SubLinkType, XmlExprOp, node::Node as Kind,
};

/// What an expression that names nothing is called.
const NOTHING: &str = "?column?";
/// Expressions inside one another that are looked through, at most.
const DEEPEST: usize = 200;

/// The name of an expression's column; none where it is not known.
pub(super) fn name(node: &Node) -> Option<Box<str>> {
    match figured(node, 0) {
        Figured::Strong(name) | Figured::Weak(name) => Some(cut(&name).into()),
        Figured::Nothing => Some(NOTHING.into()),
        Figured::Unknown => None,
    }
}

/// A name, and whether that of a cast's type or of CASE gives way to it.
enum Figured {
    Strong(String),
    Weak(String),
    Nothing,
    Unknown,
}

impl Figured {
    /// What is called so itself, where its argument has no name that goes before.
    fn or_weak(self, name: &str) -> Self {
        match self {
            Self::Strong(_) | Self::Unknown => self,
            Self::Weak(_) | Self::Nothing => Self::Weak(name.to_owned()),
        }
    }
}

fn strong(name: &str) -> Figured {
    Figured::Strong(name.to_owned())
}

fn last_string(list: &[Node]) -> Option<&str> {
    list.iter().rev().find_map(|item| match &item.node {
        Some(Kind::String(name)) => Some(name.sval.as_str()),
        _ => None,
    })
}

fn optional(node: Option<&Node>, depth: usize) -> Figured {
    node.map_or(Figured::Nothing, |node| figured(node, depth + 1))
}

fn figured(node: &Node, depth: usize) -> Figured {
    if depth > DEEPEST {
        return Figured::Unknown;
    }
    let Some(kind) = &node.node else { return Figured::Unknown };
    match kind {
        Kind::ColumnRef(column) => last_string(&column.fields).map_or(Figured::Nothing, strong),
        Kind::AIndirection(value) => match last_string(&value.indirection) {
            Some(name) => strong(name),
            None => optional(value.arg.as_deref(), depth),
        },
        Kind::FuncCall(call) => last_string(&call.funcname).map_or(Figured::Unknown, strong),
        Kind::AExpr(expression) if AExprKind::try_from(expression.kind) == Ok(AExprKind::AexprNullif) => strong("nullif"),
        Kind::TypeCast(cast) => {
            let inner = optional(cast.arg.as_deref(), depth);
            let type_name = cast.type_name.as_ref().and_then(|name| strings(&name.names).and_then(|names| names.last().copied()));
            type_name.map_or(Figured::Unknown, |name| inner.or_weak(name))
        }
        Kind::CollateClause(collate) => optional(collate.arg.as_deref(), depth),
        Kind::GroupingFunc(_) => strong("grouping"),
        Kind::MergeSupportFunc(_) => strong("merge_action"),
        Kind::SubLink(link) => match SubLinkType::try_from(link.sub_link_type) {
            Ok(SubLinkType::ExistsSublink) => strong("exists"),
            Ok(SubLinkType::ArraySublink) => strong("array"),
            Ok(SubLinkType::ExprSublink) => match link.subselect.as_deref().and_then(|query| query.node.as_ref()) {
                Some(Kind::SelectStmt(query)) => of_query(query, depth),
                _ => Figured::Unknown,
            },
            Ok(
                SubLinkType::Undefined
                | SubLinkType::AllSublink
                | SubLinkType::AnySublink
                | SubLinkType::RowcompareSublink
                | SubLinkType::MultiexprSublink
                | SubLinkType::CteSublink,
            )
            | Err(_) => Figured::Nothing,
        },
        Kind::CaseExpr(case) => optional(case.defresult.as_deref(), depth).or_weak("case"),
        Kind::AArrayExpr(_) => strong("array"),
        Kind::RowExpr(_) => strong("row"),
        Kind::CoalesceExpr(_) => strong("coalesce"),
        Kind::MinMaxExpr(expression) => strong(if expression.op == 2 { "least" } else { "greatest" }),
        Kind::SqlvalueFunction(function) => sql_value(function.op),
        Kind::XmlExpr(expression) => xml(expression.op),
        Kind::XmlSerialize(_) => strong("xmlserialize"),
        Kind::JsonParseExpr(_) => strong("json"),
        Kind::JsonScalarExpr(_) => strong("json_scalar"),
        Kind::JsonSerializeExpr(_) => strong("json_serialize"),
        Kind::JsonObjectConstructor(_) => strong("json_object"),
        Kind::JsonArrayConstructor(_) | Kind::JsonArrayQueryConstructor(_) => strong("json_array"),
        Kind::JsonObjectAgg(_) => strong("json_objectagg"),
        Kind::JsonArrayAgg(_) => strong("json_arrayagg"),
        Kind::JsonFuncExpr(function) => match JsonExprOp::try_from(function.op) {
            Ok(JsonExprOp::JsonExistsOp) => strong("json_exists"),
            Ok(JsonExprOp::JsonQueryOp) => strong("json_query"),
            Ok(JsonExprOp::JsonValueOp) => strong("json_value"),
            Ok(JsonExprOp::Undefined | JsonExprOp::JsonTableOp) | Err(_) => Figured::Unknown,
        },
        Kind::AConst(_)
        | Kind::AExpr(_)
        | Kind::BoolExpr(_)
        | Kind::BooleanTest(_)
        | Kind::NullTest(_)
        | Kind::ParamRef(_)
        | Kind::JsonIsPredicate(_) => Figured::Nothing,
        // None of these is a result column's expression.
        _ => Figured::Unknown,
    }
}

/// A subquery as a value is called as its first column is.
fn of_query(query: &SelectStmt, depth: usize) -> Figured {
    if depth > DEEPEST {
        return Figured::Unknown;
    }
    if let Some(left) = query.larg.as_deref() {
        return of_query(left, depth + 1);
    }
    if !query.values_lists.is_empty() {
        return strong("column1");
    }
    match query.target_list.first().and_then(|target| target.node.as_ref()) {
        Some(Kind::ResTarget(target)) if !target.name.is_empty() => strong(&target.name),
        Some(Kind::ResTarget(target)) => match target.val.as_deref() {
            Some(value) if !is_star(value) => match figured(value, depth + 1) {
                Figured::Nothing => strong(NOTHING),
                Figured::Weak(name) => Figured::Strong(name),
                known @ (Figured::Strong(_) | Figured::Unknown) => known,
            },
            _ => Figured::Unknown,
        },
        _ => Figured::Unknown,
    }
}

fn is_star(node: &Node) -> bool {
    let last = match &node.node {
        Some(Kind::ColumnRef(column)) => column.fields.last(),
        Some(Kind::AIndirection(value)) => value.indirection.last(),
        _ => None,
    };
    matches!(last, Some(Node { node: Some(Kind::AStar(_)) }))
}

fn sql_value(function: i32) -> Figured {
    match SqlValueFunctionOp::try_from(function) {
        Ok(SqlValueFunctionOp::SvfopCurrentDate) => strong("current_date"),
        Ok(SqlValueFunctionOp::SvfopCurrentTime | SqlValueFunctionOp::SvfopCurrentTimeN) => strong("current_time"),
        Ok(SqlValueFunctionOp::SvfopCurrentTimestamp | SqlValueFunctionOp::SvfopCurrentTimestampN) => strong("current_timestamp"),
        Ok(SqlValueFunctionOp::SvfopLocaltime | SqlValueFunctionOp::SvfopLocaltimeN) => strong("localtime"),
        Ok(SqlValueFunctionOp::SvfopLocaltimestamp | SqlValueFunctionOp::SvfopLocaltimestampN) => strong("localtimestamp"),
        Ok(SqlValueFunctionOp::SvfopCurrentRole) => strong("current_role"),
        Ok(SqlValueFunctionOp::SvfopCurrentUser) => strong("current_user"),
        Ok(SqlValueFunctionOp::SvfopUser) => strong("user"),
        Ok(SqlValueFunctionOp::SvfopSessionUser) => strong("session_user"),
        Ok(SqlValueFunctionOp::SvfopCurrentCatalog) => strong("current_catalog"),
        Ok(SqlValueFunctionOp::SvfopCurrentSchema) => strong("current_schema"),
        Ok(SqlValueFunctionOp::SqlvalueFunctionOpUndefined) | Err(_) => Figured::Unknown,
    }
}

fn xml(function: i32) -> Figured {
    match XmlExprOp::try_from(function) {
        Ok(XmlExprOp::IsXmlconcat) => strong("xmlconcat"),
        Ok(XmlExprOp::IsXmlelement) => strong("xmlelement"),
        Ok(XmlExprOp::IsXmlforest) => strong("xmlforest"),
        Ok(XmlExprOp::IsXmlparse) => strong("xmlparse"),
        Ok(XmlExprOp::IsXmlpi) => strong("xmlpi"),
        Ok(XmlExprOp::IsXmlroot) => strong("xmlroot"),
        Ok(XmlExprOp::IsXmlserialize) => strong("xmlserialize"),
        Ok(XmlExprOp::IsDocument) => Figured::Nothing,
        Ok(XmlExprOp::Undefined) | Err(_) => Figured::Unknown,
    }
}
