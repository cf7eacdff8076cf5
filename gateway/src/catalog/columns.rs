//! Reads the columns of relations, what constrains them, and the definitions of users' views.

use super::load::{Objects, bounded, column, full, whole};
use super::{CatalogError, SideConnection};
use gateway_core::inspect::catalog::Catalog;

/// Relations of one page, and views of one.
const PAGE: i64 = 2_000;
const VIEWS: i64 = 500;

/// A relation may have no column: then its row has none either.
const COLUMNS: &str = "\
SELECT c.oid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated <> '' \
FROM (SELECT oid FROM pg_catalog.pg_class WHERE oid > $1 AND oid < $2 AND relpersistence <> 't' AND relkind IN ('r', 'p', 'v', 'm', 'f') \
  ORDER BY oid LIMIT $3) c \
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum";

/// Constraints that hold what is written against something: keys, foreign keys, conditions, exclusions.
const CONSTRAINTS: &str = "\
SELECT conrelid, conkey, confrelid, confkey FROM pg_catalog.pg_constraint \
WHERE contype IN ('p', 'u', 'f', 'c', 'x') AND conrelid >= 16384 AND conkey IS NOT NULL LIMIT 1000001";

/// Unique indexes, with the columns in their expressions and conditions.
const UNIQUE: &str = "\
SELECT i.indrelid, ARRAY(SELECT d.refobjsubid::pg_catalog.int2 FROM pg_catalog.pg_depend d \
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid \
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0 \
  UNION SELECT k FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) k (k) WHERE k > 0) \
FROM pg_catalog.pg_index i WHERE i.indisunique AND i.indrelid >= 16384 LIMIT 1000001";

/// The connection's search path is `pg_catalog`, so all other names are qualified.
const DEFINITIONS: &str = "\
SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid) FROM ( \
  SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('v', 'm') AND relpersistence <> 't' AND oid > $1 AND oid < $2 ORDER BY oid LIMIT $3) c \
ORDER BY c.oid";

/// Adds the columns of these objects' relations.
///
/// # Errors
/// As [`super::load::load`].
pub(super) async fn load(side: &SideConnection, catalog: &mut Catalog, whose: Objects) -> Result<(), CatalogError> {
    let ((mut last, end), mut count) = (whose.range(), 0);
    loop {
        let rows = side.rows(COLUMNS, &[&last, &end, &PAGE]).await?;
        // A relation has a row for each column: how many relations there were can't be told by the rows.
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            last = column(side, row, 0)?;
            let Some(number) = column::<Option<i16>>(side, row, 1)? else { continue };
            let name: String = column(side, row, 2)?;
            catalog.add_column(last, number, &name, column(side, row, 3)?, column(side, row, 4)?);
            if column(side, row, 5)? {
                catalog.add_generated(last, number);
            }
        }
        count += rows.len();
        bounded(side, count)?;
    }
}

/// Adds what constrains users' columns, and what their views say; [`Catalog::trace_views`] is yet to be called.
///
/// # Errors
/// As [`super::load::load`].
pub(super) async fn constraints_and_views(side: &SideConnection, catalog: &mut Catalog) -> Result<(), CatalogError> {
    for row in whole(side, side.rows(CONSTRAINTS, &[]).await?)? {
        let (relation, own): (u32, Vec<i16>) = (column(side, &row, 0)?, column(side, &row, 1)?);
        let (other, numbers): (u32, Option<Vec<i16>>) = (column(side, &row, 2)?, column(side, &row, 3)?);
        let other = numbers.as_deref().filter(|_| other != 0).map(|numbers| (other, numbers));
        catalog.add_constraint(relation, &own, other);
    }
    for row in whole(side, side.rows(UNIQUE, &[]).await?)? {
        catalog.add_constraint(column(side, &row, 0)?, &column::<Vec<i16>>(side, &row, 1)?, None);
    }
    let (mut last, end) = Objects::OfUsers.range();
    loop {
        let rows = side.rows(DEFINITIONS, &[&last, &end, &VIEWS]).await?;
        for row in &rows {
            last = column(side, row, 0)?;
            // One that went meanwhile has none.
            if let Some(definition) = column::<Option<String>>(side, row, 1)? {
                catalog.add_view_definition(last, &definition);
            }
        }
        if !full(&rows, VIEWS) {
            return Ok(());
        }
    }
}
