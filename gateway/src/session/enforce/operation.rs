//! An operation that was asked about: what its text does, and what was made of that.

use super::decode::Places;
use super::mask::Masked;
use super::names;
use super::verdict::Judged;
use gateway_core::control::hold::Vote;
use gateway_core::inspect::resolve::Question;
use gateway_core::inspect::{
    Access, Action, Changes, Inspection, NameUse, Object, ObjectName, Statement, TransactionControl, Usage,
};
use gateway_core::protocol::{NameAct, OperationKind, Pass, Rename};
use std::sync::Arc;

/// An operation, from its question to its end; of what is prepared, until it is forgotten.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) kind: OperationKind,
    /// The name that the protocol prepared it under.
    pub(super) name: String,
    pub(super) inspection: Arc<Inspection>,
    pub(super) places: Places,
    /// Its statements as they were last judged.
    pub(super) judged: Arc<Judged>,
    /// The server has confirmed that it is prepared.
    pub(super) prepared: bool,
    /// Whether the transaction had failed when it was asked about, where that was known.
    pub(super) aborted: Option<bool>,
    /// What was recorded of it last, so that the same is not recorded for each execution.
    pub(super) recorded: Arc<Judged>,
    /// Who approved it, or what was bound last.
    pub(super) votes: Vec<Vote>,
}

/// A statement as it was judged.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// With all that the names in it stand for.
    pub(super) statement: Arc<Statement>,
    pub(super) questions: Vec<Question>,
    pub(super) in_transaction: bool,
    /// Code runs in it that nobody has reviewed.
    pub(super) hidden: bool,
    /// What is hidden of its results.
    pub(super) masked: Masked,
}

impl Part {
    pub(super) fn new(statement: Arc<Statement>, questions: Vec<Question>, in_transaction: bool) -> Self {
        let hidden = names::hidden(&statement, &questions);
        Self { statement, questions, in_transaction, hidden, masked: Masked::default() }
    }

    /// Whether names of relations may mean something else behind it.
    pub(super) fn moves_relations(&self) -> bool {
        let ends = |control| !matches!(control, TransactionControl::Begin | TransactionControl::Savepoint);
        let Changes { schema, anything, .. } = self.statement.changes;
        schema || anything || self.hidden || self.masked.runs_code || self.statement.transaction.is_some_and(ends)
    }

    /// Whether the policies are asked about anything of it.
    pub(super) fn is_asked_about(&self) -> bool {
        !self.questions.is_empty() || self.statement.facts.unparsed.is_some()
    }

    /// Whether the policies see the same in both.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        let seen = |part: &Self| (part.statement.command, part.in_transaction);
        seen(self) == seen(other) && self.questions == other.questions && self.statement.facts == other.statement.facts
    }

    /// The same for a call by number, of which only the questions say what it may change.
    pub(super) fn called(mut statement: Arc<Statement>, questions: Vec<Question>, in_transaction: bool) -> Self {
        let harmless = |question: &Question| matches!(question.action, Action::Read | Action::Write);
        if !questions.iter().all(harmless) {
            let statement = Arc::make_mut(&mut statement);
            statement.facts.opaque = true;
            statement.changes = Changes { settings: true, role: true, schema: true, anything: true };
        }
        Self::new(statement, questions, in_transaction)
    }
}

/// What goes through of `parts`. `changed`: the open transaction has changed the session, so that its
/// end may change it back.
pub(super) fn pass(parts: &[Part], places: &Places, changed: bool) -> Pass {
    let mut pass = Pass::default();
    for (number, part) in (0u32..).zip(parts) {
        let ends = part.statement.transaction.is_some_and(|control| !matches!(control, TransactionControl::Begin));
        pass.changes |= part.hidden || names::changes(&part.statement) || (changed && ends);
        pass.code |= part.hidden;
        pass.names.extend(part.statement.names.iter().map(|name| rename(name, number, places)));
    }
    if parts.iter().any(|part| part.masked.plan.is_some()) {
        pass.masks = Some(parts.iter().map(|part| part.masked.plan.clone()).collect());
    }
    pass
}

fn rename(name: &NameUse, statement: u32, places: &Places) -> Rename {
    let act = match name.usage {
        Usage::Make(_) => NameAct::Make,
        Usage::Use => NameAct::Use,
        Usage::Drop => NameAct::Drop,
        Usage::DropAll => NameAct::DropAll,
    };
    Rename { kind: name.kind, act, name: places.encode(&name.name), span: places.bytes(&name.span), statement }
}

/// A text that is one statement, not understood.
pub(super) fn unread(length: usize, why: &str) -> Inspection {
    Inspection { statements: vec![Arc::new(Statement::unparsed(length, why))], cross_checked: false }
}

/// What the protocol binds or runs though SQL made it as `name`: its text is the PREPARE or DECLARE, and
/// what runs is the body of that.
pub(super) fn made(inspection: &Inspection, name: &str) -> Arc<Inspection> {
    let mut names = inspection.statements.iter().flat_map(|statement| &statement.names).rev();
    let body = names.find_map(|made| match &made.usage {
        Usage::Make(body) if *made.name == *name => Some(body),
        Usage::Make(_) | Usage::Use | Usage::Drop | Usage::DropAll => None,
    });
    Arc::new(body.map_or_else(
        || unread(0, "it was not seen prepared"),
        |body| Inspection { statements: vec![Arc::new(Statement::clone(body))], cross_checked: inspection.cross_checked },
    ))
}

/// A function that is called by its number, as a statement of its own: what it does is asked by the number.
pub(super) fn function_call(oid: u32) -> Inspection {
    let object = Object::Function(ObjectName::bare(&format!("oid {oid}")));
    let accesses = vec![Access::new(Action::Call, object)];
    let statement = Statement { command: "FUNCTION CALL", accesses, ..Statement::default() };
    Inspection { statements: vec![Arc::new(statement)], cross_checked: false }
}

impl Operation {
    /// Its part at `number`, as the answers count them.
    pub(super) fn part(&self, number: u32) -> Option<&Part> {
        self.parts().get(usize::try_from(number).ok()?)
    }

    /// The statements that run: what is refused does not.
    pub(super) fn parts(&self) -> &[Part] {
        let parts = &self.judged.parts;
        self.judged.refused.and_then(|number| parts.get(..number)).unwrap_or(parts)
    }

    /// Whether it stays when its execution is over.
    pub(super) const fn stays(&self) -> bool {
        matches!(self.kind, OperationKind::Prepare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::enforce::decode::decode;
    use gateway_core::inspect::NameKind;
    use gateway_core::inspect::catalog::Catalog;
    use gateway_core::inspect::resolve::{Mentions, Scope, resolve_function_call};
    use gateway_core::protocol::Encoding;

    #[test]
    fn names_are_renamed_where_they_stand_in_the_bytes() {
        let bytes = b"SELECT '\xe4'; EXECUTE q";
        let decoded = decode(bytes, Encoding::Latin1).unwrap();
        let at = decoded.text.len() - 1;
        let execute = Statement {
            names: vec![NameUse { kind: NameKind::Prepared, usage: Usage::Use, name: "q".into(), span: at..at + 1 }],
            ..Statement::default()
        };
        let parts = [Statement::default(), execute].map(|statement| Part::new(Arc::new(statement), Vec::new(), false));
        let passed = pass(&parts, &decoded.places, true);
        assert!(!passed.changes);
        let [rename] = passed.names.as_slice() else { panic!("{passed:?}") };
        assert_eq!((rename.act, rename.statement, &bytes[rename.span.clone()]), (NameAct::Use, 1, &b"q"[..]));
    }

    #[test]
    fn what_may_change_the_session_is_said() {
        let passed = |statements: &[Arc<Statement>], changed| {
            let parts: Vec<_> = statements.iter().map(|statement| Part::new(Arc::clone(statement), Vec::new(), false)).collect();
            pass(&parts, &Places::Same, changed)
        };
        let both = Pass { changes: true, code: true, ..Pass::default() };
        assert_eq!(passed(&unread(3, "x").statements, false), both);
        assert_eq!(passed(&[Arc::default()], true), Pass::default());
        let rollback = [Arc::new(Statement { transaction: Some(TransactionControl::Rollback), ..Statement::default() })];
        assert!(passed(&rollback, true).changes && !passed(&rollback, true).code && !passed(&rollback, false).changes);
    }
    #[test]
    fn a_call_by_number_changes_what_its_questions_leave_open() {
        let (catalog, mentions) = (Catalog::default(), Mentions::default());
        let scope = Scope { catalog: Some(&catalog), search_path: None, mentions: &mentions, temporary: &[] };
        for (oid, hidden) in [(954, false), (957, false), (4711, true), (767, true)] {
            let [statement] = <[Arc<Statement>; 1]>::try_from(function_call(oid).statements).unwrap();
            let part = Part::called(statement, resolve_function_call(oid, &scope), false);
            assert_eq!((part.hidden, part.statement.changes.any(), part.questions.len()), (hidden, hidden, 1), "{oid}");
        }
    }
}
