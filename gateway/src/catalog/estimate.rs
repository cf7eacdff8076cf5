//! What a person wants to know who has to approve a statement: how many rows it may touch, and what its transaction holds.
//!
//! Nothing of a job's may run for that: a plan executes immutable functions, wherever they stand (`PostgreSQL` docs, 38.7).

use super::side::SideConnection;
use super::{CatalogError, late};
use std::time::Duration;
use tokio::time::timeout;

/// For one question.
const QUESTION: Duration = Duration::from_secs(4);
/// What is said of it.
const WHAT: &str = "estimating rows";

/// Plain tables alone, none of whose expressions, operators or types is anyone's but the server's: OIDs from 16384 on
/// (`FirstNormalObjectId`) are others'. Row security, rules, and
/// expressions in defaults, constraints, indexes and statistics are planned with the statement.
const FIT: &str = "
WITH r AS (
  SELECT c.oid, c.relkind, c.relrowsecurity, c.relhasrules
  FROM unnest($1::text[], $2::text[]) AS w (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
), parts AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class, indexrelid AS oid FROM pg_catalog.pg_index WHERE indrelid IN (SELECT oid FROM r)
  UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, oid FROM r
  UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, oid FROM pg_catalog.pg_attrdef WHERE adrelid IN (SELECT oid FROM r)
  UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid FROM pg_catalog.pg_constraint WHERE conrelid IN (SELECT oid FROM r)
  UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, oid FROM pg_catalog.pg_statistic_ext WHERE stxrelid IN (SELECT oid FROM r)
)
SELECT (SELECT pg_catalog.count(*) FROM r) = pg_catalog.cardinality($1::text[])
  AND NOT EXISTS (SELECT FROM r WHERE relkind <> 'r' OR relrowsecurity OR relhasrules)
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d JOIN parts p ON d.classid = p.class AND d.objid = p.oid
    WHERE d.refobjid >= 16384 AND d.refclassid IN (
      'pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass,
      'pg_catalog.pg_opclass'::pg_catalog.regclass, 'pg_catalog.pg_opfamily'::pg_catalog.regclass))
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute a
    WHERE a.attrelid IN (SELECT oid FROM r) AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384)";

/// What a backend's transaction holds.
const HELD: &str = "
SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)::bigint,
  (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted)
FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1";

/// The setting that a session of this role and database begins with, as text.
const IDLE: &str = "
SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', coalesce((
  SELECT pg_catalog.split_part(s.line, '=', 2)
  FROM pg_catalog.pg_db_role_setting r
  CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) AS s (line)
  WHERE s.line LIKE 'idle\\_in\\_transaction\\_session\\_timeout=%'
    AND r.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    AND r.setrole IN (0, coalesce((SELECT u.oid FROM pg_catalog.pg_roles u WHERE u.rolname = $1), 0))
  ORDER BY r.setrole <> 0 DESC, r.setdatabase <> 0 DESC LIMIT 1
), (SELECT pg_catalog.concat(reset_val, unit) FROM pg_catalog.pg_settings WHERE name = 'idle_in_transaction_session_timeout')), true)";

const IDLE_MS: &str = "SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'idle_in_transaction_session_timeout'";

/// What an open transaction holds, and how long it may be idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Since when it is open, in seconds.
    pub seconds: Option<u64>,
    /// How many locks it has.
    pub locks: Option<u64>,
    /// How long the server lets a session of that role be idle in it; none for ever.
    pub idle: Option<Duration>,
}

impl SideConnection {
    /// Rows that the server's planner expects `text` to give or to change; none where its tables are not fit for that.
    ///
    /// `text` is one statement without parameters that calls nothing unreviewed, and `relations` all that it touches.
    ///
    /// # Errors
    /// When the server refuses, or does not answer within 4 s.
    pub async fn estimate(&self, text: &str, relations: &[(String, String)]) -> Result<Option<u64>, CatalogError> {
        let schemas: Vec<&str> = relations.iter().map(|(schema, _)| schema.as_str()).collect();
        let names: Vec<&str> = relations.iter().map(|(_, name)| name.as_str()).collect();
        let path: Vec<String> = schemas.iter().map(|schema| format!("\"{}\"", schema.replace('"', "\"\""))).collect();
        self.read_only().await?;
        let fit = self.ask(WHAT, FIT, &[&schemas, &names]).await?;
        let fit = fit.map_or(Ok(false), |row| row.try_get(0)).map_err(|error| self.unfit(&error))?;
        if !fit {
            return Ok(None);
        }
        let path = if path.is_empty() { "pg_catalog".to_owned() } else { path.join(", ") };
        self.run(&format!("SET LOCAL search_path = {path}")).await?;
        // By the extended protocol: the server takes one statement and no more.
        let explain = format!("EXPLAIN {text}");
        let asking = self.client().query(&explain, &[]);
        let plan = timeout(QUESTION, asking).await.map_err(|_elapsed| late(self.address(), QUESTION, WHAT))?;
        let plan = plan.map_err(|error| self.unfit(&error))?;
        let lines: Result<Vec<String>, _> = plan.iter().map(|row| row.try_get(0)).collect();
        Ok(rows(&lines.map_err(|error| self.unfit(&error))?))
    }

    /// What the transaction of the backend `pid` holds, and how long one of `role` may be idle.
    ///
    /// # Errors
    /// When the server refuses, or does not answer within 5 s.
    pub async fn held(&self, pid: u32, role: &str) -> Result<Held, CatalogError> {
        self.read_only().await?;
        let pid = i32::try_from(pid).unwrap_or_default();
        let row = self.ask("looking at a transaction", HELD, &[&pid]).await?;
        let number = |place: usize| {
            let value = row.as_ref().and_then(|row| row.try_get::<_, Option<i64>>(place).ok().flatten());
            value.and_then(|value| u64::try_from(value).ok())
        };
        let (seconds, locks) = (number(0), number(1));
        self.ask("looking at a setting", IDLE, &[&role]).await?;
        let idle = self.ask("looking at a setting", IDLE_MS, &[]).await?;
        let idle = idle.and_then(|row| row.try_get::<_, i64>(0).ok()).and_then(|milliseconds| u64::try_from(milliseconds).ok());
        Ok(Held { seconds, locks, idle: idle.filter(|idle| *idle > 0).map(Duration::from_millis) })
    }
}

/// The rows of a plan, in EXPLAIN's text: of the node below, where the first one changes rows and gives none.
fn rows(plan: &[String]) -> Option<u64> {
    let first = plan.first()?;
    let changes = ["Insert on ", "Update on ", "Delete on ", "Merge on "].iter().any(|node| first.starts_with(node));
    let line = if changes { plan.iter().find(|line| line.trim_start().starts_with("->"))? } else { first };
    let digits = line.split(" rows=").nth(1)?.split(' ').next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn the_rows_of_a_plan_are_read_as_explain_writes_them() {
        for (plan, expected) in [
            ("Seq Scan on t  (cost=0.00..1.05 rows=42 width=4)", Some(42)),
            ("Delete on t  (cost=0.00..1.06 rows=0 width=0)\n  ->  Seq Scan on t  (cost=0.00..1.06 rows=7 width=6)", Some(7)),
            ("Insert on t  (cost=0.00..0.01 rows=0 width=0)\n  ->  Result  (cost=0.00..0.01 rows=1 width=4)", Some(1)),
            ("Delete on t  (cost=0.00..1.06 rows=0 width=0)", None),
            ("", None),
        ] {
            let lines: Vec<_> = plan.lines().map(str::to_owned).collect();
            assert_eq!(rows(&lines), expected, "{plan}");
        }
    }
}
