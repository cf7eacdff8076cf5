//! Reads the code of a database that runs when rows are written: triggers, rules, defaults, and what they call.

use super::load::{column, whole};
use super::{CatalogError, SideConnection};
use gateway_core::inspect::catalog::{Catalog, ColumnId, FunctionBody, Trigger};
use gateway_core::inspect::code_flow::Language;
use std::collections::BTreeMap;
use std::sync::Arc;

const TRIGGERS: &str = "\
SELECT t.tgrelid, t.tgfoid, t.tgargs, t.tgoldtable, t.tgnewtable FROM pg_catalog.pg_trigger t \
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid \
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relpersistence <> 't' LIMIT 1000001";

/// Bodies, up to 16 MiB in all. An aggregate's is a query that calls what the aggregate calls.
const BODIES: &str = "\
SELECT p.oid, CASE p.prokind WHEN 'a' THEN 'sql' ELSE l.lanname::pg_catalog.text END, p.provolatile = 'i', \
  CASE WHEN p.prokind = 'a' THEN (SELECT 'SELECT ' || pg_catalog.concat_ws('(), ', a.aggtransfn::pg_catalog.text, \
      NULLIF(a.aggfinalfn::pg_catalog.text, '-'), NULLIF(a.aggmtransfn::pg_catalog.text, '-'), NULLIF(a.aggminvtransfn::pg_catalog.text, '-'), \
      NULLIF(a.aggmfinalfn::pg_catalog.text, '-'), NULLIF(a.aggcombinefn::pg_catalog.text, '-')) || '()' \
      FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid = p.oid) \
    WHEN pg_catalog.sum(pg_catalog.octet_length(p.prosrc)) OVER (ORDER BY p.oid) <= 16777216 THEN p.prosrc END \
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE p.oid >= 16384 ORDER BY p.oid LIMIT 1000001";

/// Rules, a view's own apart.
macro_rules! rules {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class \
             WHERE r.oid >= 16384 AND r.rulename <> '_RETURN' AND r.ev_enabled <> 'D' AND c.relpersistence <> 't' LIMIT 1000001"
        )
    };
}
const RULES: &str = rules!("r.oid, r.ev_class");
const RULE_TEXTS: &str = rules!("r.oid, pg_catalog.pg_get_ruledef(r.oid)");

/// Generated columns, and those whose default calls a function of users: its number stands in the expression's tree.
macro_rules! expressions {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class c ON c.oid = d.adrelid \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
             WHERE c.oid >= 16384 AND c.relpersistence <> 't' AND (a.attgenerated <> '' \
             OR d.adbin::pg_catalog.text ~ ':(funcid|opfuncid|winfnoid|aggfnoid) [1-9][0-9]{4}') LIMIT 1000001"
        )
    };
}
const EXPRESSIONS: &str = expressions!("d.adrelid, d.adnum");
const EXPRESSION_TEXTS: &str = expressions!("d.adrelid, d.adnum, pg_catalog.pg_get_expr(d.adbin, d.adrelid)");

/// Whether functions may have bodies that are no texts (PostgreSQL 14).
const HAS_SQL_BODIES: &str = "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 140000";

const SQL_BODIES: &str = "\
SELECT p.oid, pg_catalog.pg_get_function_sqlbody(p.oid) FROM pg_catalog.pg_proc p \
WHERE p.oid >= 16384 AND p.prosqlbody IS NOT NULL LIMIT 1000001";

/// A database's code.
#[derive(Debug, Default)]
pub(super) struct CodeTexts {
    triggers: Vec<Trigger>,
    bodies: BTreeMap<u32, FunctionBody>,
    /// By their own numbers, with the relation.
    rules: BTreeMap<u32, (u32, Option<Arc<str>>)>,
    expressions: BTreeMap<ColumnId, Option<Arc<str>>>,
}

impl CodeTexts {
    /// Reads what is there, and what can be read of it without a lock.
    ///
    /// # Errors
    /// As [`super::load::load`].
    pub(super) async fn read(side: &SideConnection) -> Result<Self, CatalogError> {
        let mut code = Self::default();
        for row in whole(side, side.rows(TRIGGERS, &[]).await?)? {
            let arguments: Vec<u8> = column(side, &row, 2)?;
            let (old, new): (Option<String>, Option<String>) = (column(side, &row, 3)?, column(side, &row, 4)?);
            code.triggers.push(Trigger {
                relation: column(side, &row, 0)?,
                function: column(side, &row, 1)?,
                arguments: constants(&arguments),
                transition: old.into_iter().chain(new).map(String::into_boxed_str).collect(),
            });
        }
        for row in whole(side, side.rows(BODIES, &[]).await?)? {
            let (language, text): (String, Option<String>) = (column(side, &row, 1)?, column(side, &row, 3)?);
            let language = match language.as_str() {
                "sql" => Some(Language::Sql),
                "plpgsql" => Some(Language::PlPgSql),
                _ => None,
            };
            let text = language.zip(text.map(Arc::from));
            code.bodies.insert(column(side, &row, 0)?, FunctionBody { text, immutable: column(side, &row, 2)? });
        }
        for row in whole(side, side.rows(RULES, &[]).await?)? {
            code.rules.insert(column(side, &row, 0)?, (column(side, &row, 1)?, None));
        }
        for row in whole(side, side.rows(EXPRESSIONS, &[]).await?)? {
            code.expressions.insert(ColumnId { relation: column(side, &row, 0)?, number: column(side, &row, 1)? }, None);
        }
        Ok(code)
    }

    /// Reads the rest: what code names is locked for that.
    ///
    /// # Errors
    /// As [`super::load::load`].
    pub(super) async fn read_locking(&mut self, side: &SideConnection) -> Result<(), CatalogError> {
        let mut has_bodies = false;
        for row in side.rows(HAS_SQL_BODIES, &[]).await? {
            has_bodies = column(side, &row, 0)?;
        }
        let bodies = if has_bodies { whole(side, side.rows(SQL_BODIES, &[]).await?)? } else { Vec::new() };
        for row in bodies {
            let text: Option<String> = column(side, &row, 1)?;
            if let Some(body) = self.bodies.get_mut(&column(side, &row, 0)?) {
                body.text = text.map(|text| (Language::Sql, Arc::from(text)));
            }
        }
        for row in whole(side, side.rows(RULE_TEXTS, &[]).await?)? {
            let text: Option<String> = column(side, &row, 1)?;
            if let Some((_, known)) = self.rules.get_mut(&column(side, &row, 0)?) {
                *known = text.map(Arc::from);
            }
        }
        for row in whole(side, side.rows(EXPRESSION_TEXTS, &[]).await?)? {
            let text: Option<String> = column(side, &row, 2)?;
            let id = ColumnId { relation: column(side, &row, 0)?, number: column(side, &row, 1)? };
            if let Some(known) = self.expressions.get_mut(&id) {
                *known = text.map(Arc::from);
            }
        }
        Ok(())
    }

    /// Adds it all.
    pub(super) fn add_to(&self, catalog: &mut Catalog) {
        self.triggers.iter().for_each(|trigger| catalog.add_trigger(trigger.clone()));
        self.bodies.iter().for_each(|(function, body)| catalog.add_function_body(*function, body.clone()));
        self.rules.values().for_each(|(relation, text)| catalog.add_rule(*relation, text.clone()));
        self.expressions.iter().for_each(|(column, text)| catalog.add_column_expression(*column, text.clone()));
    }
}

/// `pg_trigger.tgargs`: each with a zero behind it.
fn constants(arguments: &[u8]) -> Vec<Box<str>> {
    let mut parts: Vec<_> = arguments.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into()).collect();
    parts.pop();
    parts
}
