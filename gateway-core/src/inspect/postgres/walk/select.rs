//! Queries: SELECT and VALUES, what they read from, common table expressions.

use super::{Part, Walk};
use crate::inspect::postgres::names;
use crate::inspect::postgres::sweep::Counted;
use crate::inspect::{Action, Object};
use pg_query::protobuf::{
    CommonTableExpr, IntoClause, JoinExpr, LockingClause, RangeFunction, RangeTableSample, RangeVar, SelectStmt, WithClause,
    node::Node as Kind,
};

impl Part for SelectStmt {
    fn walk(&self, walk: &mut Walk) {
        let Self {
            distinct_clause,
            into_clause,
            target_list,
            from_clause,
            where_clause,
            group_clause,
            group_distinct: _,
            having_clause,
            window_clause,
            values_lists,
            sort_clause,
            limit_offset,
            limit_count,
            limit_option: _,
            locking_clause,
            with_clause,
            op: _,
            all: _,
            larg,
            rarg,
        } = self;
        walk.seen(Counted::SelectStmt);
        walk.with(with_clause.as_ref(), |walk| {
            distinct_clause.walk(walk);
            into_clause.walk(walk);
            target_list.walk(walk);
            from_clause.walk(walk);
            where_clause.walk(walk);
            group_clause.walk(walk);
            having_clause.walk(walk);
            window_clause.walk(walk);
            values_lists.walk(walk);
            sort_clause.walk(walk);
            limit_offset.walk(walk);
            limit_count.walk(walk);
            locking_clause.walk(walk);
            larg.walk(walk);
            rarg.walk(walk);
        });
    }
}

impl Part for IntoClause {
    /// The INTO of a SELECT. CREATE TABLE AS has it too, and walks it itself.
    fn walk(&self, walk: &mut Walk) {
        walk.into = true;
        walk.made_by_into(self, true);
    }
}

impl Part for RangeVar {
    /// A relation to read from, unless it is a common table expression.
    fn walk(&self, walk: &mut Walk) {
        let Self { catalogname, schemaname, relname, inh: _, relpersistence: _, alias, location: _ } = self;
        walk.seen(Counted::RangeVar);
        alias.walk(walk);
        let name = names::object(schemaname, relname);
        walk.written.insert(name.clone());
        let qualified = !catalogname.is_empty() || !schemaname.is_empty();
        if qualified || !walk.scope.has(&name.name) {
            walk.access(Action::Read, Object::Relation(name));
        }
    }
}

impl Part for JoinExpr {
    fn walk(&self, walk: &mut Walk) {
        let Self { jointype: _, is_natural, larg, rarg, using_clause, join_using_alias, quals, alias, rtindex: _ } = self;
        walk.seen(Counted::JoinExpr);
        if *is_natural || !using_clause.is_empty() {
            walk.symbol("=");
        }
        larg.walk(walk);
        rarg.walk(walk);
        using_clause.walk(walk);
        join_using_alias.walk(walk);
        quals.walk(walk);
        alias.walk(walk);
    }
}

impl Part for RangeFunction {
    fn walk(&self, walk: &mut Walk) {
        let Self { lateral: _, ordinality: _, is_rowsfrom: _, functions, alias, coldeflist } = self;
        walk.seen(Counted::RangeFunction);
        functions.walk(walk);
        alias.walk(walk);
        coldeflist.walk(walk);
    }
}

impl Part for RangeTableSample {
    fn walk(&self, walk: &mut Walk) {
        let Self { relation, method, args, repeatable, location: _ } = self;
        walk.seen(Counted::RangeTableSample);
        relation.walk(walk);
        match names::strings(method).as_deref() {
            // What every server has. Another can only be made by a superuser, in C.
            Some(["system" | "bernoulli"] | ["pg_catalog", "system" | "bernoulli"]) => {}
            _ => walk.function(Action::Call, method),
        }
        args.walk(walk);
        repeatable.walk(walk);
    }
}

impl Part for LockingClause {
    /// What it names are aliases of this query, not relations of their own.
    fn walk(&self, walk: &mut Walk) {
        let Self { locked_rels, strength: _, wait_policy: _ } = self;
        walk.out.facts.locking = true;
        for locked in locked_rels {
            match &locked.node {
                Some(Kind::RangeVar(_)) => walk.seen(Counted::RangeVar),
                _ => walk.trouble("FOR UPDATE OF names another node"),
            }
        }
    }
}

impl Part for WithClause {
    /// Only where a statement forgot that it has one: `with` walks those that are expected.
    fn walk(&self, walk: &mut Walk) {
        walk.trouble("WITH where none is expected");
    }
}

impl Part for CommonTableExpr {
    fn walk(&self, walk: &mut Walk) {
        let Self {
            ctename: _,
            aliascolnames,
            ctematerialized: _,
            ctequery,
            search_clause,
            cycle_clause,
            location: _,
            cterecursive: _,
            cterefcount: _,
            ctecolnames,
            ctecoltypes,
            ctecoltypmods,
            ctecolcollations,
        } = self;
        walk.seen(Counted::CommonTableExpr);
        aliascolnames.walk(walk);
        ctequery.walk(walk);
        search_clause.walk(walk);
        cycle_clause.walk(walk);
        ctecolnames.walk(walk);
        ctecoltypes.walk(walk);
        ctecoltypmods.walk(walk);
        ctecolcollations.walk(walk);
    }
}

impl Walk {
    /// Walks a statement's WITH clause, then `rest` with its names in scope.
    ///
    /// Without RECURSIVE a query sees the names before its own, with it all of them.
    pub(super) fn with(&mut self, clause: Option<&WithClause>, rest: impl FnOnce(&mut Self)) {
        let mark = self.scope.mark();
        if let Some(WithClause { ctes, recursive, location: _ }) = clause {
            let named: Vec<&CommonTableExpr> = ctes
                .iter()
                .filter_map(|item| match &item.node {
                    Some(Kind::CommonTableExpr(table)) => Some(&**table),
                    _ => None,
                })
                .collect();
            if named.len() != ctes.len() {
                self.trouble("WITH holds another node");
            }
            if *recursive {
                named.iter().for_each(|table| self.scope.add(names::cut(&table.ctename)));
            }
            for table in named {
                table.walk(self);
                if !*recursive {
                    self.scope.add(names::cut(&table.ctename));
                }
            }
        }
        rest(self);
        self.scope.leave(mark);
    }

    /// The relation that INTO makes: it is defined, and `filled` says whether that also writes to it.
    pub(super) fn made_by_into(&mut self, clause: &IntoClause, filled: bool) {
        let IntoClause { rel, col_names, access_method: _, options, on_commit: _, table_space_name: _, view_query, skip_data: _ } =
            clause;
        if let Some(relation) = rel {
            if self.dry {
                self.seen(Counted::RangeVar);
            } else {
                self.relation(Action::Define, relation);
                if filled {
                    // The same relation again: it is counted once.
                    let target = super::temporary(relation);
                    self.access(Action::Write, Object::Relation(target));
                }
            }
        }
        self.out.changes.schema |= !self.dry;
        col_names.walk(self);
        options.walk(self);
        if view_query.is_some() {
            self.unknown("Query");
        }
    }
}
