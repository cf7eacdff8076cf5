//! What lies behind the views of a text: each of it that the server locked has to be asked about.
//!
//! Which relations a view has is read here from `pg_depend`; the gateway reads them from the rules'
//! trees. Neither can hide a mistake of the other.

use super::compare::Said;
use super::observe::{Observed, Touched};
use crate::wire::Connection;
use gateway_core::inspect::catalog::Catalog;
use gateway_core::inspect::resolve::{Mentions, Question, Resource, Scope, resolve};
use gateway_core::inspect::{Action, Statement};
use std::sync::Arc;

/// Reads the catalog of a database of the server at this port of 127.0.0.1, as the gateway reads it.
pub type Load<'a> = dyn FnMut(u16, &str) -> anyhow::Result<Arc<Catalog>> + 'a;

/// The catalog of the database that the last text ran in, read when a text needs it.
pub(super) struct Catalogs<'a> {
    load: &'a mut Load<'a>,
    read: Option<(String, Arc<Catalog>)>,
    /// How often one was read.
    pub(super) reads: usize,
}

impl<'a> Catalogs<'a> {
    pub(super) fn new(load: &'a mut Load<'a>) -> Self {
        Self { load, read: None, reads: 0 }
    }

    /// Something of the database may be another.
    pub(super) fn forget(&mut self) {
        self.read = None;
    }

    pub(super) fn of(&mut self, port: u16, database: &str) -> anyhow::Result<Arc<Catalog>> {
        if let Some((_, catalog)) = self.read.as_ref().filter(|(known, _)| known == database) {
            return Ok(Arc::clone(catalog));
        }
        let catalog = (self.load)(port, database)?;
        self.reads += 1;
        self.read = Some((database.to_owned(), Arc::clone(&catalog)));
        Ok(catalog)
    }
}

/// Commands that define something and read views to fill it.
const FILLED: [&str; 4] = ["CREATE TABLE AS", "SELECT INTO", "CREATE MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW"];

/// Whether a statement changes what names stand for, so that the catalog from before it or after it may not be that
/// which it was judged by.
pub(super) fn redefines(statements: &[Arc<Statement>]) -> bool {
    statements.iter().any(|statement| statement.changes.schema && !FILLED.contains(&statement.command))
}

/// What of `observed` lies behind the views in it that `said` has, through any number of views. Temporary views are
/// left out: they are in no catalog. What a view's functions read is apart.
pub(super) fn reached<'o>(side: &mut Connection, said: &Said<'_>, observed: &'o Observed) -> Vec<&'o Touched> {
    let views = observed.iter().filter(|(_, touched)| is_view(touched) && said.has(touched));
    let views: Vec<_> = views.map(|(oid, _)| oid.to_string()).collect();
    if views.is_empty() {
        return Vec::new();
    }
    let rows = side.rows(&REACHED.replace("VIEWS", &views.join(","))).unwrap_or_default();
    let oids = rows.iter().filter_map(|row| row.first()?.parse::<u32>().ok());
    oids.filter_map(|oid| observed.get(&oid)).filter(|touched| !touched.schema.starts_with("pg_temp")).collect()
}

fn is_view(touched: &Touched) -> bool {
    ["v", "m"].contains(&touched.kind.as_str()) && !touched.schema.starts_with("pg_temp")
}

/// The questions that a text raises.
pub(super) fn questions(said: &Said<'_>, catalog: &Catalog) -> Vec<Question> {
    let mentions = Mentions::default();
    let scope = Scope { catalog: Some(catalog), search_path: None, mentions: &mentions, temporary: &[] };
    said.statements.iter().flat_map(|statement| resolve(statement, &scope)).collect()
}

/// Says so where `touched` was locked or changed and `questions` do not ask for it.
pub(super) fn unasked(touched: &Touched, questions: &[Question], said: &Said<'_>) -> Option<String> {
    let own = |question: &&Question| match &question.resource {
        Resource::Table(Some(schema), name) => **schema == *touched.schema && **name == *touched.name,
        Resource::Table(None, _) | Resource::Target | Resource::Schema(_) | Resource::Function(..) => false,
    };
    let asked: Vec<_> = questions.iter().filter(own).map(|question| question.action).collect();
    let Touched { schema, name, modes, changes, .. } = touched;
    let done = format!("behind a view: {schema}.{name} ({}, {changes} rows changed)", modes.join(" "));
    if asked.is_empty() {
        return Some(format!("{done} is in no question"));
    }
    // Functions may write what is read; EXPLAIN locks as if it did.
    let written = touched.written() && !said.explains && !said.calls;
    (written && !asked.contains(&Action::Write)).then(|| format!("{done} is only asked for reading"))
}

/// By the rules that make them views. A view over a function that returns rows of a table depends on that table
/// without reading it.
const REACHED: &str = "WITH RECURSIVE edges (view, relation) AS (
    SELECT w.ev_class, d.refobjid FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
      WHERE w.ev_type = '1' AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class AND NOT EXISTS (
        SELECT FROM pg_depend f JOIN pg_proc p ON p.oid = f.refobjid JOIN pg_class c ON c.reltype = p.prorettype
        WHERE f.classid = 'pg_rewrite'::regclass AND f.objid = w.oid AND f.refclassid = 'pg_proc'::regclass AND c.oid = d.refobjid)),
  reached (oid) AS (
    SELECT relation FROM edges WHERE view IN (VIEWS)
    UNION SELECT e.relation FROM reached r JOIN edges e ON e.view = r.oid)
  SELECT oid FROM reached";

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::inspect::catalog::RelationKind;
    use gateway_core::inspect::postgres::{Bounds, Reading, inspect};

    /// A view `v` over `base`, as this catalog has it.
    #[track_caller]
    fn check(catalog: &Catalog, sql: &str, mode: &str, expected: Option<&str>) {
        let statements =
            inspect(sql, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default()).statements;
        let names = super::super::compare::Names::new();
        let said = Said::of(&statements, &names);
        let base =
            Touched { schema: "public".into(), name: "base".into(), kind: "r".into(), modes: vec![mode.into()], changes: 0 };
        let found = unasked(&base, &questions(&said, catalog), &said);
        assert_eq!(found.is_some(), expected.is_some(), "{sql}: {found:?}");
        assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{sql}");
    }

    #[test]
    fn what_is_locked_behind_a_view_has_to_be_asked_for() {
        let mut catalog = Catalog::default();
        catalog.add_schema("public");
        catalog.add_relation("public", "base", 20_000, RelationKind::Table, false);
        catalog.add_relation("public", "v", 20_001, RelationKind::View, false);
        check(&catalog, "SELECT * FROM v", "AccessShareLock", Some("in no question"));
        catalog.add_base(20_001, 20_000);
        check(&catalog, "SELECT * FROM v", "AccessShareLock", None);
        check(&catalog, "SELECT * FROM v", "RowExclusiveLock", Some("only asked for reading"));
        check(&catalog, "UPDATE v SET n = 1", "RowExclusiveLock", None);
    }
}
