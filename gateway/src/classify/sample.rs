//! What a database has: columns with their constraints, and what a few of their values look like.

use super::evidence::{Evidence, Looker};
use crate::catalog::{CatalogError, SideConnection};

/// The most columns that are looked at.
const MOST: usize = 20_000;
/// Characters of a value that are looked at.
const LENGTH: usize = 512;

const COLUMNS: &str = "\
SELECT n.nspname, c.relname, a.attname, \
  (CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END)::pg_catalog.text, pg_catalog.format_type(a.atttypid, a.atttypmod), \
  a.attnotnull::pg_catalog.text, \
  EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey))::pg_catalog.text, \
  EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND (k.conrelid = c.oid AND a.attnum = ANY (k.conkey) \
    OR k.confrelid = c.oid AND a.attnum = ANY (k.confkey)))::pg_catalog.text, \
  EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contype = 'c' AND k.conrelid = c.oid AND a.attnum = ANY (k.conkey))::pg_catalog.text \
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't' AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped \
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2, a.attnum LIMIT 20001";

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ClassifyError {
    /// The database could not be asked.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// It is too large to be looked at as a whole.
    #[error("the database has more than {MOST} columns: name a schema with --schema")]
    TooLarge,
}

/// A column, and what speaks for what is in it.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its schema.
    pub schema: String,
    /// Its table.
    pub relation: String,
    /// Its name.
    pub name: String,
    /// Its type by number; of a domain, that below it.
    pub type_oid: u32,
    /// Its type as SQL writes it.
    pub type_name: String,
    /// It has to have a value.
    pub not_null: bool,
    /// Values are told apart: a unique index or a key has it.
    pub unique: bool,
    /// A foreign key has it, at either end.
    pub key: bool,
    /// A check looks at it.
    pub checked: bool,
    /// What was seen.
    pub evidence: Evidence,
}

/// Looks at up to `rows` rows of every table, of one schema where one is named. `progress` hears of each table.
///
/// A table that may not be read is judged by its names alone.
///
/// # Errors
/// When the database can't be asked, or is too large.
pub async fn look(
    side: &SideConnection,
    schema: Option<&str>,
    rows: u32,
    mut progress: impl FnMut(&str, usize, usize),
) -> Result<Vec<Column>, ClassifyError> {
    side.read_only().await?;
    let listed = side.texts(COLUMNS).await?;
    if listed.len() > MOST {
        return Err(ClassifyError::TooLarge);
    }
    let mut columns: Vec<Column> = listed.iter().filter_map(|row| column(row)).collect();
    columns.retain(|column| schema.is_none_or(|schema| column.schema == schema));
    let tables = columns.chunk_by(|one, other| (&one.schema, &one.relation) == (&other.schema, &other.relation)).count();
    let mut looker = Looker::new();
    let mut number = 0;
    for table in columns.chunk_by_mut(|one, other| (&one.schema, &one.relation) == (&other.schema, &other.relation)) {
        number += 1;
        let Some(first) = table.first() else { continue };
        let name = format!("{}.{}", first.schema, first.relation);
        progress(&name, number, tables);
        // One that is locked, foreign and away, or forbidden, is not the end of it.
        match side.texts(&sampling(table, rows)).await {
            Ok(sampled) => table.iter_mut().enumerate().for_each(|(place, column)| {
                let values = sampled.iter().filter_map(|row| row.get(place)?.as_deref());
                column.evidence = looker.of(&column.name, column.type_oid, values);
            }),
            Err(error) => {
                tracing::warn!(table = name, %error, "not read: its columns are judged by their names");
                side.read_only().await?;
                table
                    .iter_mut()
                    .for_each(|column| column.evidence = looker.of(&column.name, column.type_oid, std::iter::empty()));
            }
        }
    }
    Ok(columns)
}

fn column(row: &[Option<String>]) -> Option<Column> {
    let text = |place: usize| row.get(place)?.clone();
    let flag = |place: usize| text(place).is_some_and(|text| text == "true");
    Some(Column {
        schema: text(0)?,
        relation: text(1)?,
        name: text(2)?,
        type_oid: text(3)?.parse().ok()?,
        type_name: text(4)?,
        not_null: flag(5),
        unique: flag(6),
        key: flag(7),
        checked: flag(8),
        evidence: Evidence::default(),
    })
}

/// The first rows of a table, each value as a text that is not too long.
fn sampling(table: &[Column], rows: u32) -> String {
    let values = table.iter().map(|column| format!("pg_catalog.left({}::pg_catalog.text, {LENGTH})", quoted(&column.name)));
    let place = table.first().map_or_else(String::new, |first| format!("{}.{}", quoted(&first.schema), quoted(&first.relation)));
    format!("SELECT {} FROM {place} LIMIT {rows}", values.collect::<Vec<_>>().join(", "))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
