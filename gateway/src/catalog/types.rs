//! Reads the types of users, with the functions that making a value of one runs.

use super::load::{column, whole};
use super::{CatalogError, SideConnection};
use gateway_core::inspect::catalog::Catalog;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of relations and arrays are not among them: the catalog knows relations by themselves, and
/// an array's name has its element's in it.
const TYPES: &str = "\
SELECT t.oid, n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND c.relkind = 'c' \
WHERE t.oid >= 16384 AND t.typcategory <> 'A' AND n.nspname !~ '^pg_temp_' AND (t.typtype <> 'c' OR c.oid IS NOT NULL) LIMIT 1000001";

/// What a type is made of: a domain of another type, a row of columns, a range of bounds.
const PARTS: &str = "\
SELECT made.oid, CASE WHEN part.typcategory = 'A' AND part.typelem <> 0 THEN part.typelem ELSE part.oid END FROM ( \
  SELECT oid, typbasetype FROM pg_catalog.pg_type WHERE typtype = 'd' AND oid >= 16384 \
  UNION ALL SELECT c.reltype, a.atttypid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
    WHERE c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped \
  UNION ALL SELECT rngtypid, rngsubtype FROM pg_catalog.pg_range WHERE rngtypid >= 16384 \
  UNION ALL SELECT rngmultitypid, rngtypid FROM pg_catalog.pg_range WHERE rngtypid >= 16384) made (oid, part) \
JOIN pg_catalog.pg_type part ON part.oid = made.part LIMIT 1000001";

/// What a type runs by itself: its own functions, those of casts from and to it, and all that its
/// conditions as a domain call.
const RUNS: &str = "\
SELECT t.oid, f.oid FROM pg_catalog.pg_type t, \
  LATERAL (VALUES (t.typinput::pg_catalog.oid), (t.typreceive::pg_catalog.oid), (t.typmodin::pg_catalog.oid)) f (oid) \
  WHERE t.oid >= 16384 AND t.typtype = 'b' AND t.typcategory <> 'A' AND f.oid >= 16384 \
UNION SELECT t.oid, c.castfunc FROM pg_catalog.pg_cast c, LATERAL (VALUES (c.castsource), (c.casttarget)) t (oid) \
  WHERE c.castfunc >= 16384 AND t.oid >= 16384 \
UNION SELECT r.rngtypid, f.oid FROM pg_catalog.pg_range r, \
  LATERAL (VALUES (r.rngcanonical::pg_catalog.oid), (r.rngsubdiff::pg_catalog.oid)) f (oid) WHERE f.oid >= 16384 \
UNION SELECT c.contypid, m[1]::pg_catalog.oid FROM pg_catalog.pg_constraint c, LATERAL pg_catalog.regexp_matches( \
  c.conbin::pg_catalog.text, ':(?:funcid|opfuncid) ([1-9][0-9]*)', 'g') m WHERE c.contypid <> 0 LIMIT 1000001";

type Links = BTreeMap<u32, Vec<u32>>;

/// Adds them to `catalog`.
///
/// # Errors
/// As [`super::load::load`].
pub(super) async fn load(side: &SideConnection, catalog: &mut Catalog) -> Result<(), CatalogError> {
    let parts = links(side, PARTS).await?;
    let runs = links(side, RUNS).await?;
    for row in whole(side, side.rows(TYPES, &[]).await?)? {
        let (oid, schema, name): (u32, String, String) = (column(side, &row, 0)?, column(side, &row, 1)?, column(side, &row, 2)?);
        catalog.add_type(&schema, &name, all_runs(oid, &parts, &runs));
    }
    Ok(())
}

async fn links(side: &SideConnection, sql: &'static str) -> Result<Links, CatalogError> {
    let mut links = Links::new();
    for row in whole(side, side.rows(sql, &[]).await?)? {
        links.entry(column(side, &row, 0)?).or_default().push(column(side, &row, 1)?);
    }
    Ok(links)
}

/// What a type runs, and all that it is made of.
fn all_runs(oid: u32, parts: &Links, runs: &Links) -> BTreeSet<u32> {
    let (mut seen, mut open, mut found) = (BTreeSet::from([oid]), vec![oid], BTreeSet::new());
    while let Some(at) = open.pop() {
        found.extend(runs.get(&at).into_iter().flatten());
        open.extend(parts.get(&at).into_iter().flatten().copied().filter(|part| seen.insert(*part)));
    }
    found
}
