//! Reads a database's catalog: relations, what views name, functions, types, operators.

use super::columns::Definitions;
use super::{CatalogError, SideConnection, columns, types};
use gateway_core::inspect::catalog::{Catalog, FIRST_OWN, RelationKind};
use gateway_core::inspect::code_flow::CodeFlow;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::FromSqlOwned;

/// The most relations, and the most of anything else, that a catalog is read of.
const MOST: usize = 1_000_000;
/// Rows of one page, and views of one.
const PAGE: i64 = 20_000;
const VIEWS: i64 = 500;

const SCHEMAS: &str = "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' LIMIT 1000001";

/// Triggers of foreign keys are the server's own code. Indexes are among them: ALTER INDEX names them. Long values are not: their names say whose they are.
const RELATIONS: &str = "\
SELECT c.oid, n.nspname, c.relname, c.relkind, (c.relhastriggers AND EXISTS (SELECT FROM pg_catalog.pg_trigger t \
  WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)) OR (c.relhasrules AND c.relkind NOT IN ('v', 'm')) \
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE c.oid > $1 AND c.oid < $2 AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') AND n.nspname <> 'pg_toast' \
ORDER BY c.oid LIMIT $3";

/// The last column: whether it came with an extension. One that a user has put into an extension
/// of theirs still belongs to them.
const FUNCTIONS: &str = "\
SELECT p.oid, n.nspname, p.proname, p.oid >= 16384 AND COALESCE(r.rolsuper, false) AND EXISTS (SELECT FROM pg_catalog.pg_depend d \
  WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'), p.provolatile = 'v' \
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
LEFT JOIN pg_catalog.pg_roles r ON r.oid = p.proowner WHERE p.oid > $1 AND p.oid < $2 AND n.nspname !~ '^pg_temp_' ORDER BY p.oid LIMIT $3";

/// What a view names stands in its rule's tree: pg_depend leaves out all that the server brings
/// itself. Words of the user's in the tree have their blanks escaped and can't be taken for a field.
const VIEW_RULES: &str = "\
SELECT r.oid, r.ev_class, m.found[1] = 'relid', m.found[2]::pg_catalog.oid \
FROM (SELECT oid, ev_class, ev_action FROM pg_catalog.pg_rewrite WHERE ev_type = '1' AND oid > $1 AND oid < $2 ORDER BY oid LIMIT $3) r \
LEFT JOIN LATERAL (SELECT DISTINCT pg_catalog.regexp_matches(r.ev_action::pg_catalog.text, \
':(relid|funcid|opfuncid|winfnoid|aggfnoid) ([1-9][0-9]*)', 'g')) m (found) ON true ORDER BY r.oid";

const FAMILIES: &str = "\
SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' LIMIT 1000001";

const OPERATORS: &str = "\
SELECT n.nspname, o.oprname, o.oprcode::pg_catalog.oid \
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid >= 16384 LIMIT 1000001";

/// What of the server's own is there, and by which transactions it was last written: it differs after
/// any change, for a row that is changed is written anew.
const OWN_STATE: &str = "\
SELECT pg_catalog.count(*), pg_catalog.sum(written::pg_catalog.text::pg_catalog.int8)::pg_catalog.text FROM ( \
  SELECT xmin FROM pg_catalog.pg_class WHERE oid < 16384 UNION ALL SELECT xmin FROM pg_catalog.pg_proc WHERE oid < 16384 \
  UNION ALL SELECT xmin FROM pg_catalog.pg_rewrite WHERE oid < 16384) rows (written)";

/// What the server brings itself, as it was read. Three quarters of most catalogs, and seldom another.
#[derive(Debug)]
pub(super) struct BuiltIn {
    state: (i64, Option<String>),
    columns: bool,
    catalog: Catalog,
}

/// Reads the whole of it, as of one moment. Of what the server brings itself it reads only whether
/// that is still what `built_in` has; else that is read too. With `with_columns`, columns, constraints and what
/// views are made of as well: what lineage asks for, which a target without classes does not need.
///
/// # Errors
/// When the server refuses or does not answer, or the database is too large.
pub(super) async fn load(
    side: &SideConnection,
    built_in: &mut Option<BuiltIn>,
    definitions: &mut Definitions,
    with_columns: bool,
) -> Result<Catalog, CatalogError> {
    side.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off").await?;
    let mut catalog = own(side, built_in, with_columns).await?;
    for row in whole(side, side.rows(SCHEMAS, &[]).await?)? {
        catalog.add_schema(&column::<String>(side, &row, 0)?);
    }
    relations(side, &mut catalog, Objects::OfUsers).await?;
    views(side, &mut catalog, Objects::OfUsers).await?;
    functions(side, &mut catalog, Objects::OfUsers).await?;
    for row in whole(side, side.rows(FAMILIES, &[]).await?)? {
        catalog.add_child(column(side, &row, 0)?, column(side, &row, 1)?);
    }
    for row in whole(side, side.rows(OPERATORS, &[]).await?)? {
        let (schema, symbol): (String, String) = (column(side, &row, 0)?, column(side, &row, 1)?);
        catalog.add_operator(&schema, &symbol, column(side, &row, 2)?);
    }
    types::load(side, &mut catalog).await?;
    if with_columns {
        columns::load(side, &mut catalog, Objects::OfUsers).await?;
        columns::constraints_and_views(side, &mut catalog, definitions).await?;
    }
    side.run("COMMIT").await?;
    if !with_columns {
        return Ok(catalog);
    }
    let catalog = traced(side, catalog, definitions.flows()).await?;
    definitions.keep(&catalog);
    Ok(catalog)
}

/// Has the definitions of views, and code unless it is `known`, read on a thread of their own: there may be many.
async fn traced(side: &SideConnection, mut catalog: Catalog, known: Option<Arc<[CodeFlow]>>) -> Result<Catalog, CatalogError> {
    let reading = tokio::task::spawn_blocking(move || {
        catalog.trace_views();
        match known {
            Some(flows) => catalog.set_code_flows(flows),
            None => catalog.trace_code(),
        }
        catalog
    });
    reading.await.map_err(|_fault| CatalogError::Untraced { address: side.address() })
}

/// What the server brings itself, to be added to.
async fn own(side: &SideConnection, built_in: &mut Option<BuiltIn>, with_columns: bool) -> Result<Catalog, CatalogError> {
    let mut state = (0, None);
    for row in side.rows(OWN_STATE, &[]).await? {
        state = (column(side, &row, 0)?, column(side, &row, 1)?);
    }
    if let Some(known) = built_in.as_ref().filter(|known| known.state == state && known.columns == with_columns) {
        return Ok(known.catalog.clone());
    }
    let mut catalog = Catalog::default();
    // Names that all of these share.
    ["pg_catalog", "information_schema"].iter().for_each(|schema| catalog.add_schema(schema));
    relations(side, &mut catalog, Objects::BuiltIn).await?;
    views(side, &mut catalog, Objects::BuiltIn).await?;
    functions(side, &mut catalog, Objects::BuiltIn).await?;
    if with_columns {
        columns::load(side, &mut catalog, Objects::BuiltIn).await?;
    }
    *built_in = Some(BuiltIn { state, columns: with_columns, catalog: catalog.clone() });
    Ok(catalog)
}

/// Whose objects: they are told apart by their numbers.
#[derive(Clone, Copy)]
pub(super) enum Objects {
    BuiltIn,
    OfUsers,
}

impl Objects {
    /// The numbers that these are behind and before.
    pub(super) const fn range(self) -> (u32, u32) {
        match self {
            Self::BuiltIn => (0, FIRST_OWN),
            Self::OfUsers => (FIRST_OWN - 1, u32::MAX),
        }
    }
}

async fn relations(side: &SideConnection, catalog: &mut Catalog, whose: Objects) -> Result<(), CatalogError> {
    let (mut last, end) = whose.range();
    loop {
        let rows = side.rows(RELATIONS, &[&last, &end, &PAGE]).await?;
        for row in &rows {
            last = column(side, row, 0)?;
            let (schema, name): (String, String) = (column(side, row, 1)?, column(side, row, 2)?);
            let kind = RelationKind::of(column::<i8>(side, row, 3)?.cast_unsigned());
            catalog.add_relation(&schema, &name, last, kind, column(side, row, 4)?);
        }
        bounded(side, catalog.relation_count())?;
        if !full(&rows, PAGE) {
            return Ok(());
        }
    }
}

async fn functions(side: &SideConnection, catalog: &mut Catalog, whose: Objects) -> Result<(), CatalogError> {
    let ((mut last, end), mut count) = (whose.range(), 0);
    loop {
        let rows = side.rows(FUNCTIONS, &[&last, &end, &PAGE]).await?;
        for row in &rows {
            last = column(side, row, 0)?;
            let (schema, name): (String, String) = (column(side, row, 1)?, column(side, row, 2)?);
            if column(side, row, 3)? {
                catalog.add_extension_function(&schema, &name, last);
            } else {
                catalog.add_function(&schema, &name, last);
            }
            if column(side, row, 4)? {
                catalog.add_volatile(&schema, &name);
            }
        }
        count += rows.len();
        bounded(side, count)?;
        if !full(&rows, PAGE) {
            return Ok(());
        }
    }
}

async fn views(side: &SideConnection, catalog: &mut Catalog, whose: Objects) -> Result<(), CatalogError> {
    let (mut last, end) = whose.range();
    loop {
        let rows = side.rows(VIEW_RULES, &[&last, &end, &VIEWS]).await?;
        // One rule has a row for each name in it: how many rules there were can't be told by the rows.
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            last = column(side, row, 0)?;
            let view: u32 = column(side, row, 1)?;
            match (column::<Option<bool>>(side, row, 2)?, column::<Option<u32>>(side, row, 3)?) {
                (Some(true), Some(relation)) => catalog.add_base(view, relation),
                (Some(false), Some(function)) => catalog.add_call(view, function),
                // It names nothing.
                (None, _) | (_, None) => {}
            }
        }
    }
}

/// A page that may not be the last.
pub(super) fn full(rows: &[Row], page: i64) -> bool {
    i64::try_from(rows.len()).is_ok_and(|count| count >= page)
}

pub(super) fn whole(side: &SideConnection, rows: Vec<Row>) -> Result<Vec<Row>, CatalogError> {
    bounded(side, rows.len()).map(|()| rows)
}

pub(super) fn bounded(side: &SideConnection, count: usize) -> Result<(), CatalogError> {
    if count > MOST { Err(CatalogError::TooLarge { address: side.address(), most: MOST }) } else { Ok(()) }
}

pub(super) fn column<T: FromSqlOwned>(side: &SideConnection, row: &Row, index: usize) -> Result<T, CatalogError> {
    row.try_get(index).map_err(|error| side.unfit(&error))
}
