//! Reads the columns of relations, what constrains them, and the definitions of users' views and code.

use super::code::CodeTexts;
use super::load::{Objects, bounded, column, full, whole};
use super::{CatalogError, SideConnection};
use gateway_core::inspect::catalog::Catalog;
use gateway_core::inspect::code_flow::CodeFlow;
use std::sync::Arc;

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

/// By which transactions all was last written that a view's definition, or code, names.
const DEFINED_BY: &str = "\
SELECT pg_catalog.count(*), pg_catalog.sum(written::pg_catalog.text::pg_catalog.int8)::pg_catalog.text FROM ( \
  SELECT r.xmin FROM pg_catalog.pg_rewrite r WHERE r.oid >= 16384 UNION ALL SELECT p.xmin FROM pg_catalog.pg_proc p WHERE p.oid >= 16384 \
  UNION ALL SELECT n.xmin FROM pg_catalog.pg_namespace n WHERE n.oid >= 16384 AND n.nspname !~ '^pg_(toast_)?temp_' \
  UNION ALL SELECT c.xmin FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relpersistence <> 't' \
  UNION ALL SELECT o.xmin FROM pg_catalog.pg_operator o WHERE o.oid >= 16384 \
  UNION ALL SELECT t.xmin FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid \
    WHERE NOT t.tgisinternal AND c.relpersistence <> 't' \
  UNION ALL SELECT d.xmin FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class c ON c.oid = d.adrelid WHERE c.relpersistence <> 't' \
  UNION ALL SELECT a.xmin FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
    WHERE c.oid >= 16384 AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) rows (written)";

/// The connection's search path is `pg_catalog`, so all other names are qualified.
const DEFINITIONS: &str = "\
SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid) FROM ( \
  SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('v', 'm') AND relpersistence <> 't' AND oid > $1 AND oid < $2 ORDER BY oid LIMIT $3) c \
ORDER BY c.oid";

/// What users' views and code say, as it was read last. To read it, the server locks what they name: where a session has it
/// locked for itself, as while it changes a table, that waits.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    written: Option<(i64, Option<String>)>,
    texts: Vec<(u32, Arc<str>)>,
    code: CodeTexts,
    /// What was found out of the code.
    flows: Option<Arc<[CodeFlow]>>,
}

impl Definitions {
    /// What was found out of the code, where nothing has changed since.
    pub(super) fn flows(&self) -> Option<Arc<[CodeFlow]>> {
        self.flows.clone()
    }

    /// Keeps what was found out, where all could be read.
    pub(super) fn keep(&mut self, catalog: &Catalog) {
        self.flows = self.written.is_some().then(|| Arc::clone(catalog.code_flows()));
    }
}

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

/// Adds what constrains users' columns, and what their views and code say; [`Catalog::trace_views`] and [`Catalog::trace_code`] are yet
/// to be called.
///
/// # Errors
/// As [`super::load::load`].
pub(super) async fn constraints_and_views(
    side: &SideConnection,
    catalog: &mut Catalog,
    definitions: &mut Definitions,
) -> Result<(), CatalogError> {
    for row in whole(side, side.rows(CONSTRAINTS, &[]).await?)? {
        let (relation, own): (u32, Vec<i16>) = (column(side, &row, 0)?, column(side, &row, 1)?);
        let (other, numbers): (u32, Option<Vec<i16>>) = (column(side, &row, 2)?, column(side, &row, 3)?);
        let other = numbers.as_deref().filter(|_| other != 0).map(|numbers| (other, numbers));
        catalog.add_constraint(relation, &own, other);
    }
    for row in whole(side, side.rows(UNIQUE, &[]).await?)? {
        catalog.add_constraint(column(side, &row, 0)?, &column::<Vec<i16>>(side, &row, 1)?, None);
    }
    let mut written = (0, None);
    for row in side.rows(DEFINED_BY, &[]).await? {
        written = (column(side, &row, 0)?, column(side, &row, 1)?);
    }
    if definitions.written.as_ref() != Some(&written) {
        *definitions = Definitions { code: CodeTexts::read(side).await?, ..Definitions::default() };
        side.run("SAVEPOINT views; SET LOCAL lock_timeout = '300ms'").await?;
        let read = match read(side).await {
            Ok(texts) => definitions.code.read_locking(side).await.map(|()| texts),
            Err(error) => Err(error),
        };
        match read {
            Ok(texts) => (definitions.written, definitions.texts) = (Some(written), texts),
            Err(error) => {
                // Views of which nobody knows what they say are made of everything, and so is what code writes.
                tracing::debug!(%error, "the definitions of views are locked: they are read the next time");
                side.run("ROLLBACK TO SAVEPOINT views").await?;
            }
        }
    }
    definitions.texts.iter().for_each(|(view, text)| catalog.add_view_definition(*view, text));
    if definitions.flows.is_none() {
        definitions.code.add_to(catalog);
    }
    Ok(())
}

async fn read(side: &SideConnection) -> Result<Vec<(u32, Arc<str>)>, CatalogError> {
    let ((mut last, end), mut texts) = (Objects::OfUsers.range(), Vec::new());
    loop {
        let rows = side.rows(DEFINITIONS, &[&last, &end, &VIEWS]).await?;
        for row in &rows {
            last = column(side, row, 0)?;
            // One that went meanwhile has none.
            if let Some(definition) = column::<Option<String>>(side, row, 1)? {
                texts.push((last, Arc::from(definition)));
            }
        }
        if !full(&rows, VIEWS) {
            return Ok(texts);
        }
    }
}
