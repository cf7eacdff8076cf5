//! Which facts a policy looks at, by its syntax tree.

use super::thresholds::Counter;
use cedar_policy::Policy;
use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, Var};

/// What matters of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// `context.parsed` itself.
    pub(super) parsed: bool,
    /// `context.mismatch` itself.
    pub(super) mismatch: bool,
    /// `context.granted` itself.
    pub(super) granted: bool,
    /// `resource`, or something in a target by its name, in a condition.
    pub(super) resource: bool,
    /// `context.session`, `.run` or `.hour`, or the context in a way that can't be followed.
    pub(super) totals: bool,
    /// A total is used otherwise than compared with a number.
    pub(super) totals_beyond: bool,
    /// Where a comparison with a total changes: the first number of the other side.
    pub(super) firsts: Vec<(Counter, u64)>,
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
            "mismatch" => reads.mismatch = true,
            "granted" => reads.granted = true,
            "session" | "run" | "hour" => reads.beyond(),
            _ => {}
        },
        // Whether totals are there is no total, but nobody asks that without wanting one.
        Expr::HasAttr { expr, attrs } if is_context(expr) => {
            reads.totals |= matches!(attrs.first().as_str(), "session" | "run" | "hour");
        }
        Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } | Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => {
            walk(expr, reads);
        }
        Expr::BinaryOp { op, left, right } => {
            if !compares(*op, left, right, reads) {
                walk(left, reads);
                walk(right, reads);
            }
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
        // Whether it is there, and what it is in, hangs on what is asked about.
        Expr::Literal(Literal::EntityUID(named)) => {
            reads.resource |=
                !matches!(named.ty.to_string().as_str(), "Action" | "Workload" | "Group" | "Target" | "Environment");
        }
        Expr::Literal(_) | Expr::Slot(_) => {}
        Expr::Var(variable) => {
            if matches!(variable, Var::Context) {
                reads.beyond();
            }
            reads.resource |= matches!(variable, Var::Resource);
        }
        // Cedar may grow: what is not known may look at anything, and permits nothing by itself.
        _ => {
            reads.beyond();
            reads.resource = true;
        }
    }
}

impl Reads {
    const fn beyond(&mut self) {
        self.totals = true;
        self.totals_beyond = true;
    }
}

/// Notes a comparison of a total with a number; false where it is none.
fn compares(operator: BinaryOp, left: &Expr, right: &Expr, reads: &mut Reads) -> bool {
    let (counter, number, turned) = match (counter(left), right, left, counter(right)) {
        (Some(counter), Expr::Literal(Literal::Long(number)), ..) => (counter, *number, false),
        (_, _, Expr::Literal(Literal::Long(number)), Some(counter)) => (counter, *number, true),
        _ => return false,
    };
    let behind = number.checked_add(1);
    let firsts = match (operator, turned) {
        (BinaryOp::Eq | BinaryOp::NotEq, _) => [Some(number), behind],
        (BinaryOp::Less | BinaryOp::GreaterEq, false) | (BinaryOp::Greater | BinaryOp::LessEq, true) => [Some(number), None],
        (BinaryOp::Greater | BinaryOp::LessEq, false) | (BinaryOp::Less | BinaryOp::GreaterEq, true) => [behind, None],
        _ => return false,
    };
    reads.totals = true;
    // No total is below 0.
    let firsts = firsts.into_iter().flatten().filter_map(|first| u64::try_from(first).ok().filter(|first| *first > 0));
    reads.firsts.extend(firsts.map(|first| (counter, first)));
    true
}

/// `context.session.rows` and its like.
fn counter(expression: &Expr) -> Option<Counter> {
    let Expr::GetAttr { expr: inside, attr: field } = expression else { return None };
    match inside.as_ref() {
        Expr::GetAttr { expr, attr: scope } if is_context(expr) => Counter::named(scope, field),
        _ => None,
    }
}

fn is_context(expression: &Expr) -> bool {
    matches!(expression, Expr::Var(Var::Context))
}
