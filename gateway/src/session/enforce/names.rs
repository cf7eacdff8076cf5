//! The session's prepared statements and cursors by the names that SQL has for them, as the server's
//! answers confirm them.

use super::own::OwnRelations;
use gateway_core::inspect::lineage::Own;
use gateway_core::inspect::resolve::Question;
use gateway_core::inspect::{Action, Changes, Facts, NameKind, NameUse, Rejection, Statement, Usage};
use gateway_core::protocol::OperationId;
use std::collections::HashMap;
use std::sync::Arc;

/// Names that are kept. What is made beyond is not known later, and refused then.
const MOST: usize = 10_000;
/// How many names may stand for one another: a prepared statement on a cursor is the deepest there is.
const DEEPEST: usize = 4;

/// What names stand for.
///
/// A cursor stays here when its transaction ends, since it may be WITH HOLD. One that has gone can't be
/// used; one that is made again, in a way that can be seen, is replaced.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    prepared: HashMap<Box<str>, Meaning>,
    cursors: HashMap<Box<str>, Meaning>,
    /// Code has run that nobody has read: it may have made any name.
    code: bool,
    /// Its relations.
    relations: OwnRelations,
}

/// What a name stands for.
#[derive(Clone, Debug)]
struct Meaning {
    statement: Arc<Statement>,
    /// The operation that prepared it, where the protocol did and not SQL.
    by: Option<OperationId>,
}

impl Names {
    /// `statement` with all that the names in it stand for.
    pub(super) fn effective(&self, statement: &Arc<Statement>) -> Arc<Statement> {
        if !statement.names.iter().any(|name| name.usage == Usage::Use) {
            return Arc::clone(statement);
        }
        let mut whole = Statement::clone(statement);
        self.add(statement, &mut whole, DEEPEST);
        Arc::new(whole)
    }

    fn add(&self, part: &Statement, whole: &mut Statement, depth: usize) {
        for name in part.names.iter().filter(|name| name.usage == Usage::Use) {
            match self.meaning(name.kind, &name.name).filter(|_| depth > 0) {
                Some(body) => {
                    merge(whole, body);
                    self.add(body, whole, depth - 1);
                }
                None => self.unknown(name, whole),
            }
        }
    }

    /// What a name stands for, where that is known.
    pub(super) fn meaning(&self, kind: NameKind, name: &str) -> Option<&Statement> {
        // How the server folds other letters depends on its locale.
        let table = if name.is_ascii() { self.table(kind) } else { return None };
        table.get(name).map(|meaning| meaning.statement.as_ref())
    }

    /// Nobody knows what `name` stands for.
    fn unknown(&self, name: &NameUse, whole: &mut Statement) {
        let why = match name.kind {
            NameKind::Prepared => "EXECUTE of a statement that was not seen prepared",
            NameKind::Cursor => "use of a cursor that was not seen declared",
        };
        whole.facts.opaque = true;
        whole.facts.unparsed.get_or_insert_with(|| why.to_owned());
        whole.changes = Changes { settings: true, role: true, schema: true, anything: true };
        // Whatever made it would have been seen: the server has none either.
        if !self.code && name.name.is_ascii() && self.table(name.kind).len() < MOST {
            whole.rejection.get_or_insert_with(|| Box::new(nothing_of(name)));
        }
    }

    /// The server has done `statement`, or will have before what comes next.
    pub(super) fn done(&mut self, statement: &Statement, hidden: bool) {
        self.ran(hidden);
        for name in &statement.names {
            let table = self.table_mut(name.kind);
            match &name.usage {
                Usage::Make(body) => {
                    let statement = Arc::new(Statement::clone(body));
                    insert(table, &name.name, Meaning { statement, by: None });
                }
                Usage::Use => {}
                Usage::Drop => {
                    table.remove(&name.name);
                }
                Usage::DropAll => table.clear(),
            }
        }
    }

    /// What the session has made and done, as lineage takes it.
    pub(super) const fn own(&self) -> &Own {
        self.relations.own()
    }

    /// Its relations, to be told what came of them.
    pub(super) const fn relations(&mut self) -> &mut OwnRelations {
        &mut self.relations
    }

    /// The server has run something, well or not: names are no part of a transaction, so code that
    /// can't be seen here may have changed them even where it failed.
    ///
    /// Cursors stay: all that such code could put in a cursor's place is rows that it may read itself, and
    /// a job that fetches while it calls functions is an ordinary one.
    pub(super) fn ran(&mut self, hidden: bool) {
        if hidden {
            self.prepared.clear();
            self.code = true;
        }
    }

    /// The server has prepared `statement` by the protocol, under `name`. The empty one has none in SQL.
    pub(super) fn prepared(&mut self, name: &str, statement: &Arc<Statement>, by: OperationId) {
        if !name.is_empty() {
            insert(&mut self.prepared, name, Meaning { statement: Arc::clone(statement), by: Some(by) });
        }
    }

    /// The server has bound `statement`, which was prepared as `by`, to the portal `name`: SQL can fetch from it.
    pub(super) fn bound(&mut self, name: &str, statement: &Arc<Statement>, by: OperationId) {
        insert(&mut self.cursors, name, Meaning { statement: Arc::clone(statement), by: Some(by) });
    }

    /// What the protocol prepared as `by` is gone.
    pub(super) fn forgotten(&mut self, by: OperationId) {
        self.prepared.retain(|_, meaning| meaning.by != Some(by));
    }

    const fn table(&self, kind: NameKind) -> &HashMap<Box<str>, Meaning> {
        match kind {
            NameKind::Prepared => &self.prepared,
            NameKind::Cursor => &self.cursors,
        }
    }

    const fn table_mut(&mut self, kind: NameKind) -> &mut HashMap<Box<str>, Meaning> {
        match kind {
            NameKind::Prepared => &mut self.prepared,
            NameKind::Cursor => &mut self.cursors,
        }
    }
}

/// Whether code runs in `statement` that can't be seen here, and that nobody has reviewed.
pub(super) fn hidden(statement: &Statement, questions: &[Question]) -> bool {
    let calls = || questions.iter().any(|question| question.action == Action::Call);
    // PREPARE alone runs nothing of its body. DECLARE plans it, and that runs immutable functions.
    let makes = |name: &NameUse| name.kind == NameKind::Prepared && matches!(name.usage, Usage::Make(_));
    statement.changes.anything || (calls() && !statement.names.iter().any(makes))
}

/// Whether what is prepared may be another, or mean something else, after `statement`.
pub(super) fn changes(statement: &Statement) -> bool {
    let renames = |name: &NameUse| name.usage != Usage::Use;
    statement.changes.any() || statement.names.iter().any(renames)
}

fn insert(table: &mut HashMap<Box<str>, Meaning>, name: &str, meaning: Meaning) {
    if table.len() < MOST || table.contains_key(name) {
        table.insert(name.into(), meaning);
    }
}

fn merge(whole: &mut Statement, body: &Statement) {
    if whole.command == "EXECUTE" {
        whole.command = body.command;
    }
    for access in &body.accesses {
        if !whole.accesses.contains(access) {
            whole.accesses.push(access.clone());
        }
    }
    let Facts { unparsed, no_where, opaque, explain, locking, copy, constant } = &body.facts;
    let facts = &mut whole.facts;
    if facts.unparsed.is_none() {
        facts.unparsed.clone_from(unparsed);
    }
    facts.no_where |= no_where;
    facts.opaque |= opaque;
    facts.explain |= explain;
    facts.locking |= locking;
    facts.copy = facts.copy.or(*copy);
    facts.constant &= constant;
    whole.changes = whole.changes.or(body.changes);
}

/// What the server says of a name that it does not have (PostgreSQL, `FetchPreparedStatement`, `PerformPortalFetch`).
fn nothing_of(name: &NameUse) -> Rejection {
    let (code, what) = match name.kind {
        NameKind::Prepared => ("26000", "prepared statement"),
        NameKind::Cursor => ("34000", "cursor"),
    };
    Rejection { code, message: format!("{what} \"{}\" does not exist", name.name), position: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::inspect::resolve::Resource;
    use gateway_core::inspect::{Access, Object, ObjectName};

    fn access(action: Action, name: &str) -> Access {
        Access::new(action, Object::Relation(ObjectName::bare(name)))
    }

    fn delete() -> Statement {
        Statement {
            command: "DELETE",
            accesses: vec![access(Action::Write, "users")],
            facts: Facts { no_where: true, ..Facts::default() },
            ..Statement::default()
        }
    }

    fn named(command: &'static str, kind: NameKind, usage: Usage, name: &str) -> Statement {
        Statement { command, names: vec![NameUse { kind, usage, name: name.into(), span: 0..0 }], ..Statement::default() }
    }

    fn effective(names: &Names, statement: Statement) -> Statement {
        Statement::clone(&names.effective(&Arc::new(statement)))
    }

    fn execute(name: &str) -> Statement {
        named("EXECUTE", NameKind::Prepared, Usage::Use, name)
    }

    fn prepare(name: &str) -> Statement {
        named("PREPARE", NameKind::Prepared, Usage::Make(Box::new(delete())), name)
    }

    fn question(access: &Access) -> Question {
        Question { action: access.action, resource: Resource::Target, behind: None, verb: None }
    }

    fn call() -> Statement {
        Statement { command: "SELECT", accesses: vec![access(Action::Call, "f")], ..Statement::default() }
    }

    /// What EXECUTE q is after the server did, or only ran, these.
    fn check(steps: &[(Statement, bool)], known: Is) {
        let mut names = Names::default();
        for (statement, done) in steps {
            let questions: Vec<_> = statement.accesses.iter().map(question).collect();
            let hidden = hidden(statement, &questions);
            if *done { names.done(statement, hidden) } else { names.ran(hidden) }
        }
        let executed = effective(&names, execute("q"));
        if let Is::Known = known {
            assert_eq!((executed.command, executed.facts.no_where), ("DELETE", true), "{steps:?}");
            assert_eq!((executed.accesses, executed.facts.unparsed), (delete().accesses, None), "{steps:?}");
        } else {
            assert!(executed.facts.opaque && executed.facts.unparsed.is_some() && hidden(&executed, &[]), "{steps:?}");
            let code = executed.rejection.map(|rejection| rejection.code);
            assert_eq!(code, matches!(known, Is::Nothing).then_some("26000"), "{steps:?}");
        }
    }

    /// What a name can stand for.
    #[derive(Clone, Copy)]
    enum Is {
        Known,
        /// Whatever code has made of it.
        Unknown,
        /// The server has none either.
        Nothing,
    }

    #[test]
    fn a_name_stands_for_what_the_server_confirmed() {
        let drop = || named("DEALLOCATE", NameKind::Prepared, Usage::Drop, "q");
        let drop_all = || named("DEALLOCATE ALL", NameKind::Prepared, Usage::DropAll, "");
        check(&[], Is::Nothing);
        check(&[(prepare("q"), true)], Is::Known);
        check(&[(prepare("q"), false)], Is::Nothing);
        check(&[(prepare("other"), true)], Is::Nothing);
        check(&[(prepare("q"), true), (drop(), true)], Is::Nothing);
        check(&[(prepare("q"), true), (drop(), false)], Is::Known);
        check(&[(prepare("q"), true), (drop_all(), true)], Is::Nothing);
        check(&[(prepare("q"), true), (call(), true)], Is::Unknown);
        check(&[(prepare("q"), true), (call(), false)], Is::Unknown);
        check(&[(call(), true), (prepare("q"), true)], Is::Known);
        check(&[(call(), true)], Is::Unknown);
        check(&[(prepare("q"), true), (Statement::unparsed(1, "x"), false)], Is::Unknown);
        let calling = named("PREPARE", NameKind::Prepared, Usage::Make(Box::new(call())), "other");
        check(&[(prepare("q"), true), (Statement { accesses: call().accesses, ..calling }, true)], Is::Known);
        let declare = named("DECLARE", NameKind::Cursor, Usage::Make(Box::default()), "q");
        check(&[(prepare("q"), true), (declare, true)], Is::Known);
    }

    #[test]
    fn a_portal_of_the_protocol_is_a_cursor_and_stays_one_beside_code() {
        let fetch = |name: &str| named("FETCH", NameKind::Cursor, Usage::Use, name);
        let read = Arc::new(Statement { accesses: vec![access(Action::Read, "users")], ..Statement::default() });
        let mut names = Names::default();
        names.bound("portal", &read, OperationId(1));
        let other = effective(&names, fetch("other"));
        assert_eq!((other.facts.unparsed.is_some(), other.rejection.map(|rejection| rejection.code)), (true, Some("34000")));
        names.ran(true);
        assert_eq!(effective(&names, fetch("portal")).accesses, read.accesses);
        let other = effective(&names, fetch("other"));
        assert_eq!((other.facts.unparsed.is_some(), other.rejection), (true, None), "code may have made it");
    }

    #[test]
    fn what_the_protocol_prepared_is_known_to_sql_until_it_is_forgotten() {
        let mut names = Names::default();
        names.prepared("q", &Arc::new(delete()), OperationId(3));
        names.prepared("", &Arc::new(delete()), OperationId(4));
        assert_eq!(effective(&names, execute("q")).command, "DELETE");
        assert!(effective(&names, execute("")).facts.unparsed.is_some());
        names.forgotten(OperationId(3));
        assert!(effective(&names, execute("q")).facts.unparsed.is_some());
    }

    #[test]
    fn a_statement_on_a_cursor_takes_what_both_stand_for_and_goes_no_deeper_than_that() {
        let mut names = Names::default();
        let mut update = delete();
        update.names = named("", NameKind::Cursor, Usage::Use, "c").names;
        names.done(&named("PREPARE", NameKind::Prepared, Usage::Make(Box::new(update)), "q"), false);
        assert!(effective(&names, execute("q")).facts.unparsed.is_some(), "the cursor is not known");
        let read = Statement { accesses: vec![access(Action::Read, "secrets")], ..Statement::default() };
        names.done(&named("DECLARE", NameKind::Cursor, Usage::Make(Box::new(read)), "c"), false);
        let executed = effective(&names, execute("q"));
        assert_eq!((executed.accesses.len(), executed.facts.unparsed), (2, None));
        let round = Statement { names: execute("r").names, ..Statement::default() };
        names.done(&named("PREPARE", NameKind::Prepared, Usage::Make(Box::new(round)), "r"), false);
        assert!(effective(&names, execute("r")).facts.unparsed.is_some(), "a circle ends");
    }

    #[test]
    fn no_more_names_are_kept_than_there_is_room_for() {
        let mut names = Names::default();
        for number in 0..MOST + 5 {
            names.done(&prepare(&format!("n{number}")), false);
        }
        assert_eq!(names.prepared.len(), MOST);
        assert!(effective(&names, execute(&format!("n{}", MOST + 1))).facts.unparsed.is_some());
        assert!(effective(&names, execute("gr\u{f6}\u{df}e")).facts.unparsed.is_some());
    }
}
