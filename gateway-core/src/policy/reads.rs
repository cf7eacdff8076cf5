//! Which facts a policy looks at, by its syntax tree.

use cedar_policy::Policy;
use cedar_policy::pst::{Clause, Expr, Var};

/// What matters of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// `context.parsed` itself.
    pub(super) parsed: bool,
    /// `context.session`, `.run` or `.hour`, or the context in a way that can't be followed.
    pub(super) totals: bool,
}

/// Reads `policy`; the error says what can't be read.
pub(super) fn reads(policy: &Policy) -> Result<Reads, String> {
    let tree = policy.to_pst().map_err(|error| error.to_string())?;
    let mut reads = Reads::default();
    for clause in tree.body().clauses() {
        match clause {
            Clause::When(condition) | Clause::Unless(condition) => walk(condition, &mut reads),
        }
    }
    Ok(reads)
}

fn walk(expression: &Expr, reads: &mut Reads) {
    match expression {
        Expr::GetAttr { expr, attr } if is_context(expr) => match attr.as_str() {
            "parsed" => reads.parsed = true,
            "session" | "run" | "hour" => reads.totals = true,
            _ => {}
        },
        // Whether totals are there is no total, but nobody asks that without wanting one.
        Expr::HasAttr { expr, attrs } if is_context(expr) => {
            reads.totals |= matches!(attrs.first().as_str(), "session" | "run" | "hour");
        }
        Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } | Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => {
            walk(expr, reads);
        }
        Expr::BinaryOp { left, right, .. } => {
            walk(left, reads);
            walk(right, reads);
        }
        Expr::Is { expr, in_expr, .. } => {
            walk(expr, reads);
            if let Some(inside) = in_expr {
                walk(inside, reads);
            }
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            for part in [cond, then_expr, else_expr] {
                walk(part, reads);
            }
        }
        Expr::Set(items) => items.iter().for_each(|item| walk(item, reads)),
        Expr::Record(fields) => fields.values().for_each(|field| walk(field, reads)),
        Expr::Literal(_) | Expr::Slot(_) => {}
        Expr::Var(variable) => reads.totals |= matches!(variable, Var::Context),
        // Cedar may grow: what is not known may look at anything, and permits nothing by itself.
        _ => reads.totals = true,
    }
}

fn is_context(expression: &Expr) -> bool {
    matches!(expression, Expr::Var(Var::Context))
}
