//! What the session has made and done that the catalog does not tell yet, or never will: temporary relations, what its open
//! transaction has made, code that has run.

use super::operation::Part;
use gateway_core::inspect::lineage::{Made, Own};
use gateway_core::inspect::{Object, Statement, TransactionControl};

/// Relations that are kept. Beyond, they are not known, and carry every class.
const MOST: usize = 1_000;

/// Statements that change the database's definitions, and leave what relations are called and made of as it was.
const HARMLESS: [&str; 9] =
    ["ANALYZE", "COMMENT", "CREATE INDEX", "CREATE SCHEMA", "CREATE SEQUENCE", "DROP INDEX", "DROP SEQUENCE", "GRANT", "REVOKE"];

/// What was made, by what the server has confirmed.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnRelations {
    own: Own,
    /// So many of them, the newest, go where the open transaction does not end well.
    open: usize,
    /// Something of the open transaction failed, or was undone.
    failed: bool,
}

impl OwnRelations {
    /// As lineage takes it.
    pub(super) const fn own(&self) -> &Own {
        &self.own
    }

    /// The server has done a statement, or will have before what comes next. Tells whether names may mean something else now.
    pub(super) fn done(&mut self, part: &Part) -> bool {
        let statement = &*part.statement;
        match statement.transaction {
            Some(TransactionControl::Rollback | TransactionControl::RollbackTo) => {
                self.failed = true;
                return self.forget_open();
            }
            Some(_) => return false,
            None => {}
        }
        let code = part.hidden || part.masked.runs_code || statement.changes.anything;
        let told = part.masked.made.as_deref();
        let mut changed = code && !self.own.code_ran;
        self.own.code_ran |= code;
        // Where a policy let a class go into what the session has made, all of that may have it now.
        if !part.masked.carries.is_empty() {
            let columns = self.own.made.iter_mut().flat_map(|made| &mut made.columns);
            columns.for_each(|column| column.sources.add(&part.masked.carries));
            changed |= !self.own.made.is_empty();
        }
        self.own.renamed |= part.masked.renames;
        let definitions = part.hidden || statement.changes.anything || statement.changes.schema;
        if !definitions {
            return changed;
        }
        match (told, statement.command) {
            (Some(made), _) if !part.hidden && self.own.made.len() < MOST => self.insert(made.clone()),
            (None, command) if !code && HARMLESS.contains(&command) => return changed,
            (None, "DROP TABLE" | "DROP VIEW" | "DROP MATERIALIZED VIEW") if !code => self.dropped(statement),
            _ => {
                self.own.made.clear();
                self.open = 0;
                self.own.changed = true;
            }
        }
        true
    }

    /// Something failed: what the transaction has made goes with it, unless that was before a savepoint, which is not known.
    pub(super) fn failed(&mut self) {
        self.failed = true;
    }

    /// The server stands outside of a transaction. Tells whether names may mean something else now.
    pub(super) fn ended(&mut self) -> bool {
        let failed = std::mem::take(&mut self.failed);
        let before = self.own.made.len();
        let open = before - std::mem::take(&mut self.open).min(before);
        let mut place = 0;
        self.own.made.retain(|made| {
            let new = place >= open;
            place += 1;
            // What is not temporary the catalog has from now on.
            !new || (!failed && made.temporary && !made.until_commit)
        });
        let changed = std::mem::take(&mut self.own.changed) | std::mem::take(&mut self.own.renamed);
        changed || before != self.own.made.len()
    }

    fn insert(&mut self, made: Made) {
        let same = |other: &Made| other.name == made.name && other.schema == made.schema && other.extends == made.extends;
        // Of a table that was made longer twice both count.
        if !made.extends
            && let Some(at) = self.own.made.iter().position(same)
        {
            self.own.made.remove(at);
            self.open = self.open.saturating_sub(usize::from(at + self.open > self.own.made.len()));
        }
        self.own.made.push(made);
        self.open += 1;
    }

    /// Relations of these names are gone, whichever of that name they were.
    fn dropped(&mut self, statement: &Statement) {
        let names = || {
            statement.accesses.iter().filter_map(|access| match &access.object {
                Object::Relation(name) => Some(&*name.name),
                _ => None,
            })
        };
        let known = self.own.made.len() - self.open.min(self.own.made.len());
        let (mut place, mut open) = (0, 0);
        self.own.made.retain(|made| {
            let stays = names().all(|name| *name != *made.name);
            open += usize::from(stays && place >= known);
            place += 1;
            stays
        });
        self.open = open;
        // Until it is committed, the catalog still has those that it had.
        self.own.changed = true;
    }

    fn forget_open(&mut self) -> bool {
        let open = std::mem::take(&mut self.open);
        self.own.made.truncate(self.own.made.len().saturating_sub(open));
        open > 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::mask::Masked;
    use super::*;
    use gateway_core::inspect::lineage::{MadeColumn, Sources};
    use gateway_core::inspect::{Access, Action, Changes, ObjectName};
    use std::sync::Arc;

    /// What happens in a session.
    enum Step {
        Make(&'static str),
        MakeTemporary(&'static str),
        MakeUntilCommit(&'static str),
        Drop(&'static str),
        Define(&'static str),
        Rename,
        Code,
        /// A class goes into what the session has made.
        Carry,
        Control(TransactionControl),
        Fails,
        /// The server is ready, outside of a transaction.
        Idle,
    }
    use Step::{Carry, Code, Control, Define, Drop, Fails, Idle, Make, MakeTemporary, MakeUntilCommit, Rename};
    use TransactionControl::{Rollback, RollbackTo};

    fn made(name: &str, temporary: bool, until_commit: bool) -> Option<Arc<Made>> {
        let columns = vec![MadeColumn { name: "a".into(), sources: Sources::default(), loud: false }];
        let (name, touched) = (name.into(), Sources::default());
        let probed = Sources::default();
        Some(Arc::new(Made { schema: None, name, temporary, until_commit, extends: false, columns, touched, probed }))
    }

    fn part(step: &Step) -> Part {
        let mut statement = Statement { command: "CREATE TABLE", ..Statement::default() };
        statement.changes = Changes { schema: true, ..Changes::default() };
        let mut masked = Masked::default();
        match step {
            Make(name) => masked.made = made(name, false, false),
            MakeTemporary(name) => masked.made = made(name, true, false),
            MakeUntilCommit(name) => masked.made = made(name, true, true),
            Drop(name) => {
                statement.command = "DROP TABLE";
                statement.accesses = vec![Access::new(Action::Define, Object::Relation(ObjectName::bare(name)))];
            }
            Define(command) => statement.command = command,
            Rename => (statement.command, masked.renames) = ("ALTER TABLE", true),
            Code => (statement.command, masked.runs_code) = ("SELECT", true),
            Carry => {
                statement.changes.schema = false;
                masked.carries = Sources::everything();
            }
            Control(control) => {
                statement.changes.schema = false;
                statement.transaction = Some(*control);
            }
            Fails | Idle => {}
        }
        if matches!(step, Code) {
            statement.changes.schema = false;
        }
        let mut part = Part::new(Arc::new(statement), Vec::new(), false);
        part.masked = masked;
        part
    }

    /// The names that are known after these steps; with a star where they may carry a class.
    fn after(steps: &[Step]) -> (String, Own) {
        let mut relations = OwnRelations::default();
        for step in steps {
            match step {
                Fails => relations.failed(),
                Idle => _ = relations.ended(),
                step => _ = relations.done(&part(step)),
            }
        }
        let own = relations.own().clone();
        let name = |made: &Made| format!("{}{}", made.name, if made.columns[0].sources.is_empty() { "" } else { "*" });
        (own.made.iter().map(name).collect::<Vec<_>>().join(" "), own)
    }

    #[test]
    fn what_was_made_is_known_while_it_is_sure_to_be_there() {
        for (steps, expected) in [
            (&[Make("a"), MakeTemporary("b")][..], "a b"),
            (&[Make("a"), MakeTemporary("b"), MakeUntilCommit("c"), Idle], "b"),
            (&[MakeTemporary("a"), Idle, MakeTemporary("b"), Fails, Idle], "a"),
            (&[MakeTemporary("a"), Idle, Make("b"), Control(Rollback), Idle], "a"),
            (&[MakeTemporary("a"), MakeTemporary("b"), Control(RollbackTo), MakeTemporary("c")], "c"),
            (&[MakeTemporary("a"), MakeTemporary("b"), Control(RollbackTo), MakeTemporary("c"), Idle], ""),
            (&[MakeTemporary("a"), Idle, MakeTemporary("b"), Drop("a"), Control(Rollback), Idle], ""),
            (&[MakeTemporary("a"), Idle, Drop("a"), MakeTemporary("b"), Idle], "b"),
            (&[MakeTemporary("a"), Idle, MakeTemporary("a"), Idle], "a"),
            (&[MakeTemporary("a"), Idle, MakeTemporary("a"), Fails, Idle], ""),
            (&[MakeTemporary("a"), Define("CREATE INDEX"), Define("COMMENT")], "a"),
            (&[MakeTemporary("a"), Idle, Define("CREATE TRIGGER")], ""),
            (&[MakeTemporary("a"), Idle, Rename], ""),
            (&[MakeTemporary("a"), Carry, MakeTemporary("b")], "a* b"),
        ] {
            assert_eq!(after(steps).0, expected);
        }
    }

    #[test]
    fn what_names_mean_is_in_doubt_until_the_transaction_ends_and_code_is_never_forgotten() {
        let own = |steps: &[Step]| after(steps).1;
        assert!(own(&[Rename]).renamed && own(&[Rename]).changed);
        let ended = own(&[Rename, Code, Idle]);
        assert!(!ended.renamed && !ended.changed && ended.code_ran);
        assert!(!own(&[Make("a"), Define("CREATE INDEX")]).changed && own(&[Define("CREATE TYPE")]).changed);
    }
}
