//! Reads a database's catalog: relations, what views name, functions, types, operators.

use super::{CatalogError, SideConnection};
use gateway_core::inspect::catalog::{Catalog, RelationKind};
use tokio_postgres::Row;
use tokio_postgres::types::FromSqlOwned;

/// The most relations, and the most of anything else, that a catalog is read of.
const MOST: usize = 1_000_000;
/// Rows of one page, and views of one.
const PAGE: i64 = 20_000;
const VIEWS: i64 = 500;

const SCHEMAS: &str = "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' LIMIT 1000001";

/// Indexes are among them: ALTER INDEX names them. Long values are not: their names say whose they are.
const RELATIONS: &str = "\
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relhastriggers OR (c.relhasrules AND c.relkind NOT IN ('v', 'm')) \
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE c.oid > $1 AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') AND n.nspname <> 'pg_toast' \
ORDER BY c.oid LIMIT $2";

const FUNCTIONS: &str = "\
SELECT p.oid, n.nspname, p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
WHERE p.oid > $1 AND n.nspname !~ '^pg_temp_' ORDER BY p.oid LIMIT $2";

/// What a view names stands in its rule's tree: pg_depend leaves out all that the server brings
/// itself. Words of the user's in the tree have their blanks escaped and can't be taken for a field.
const VIEW_RULES: &str = "\
SELECT r.oid, r.ev_class, m.found[1] = 'relid', m.found[2]::pg_catalog.oid \
FROM (SELECT oid, ev_class, ev_action FROM pg_catalog.pg_rewrite WHERE ev_type = '1' AND oid > $1 ORDER BY oid LIMIT $2) r \
LEFT JOIN LATERAL (SELECT DISTINCT pg_catalog.regexp_matches(r.ev_action::pg_catalog.text, \
':(relid|funcid|opfuncid|winfnoid|aggfnoid) ([1-9][0-9]*)', 'g')) m (found) ON true ORDER BY r.oid";

const FAMILIES: &str = "\
SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' LIMIT 1000001";

const OPERATORS: &str = "\
SELECT n.nspname, o.oprname, o.oprcode::pg_catalog.oid \
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid >= 16384 LIMIT 1000001";

/// The types of users, rows of relations and arrays apart, with the functions that making a value
/// runs: those of the type itself, of casts from and to it, of its domain's conditions, and the same
/// of what it is made of.
const TYPES: &str = "\
WITH RECURSIVE own AS ( \
  SELECT t.oid, n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
  WHERE t.oid >= 16384 AND t.typcategory <> 'A' AND n.nspname !~ '^pg_temp_' AND (t.typtype <> 'c' \
    OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))), \
parts (type, part) AS ( \
  SELECT oid, oid FROM own \
  UNION SELECT p.type, inner_part.oid FROM parts p JOIN pg_catalog.pg_type t ON t.oid = p.part, LATERAL ( \
    SELECT t.typbasetype WHERE t.typtype = 'd' UNION ALL SELECT t.typelem WHERE t.typelem <> 0 \
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid) \
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
      WHERE a.attrelid = t.typrelid AND c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped) inner_part (oid)), \
runs (type, function) AS ( \
  SELECT t.oid, f.oid FROM pg_catalog.pg_type t, \
    LATERAL (VALUES (t.typinput::pg_catalog.oid), (t.typreceive::pg_catalog.oid), (t.typmodin::pg_catalog.oid)) f (oid) \
    WHERE f.oid >= 16384 \
  UNION SELECT t.oid, c.castfunc FROM pg_catalog.pg_cast c, LATERAL (VALUES (c.castsource), (c.casttarget)) t (oid) \
    WHERE c.castfunc >= 16384 AND t.oid >= 16384 \
  UNION SELECT r.rngtypid, f.oid FROM pg_catalog.pg_range r, \
    LATERAL (VALUES (r.rngcanonical::pg_catalog.oid), (r.rngsubdiff::pg_catalog.oid)) f (oid) WHERE f.oid >= 16384 \
  UNION SELECT c.contypid, m[1]::pg_catalog.oid FROM pg_catalog.pg_constraint c, LATERAL pg_catalog.regexp_matches( \
    c.conbin::pg_catalog.text, ':(?:funcid|opfuncid) ([1-9][0-9]*)', 'g') m WHERE c.contypid <> 0) \
SELECT own.nspname, own.typname, COALESCE(found.functions, '{}') FROM own LEFT JOIN ( \
  SELECT p.type, pg_catalog.array_agg(DISTINCT r.function) FROM parts p JOIN runs r ON r.type = p.part GROUP BY p.type) \
  found (type, functions) ON found.type = own.oid LIMIT 1000001";

/// Reads the whole of it, as of one moment.
///
/// # Errors
/// When the server refuses or does not answer, or the database is too large.
pub(super) async fn load(side: &SideConnection) -> Result<Catalog, CatalogError> {
    side.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mut catalog = Catalog::default();
    let all: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
    for row in whole(side, side.rows(SCHEMAS, &all).await?)? {
        catalog.add_schema(&column::<String>(side, &row, 0)?);
    }
    relations(side, &mut catalog).await?;
    views(side, &mut catalog).await?;
    functions(side, &mut catalog).await?;
    for row in whole(side, side.rows(FAMILIES, &all).await?)? {
        catalog.add_child(column(side, &row, 0)?, column(side, &row, 1)?);
    }
    for row in whole(side, side.rows(OPERATORS, &all).await?)? {
        let (schema, symbol): (String, String) = (column(side, &row, 0)?, column(side, &row, 1)?);
        catalog.add_operator(&schema, &symbol, column(side, &row, 2)?);
    }
    for row in whole(side, side.rows(TYPES, &all).await?)? {
        let (schema, name): (String, String) = (column(side, &row, 0)?, column(side, &row, 1)?);
        catalog.add_type(&schema, &name, column::<Vec<u32>>(side, &row, 2)?);
    }
    side.run("COMMIT").await?;
    Ok(catalog)
}

async fn relations(side: &SideConnection, catalog: &mut Catalog) -> Result<(), CatalogError> {
    let mut last = 0u32;
    loop {
        let rows = side.rows(RELATIONS, &[&last, &PAGE]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            last = column(side, row, 0)?;
            let (schema, name): (String, String) = (column(side, row, 1)?, column(side, row, 2)?);
            let kind = RelationKind::of(column::<i8>(side, row, 3)?.cast_unsigned());
            catalog.add_relation(&schema, &name, last, kind, column(side, row, 4)?);
        }
        bounded(side, catalog.relation_count())?;
    }
}

async fn functions(side: &SideConnection, catalog: &mut Catalog) -> Result<(), CatalogError> {
    let (mut last, mut count) = (0u32, 0);
    loop {
        let rows = side.rows(FUNCTIONS, &[&last, &PAGE]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            last = column(side, row, 0)?;
            let (schema, name): (String, String) = (column(side, row, 1)?, column(side, row, 2)?);
            catalog.add_function(&schema, &name, last);
        }
        count += rows.len();
        bounded(side, count)?;
    }
}

async fn views(side: &SideConnection, catalog: &mut Catalog) -> Result<(), CatalogError> {
    let mut last = 0u32;
    loop {
        let rows = side.rows(VIEW_RULES, &[&last, &VIEWS]).await?;
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

fn whole(side: &SideConnection, rows: Vec<Row>) -> Result<Vec<Row>, CatalogError> {
    bounded(side, rows.len()).map(|()| rows)
}

fn bounded(side: &SideConnection, count: usize) -> Result<(), CatalogError> {
    if count > MOST { Err(CatalogError::TooLarge { address: side.address(), most: MOST }) } else { Ok(()) }
}

fn column<T: FromSqlOwned>(side: &SideConnection, row: &Row, index: usize) -> Result<T, CatalogError> {
    row.try_get(index).map_err(|error| side.unfit(&error))
}
