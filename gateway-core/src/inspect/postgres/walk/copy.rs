//! COPY.

use super::{Part, Walk};
use crate::inspect::postgres::sweep::Counted;
use crate::inspect::{Action, CopyWith};
use pg_query::protobuf::CopyStmt;

impl Walk {
    /// COPY FROM writes, COPY TO reads. A file or program of the server is administered as well.
    pub(super) fn copy_stmt(&mut self, statement: &CopyStmt) {
        let CopyStmt { relation, query, attlist, is_from, is_program, filename, options, where_clause } = statement;
        self.seen(Counted::CopyStmt);
        self.out.command = "COPY";
        let with = match (filename.is_empty(), *is_from, *is_program) {
            (_, _, true) => CopyWith::Program,
            (false, _, false) => CopyWith::File,
            (true, true, false) => CopyWith::Stdin,
            (true, false, false) => CopyWith::Stdout,
        };
        self.out.facts.copy = Some(with);
        match with {
            CopyWith::Stdin | CopyWith::Stdout => {}
            CopyWith::File | CopyWith::Program => self.on_target(Action::Administer),
        }
        if let Some(relation) = relation {
            self.relation(if *is_from { Action::Write } else { Action::Read }, relation);
        }
        if let Some(query) = query {
            self.body(query);
        }
        attlist.walk(self);
        options.walk(self);
        where_clause.walk(self);
    }
}
