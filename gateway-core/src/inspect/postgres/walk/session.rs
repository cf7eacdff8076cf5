//! The session's own state: settings, roles, prepared statements, cursors, transactions, EXPLAIN, code.

use super::{Part, Walk};
use crate::inspect::postgres::kept;
use crate::inspect::postgres::places::Place;
use crate::inspect::postgres::sweep::Counted;
use crate::inspect::{Action, Changes, NameKind, Statement, TransactionControl, Usage};
use pg_query::protobuf::{
    CallStmt, ClosePortalStmt, ConstraintsSetStmt, DeallocateStmt, DeclareCursorStmt, DefElem, DiscardMode, DiscardStmt, DoStmt,
    ExecuteStmt, ExplainStmt, FetchStmt, ListenStmt, LockStmt, Node, NotifyStmt, PrepareStmt, TransactionStmt,
    TransactionStmtKind, UnlistenStmt, VariableSetKind, VariableSetStmt, VariableShowStmt, a_const, node::Node as Kind,
};

/// What the end of a transaction, or of a part of it, may put back: settings, the role, what DDL named.
const ENDED: Changes = Changes { settings: true, role: true, schema: true, anything: false };

impl Walk {
    pub(super) fn transaction_stmt(&mut self, statement: &TransactionStmt) {
        let TransactionStmt { kind, options, savepoint_name: _, gid: _, chain: _, location: _ } = statement;
        options.walk(self);
        let (command, control, changes) = match TransactionStmtKind::try_from(*kind) {
            Ok(TransactionStmtKind::TransStmtBegin) => ("BEGIN", Some(TransactionControl::Begin), Changes::default()),
            Ok(TransactionStmtKind::TransStmtStart) => ("START TRANSACTION", Some(TransactionControl::Begin), Changes::default()),
            Ok(TransactionStmtKind::TransStmtCommit) => ("COMMIT", Some(TransactionControl::Commit), ENDED),
            Ok(TransactionStmtKind::TransStmtRollback) => ("ROLLBACK", Some(TransactionControl::Rollback), ENDED),
            Ok(TransactionStmtKind::TransStmtSavepoint) => ("SAVEPOINT", Some(TransactionControl::Savepoint), Changes::default()),
            Ok(TransactionStmtKind::TransStmtRelease) => ("RELEASE", Some(TransactionControl::Release), Changes::default()),
            Ok(TransactionStmtKind::TransStmtRollbackTo) => ("ROLLBACK", Some(TransactionControl::RollbackTo), ENDED),
            Ok(TransactionStmtKind::TransStmtPrepare) => ("PREPARE TRANSACTION", Some(TransactionControl::Prepare), ENDED),
            Ok(TransactionStmtKind::TransStmtCommitPrepared) => ("COMMIT PREPARED", None, ENDED),
            Ok(TransactionStmtKind::TransStmtRollbackPrepared) => ("ROLLBACK PREPARED", None, ENDED),
            Ok(TransactionStmtKind::Undefined) | Err(_) => return self.trouble("transaction control of an unknown kind"),
        };
        self.out.command = command;
        self.out.transaction = control;
        self.out.changes = self.out.changes.or(changes);
        if control.is_none() {
            self.on_target(Action::Session);
        }
    }

    pub(super) fn variable_set_stmt(&mut self, statement: &VariableSetStmt) {
        statement.walk(self);
        let kind = VariableSetKind::try_from(statement.kind);
        let reset = matches!(kind, Ok(VariableSetKind::VarReset | VariableSetKind::VarResetAll));
        self.out.command = if reset { "RESET" } else { "SET" };
        self.out.changes.settings = true;
        let name = &statement.name;
        // RESET ALL leaves the role, yet a default of it may have been set: it costs nothing to say so.
        self.out.changes.role |=
            name.eq_ignore_ascii_case("role") || name.eq_ignore_ascii_case("session_authorization") || name.is_empty();
        self.on_target(Action::Session);
    }

    /// SHOW says what the session is told anyway: no question is asked.
    pub(super) fn variable_show_stmt(&mut self, statement: &VariableShowStmt) {
        let VariableShowStmt { name: _ } = statement;
        self.out.command = "SHOW";
    }

    pub(super) fn discard_stmt(&mut self, statement: &DiscardStmt) {
        let DiscardStmt { target } = statement;
        let (command, plans, settings, schema) = match DiscardMode::try_from(*target) {
            Ok(DiscardMode::DiscardAll) => ("DISCARD ALL", true, true, true),
            // Plans of prepared statements go, the statements stay.
            Ok(DiscardMode::DiscardPlans) => ("DISCARD PLANS", false, false, false),
            Ok(DiscardMode::DiscardSequences) => ("DISCARD SEQUENCES", false, false, false),
            Ok(DiscardMode::DiscardTemp) => ("DISCARD TEMP", false, false, true),
            Ok(DiscardMode::Undefined) | Err(_) => return self.trouble("DISCARD of an unknown kind"),
        };
        self.out.command = command;
        self.on_target(Action::Session);
        self.out.changes.settings |= settings;
        self.out.changes.role |= settings;
        self.out.changes.schema |= schema;
        if plans {
            self.want(NameKind::Prepared, Usage::DropAll, "", Place::Last);
            self.want(NameKind::Cursor, Usage::DropAll, "", Place::Last);
        }
    }

    pub(super) fn listen_stmt(&mut self, statement: &ListenStmt) {
        let ListenStmt { conditionname: _ } = statement;
        self.of_the_session("LISTEN");
    }

    pub(super) fn unlisten_stmt(&mut self, statement: &UnlistenStmt) {
        let UnlistenStmt { conditionname: _ } = statement;
        self.of_the_session("UNLISTEN");
    }

    pub(super) fn notify_stmt(&mut self, statement: &NotifyStmt) {
        let NotifyStmt { conditionname: _, payload: _, payload_location: _ } = statement;
        self.of_the_session("NOTIFY");
    }

    pub(super) fn constraints_set_stmt(&mut self, statement: &ConstraintsSetStmt) {
        let ConstraintsSetStmt { constraints, deferred: _ } = statement;
        self.of_the_session("SET CONSTRAINTS");
        // Names of constraints, written as those of relations are.
        for constraint in constraints {
            match &constraint.node {
                Some(Kind::RangeVar(_)) => self.seen(Counted::RangeVar),
                _ => self.trouble("SET CONSTRAINTS names another node"),
            }
        }
    }

    /// LOCK: what it locks must be readable.
    pub(super) fn lock_stmt(&mut self, statement: &LockStmt) {
        let LockStmt { relations, mode: _, nowait: _ } = statement;
        self.of_the_session("LOCK TABLE");
        self.relations(Action::Read, relations);
    }

    fn of_the_session(&mut self, command: &'static str) {
        self.out.command = command;
        self.on_target(Action::Session);
    }

    /// PREPARE touches what its body does. To have a name, to use it and to drop it touches nothing.
    pub(super) fn prepare_stmt(&mut self, statement: &PrepareStmt) {
        let PrepareStmt { name, argtypes, query } = statement;
        for argument in argtypes {
            match &argument.node {
                // Its input function runs at EXECUTE.
                Some(Kind::TypeName(type_name)) => self.input_of(Some(type_name)),
                _ => self.trouble("PREPARE with another node as a type"),
            }
        }
        let body = self.apart(query.as_deref());
        self.out.command = "PREPARE";
        self.want(NameKind::Prepared, Usage::Make(Box::new(body)), name, Place::Second);
    }

    pub(super) fn declare_cursor_stmt(&mut self, statement: &DeclareCursorStmt) {
        let DeclareCursorStmt { portalname, options: _, query } = statement;
        let body = self.apart(query.as_deref());
        self.out.changes = self.out.changes.or(body.changes);
        self.out.command = "DECLARE CURSOR";
        self.want(NameKind::Cursor, Usage::Make(Box::new(body)), portalname, Place::Second);
    }

    pub(super) fn execute_stmt(&mut self, statement: &ExecuteStmt) {
        let ExecuteStmt { name, params } = statement;
        self.seen(Counted::ExecuteStmt);
        self.out.command = "EXECUTE";
        params.walk(self);
        self.want(NameKind::Prepared, Usage::Use, name, Place::AfterExecute);
    }

    pub(super) fn deallocate_stmt(&mut self, statement: &DeallocateStmt) {
        let DeallocateStmt { name, isall, location: _ } = statement;
        self.out.command = if *isall { "DEALLOCATE ALL" } else { "DEALLOCATE" };
        self.want(NameKind::Prepared, if *isall { Usage::DropAll } else { Usage::Drop }, name, Place::Last);
    }

    /// FETCH and MOVE touch what their cursor's query does: whoever keeps the names knows it.
    pub(super) fn fetch_stmt(&mut self, statement: &FetchStmt) {
        let FetchStmt { direction: _, how_many: _, portalname, ismove } = statement;
        self.out.command = if *ismove { "MOVE" } else { "FETCH" };
        self.want(NameKind::Cursor, Usage::Use, portalname, Place::Last);
    }

    pub(super) fn close_portal_stmt(&mut self, statement: &ClosePortalStmt) {
        let ClosePortalStmt { portalname } = statement;
        let all = portalname.is_empty();
        self.out.command = if all { "CLOSE CURSOR ALL" } else { "CLOSE CURSOR" };
        self.want(NameKind::Cursor, if all { Usage::DropAll } else { Usage::Drop }, portalname, Place::Last);
    }

    /// EXPLAIN: the body's accesses. Without ANALYZE nothing is changed: what would be written is read.
    pub(super) fn explain_stmt(&mut self, statement: &ExplainStmt) {
        let ExplainStmt { query, options } = statement;
        options.walk(self);
        let runs = options.iter().any(|option| match &option.node {
            Some(Kind::DefElem(option)) => option.defname.eq_ignore_ascii_case("analyze") && is_on(option),
            _ => true,
        });
        let dry = self.dry;
        self.dry |= !runs;
        match query.as_deref().and_then(|query| query.node.as_ref()) {
            // The cursor is not made.
            Some(Kind::DeclareCursorStmt(declare)) => {
                let DeclareCursorStmt { portalname: _, options: _, query } = &**declare;
                if let Some(query) = query {
                    self.body(query);
                }
            }
            Some(_) => query.iter().for_each(|query| self.nested(query)),
            None => self.trouble("EXPLAIN of nothing"),
        }
        self.dry = dry;
        self.out.command = "EXPLAIN";
        self.out.facts.explain = true;
    }

    pub(super) fn do_stmt(&mut self, statement: &DoStmt) {
        let DoStmt { args } = statement;
        args.walk(self);
        self.out.command = "DO";
        self.on_target(Action::Call);
        self.code();
    }

    pub(super) fn call_stmt(&mut self, statement: &CallStmt) {
        let CallStmt { funccall, funcexpr, outargs } = statement;
        funccall.walk(self);
        if funcexpr.is_some() {
            self.unknown("FuncExpr");
        }
        outargs.walk(self);
        self.out.command = "CALL";
        self.code();
    }

    fn code(&mut self) {
        self.out.facts.opaque = true;
        self.out.changes.anything = true;
    }

    /// A query inside of another statement: it adds to that statement's accesses and facts.
    pub(super) fn body(&mut self, query: &Node) {
        match &query.node {
            Some(
                Kind::SelectStmt(_)
                | Kind::InsertStmt(_)
                | Kind::UpdateStmt(_)
                | Kind::DeleteStmt(_)
                | Kind::MergeStmt(_)
                | Kind::ExecuteStmt(_),
            ) => {
                let command = self.out.command;
                self.nested(query);
                self.out.command = command;
            }
            _ => self.trouble("a query that is another statement"),
        }
    }

    /// The query that a name will stand for: a statement of its own, whose accesses and facts are also the maker's.
    fn apart(&mut self, query: Option<&Node>) -> Statement {
        let Some(query) = query else {
            self.trouble("a name that stands for nothing");
            return Statement::default();
        };
        let outer = std::mem::take(&mut self.out);
        let accesses = std::mem::take(&mut self.accesses);
        self.symbols.clear();
        self.nested(query);
        let mut body = std::mem::replace(&mut self.out, outer);
        body.accesses = super::settled(std::mem::replace(&mut self.accesses, accesses), &self.seen);
        body.tree = if self.exact { kept(query.clone()) } else { None };
        self.accesses.extend(body.accesses.iter().cloned());
        let facts = &mut self.out.facts;
        facts.no_where |= body.facts.no_where;
        facts.locking |= body.facts.locking;
        facts.opaque |= body.facts.opaque;
        facts.constant |= body.facts.constant;
        body
    }
}

impl Part for VariableSetStmt {
    fn walk(&self, walk: &mut Walk) {
        let Self { kind: _, name: _, args, jumble_args: _, is_local: _, location: _ } = self;
        walk.seen(Counted::VariableSetStmt);
        args.walk(walk);
    }
}

/// Whether an option is on, as `defGetBoolean` has it; what can't be told counts as on.
pub(in crate::inspect) fn is_on(option: &DefElem) -> bool {
    let text = match option.arg.as_deref().and_then(|node| node.node.as_ref()) {
        Some(Kind::Integer(number)) => return number.ival != 0,
        Some(Kind::Boolean(value)) => return value.boolval,
        Some(Kind::String(text)) => &text.sval,
        Some(Kind::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Sval(text)) => &text.sval,
            Some(a_const::Val::Ival(number)) => return number.ival != 0,
            _ => return true,
        },
        _ => return true,
    };
    !(text.eq_ignore_ascii_case("false") || text.eq_ignore_ascii_case("off"))
}
